"""An entry that lacks an item is found where None is asked for."""

import logging
import sys
import tempfile

from relstorage.adapters.sqlite.adapter import Sqlite3Adapter
from relstorage.options import Options
from relstorage.storage import RelStorage
from ZODB.Connection import TransactionMetaData
from ZODB.utils import z64

logging.disable()


def commit(storage, oid, serial, data):
    """Store a record in a transaction of its own."""
    meta = TransactionMetaData()
    storage.tpc_begin(meta)
    storage.store(oid, serial, data, "", meta)
    try:
        storage.tpc_vote(meta)
    except Exception:
        storage.tpc_abort(meta)
        raise
    tid = storage.tpc_finish(meta)
    storage.poll_invalidations()
    return tid


with tempfile.TemporaryDirectory() as folder:
    options = Options(blob_dir=folder + "/blobs")
    storage = RelStorage(Sqlite3Adapter(folder, {}, options=options), options=options)
    commit(storage, z64, z64, b"data")
    found = storage.undoInfo(0, 9, {"mood": None})
    storage.close()
    problem = "entries without a mood are found where the mood None is asked for" if found else ""
if problem:
    sys.exit(f"storage.undo-info-items-have-to-be-there.relstorage: {problem}")
