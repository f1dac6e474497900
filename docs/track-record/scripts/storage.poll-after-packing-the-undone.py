"""After a pack, nobody is told that the creation of an object was undone."""

import logging
import sys
import tempfile
import time

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
    commit(storage, z64, z64, b"root")
    oid = storage.new_oid()
    commit(storage, oid, z64, b"data")
    reader, meta = storage.new_instance(), TransactionMetaData()
    reader.poll_invalidations()
    reader.load(oid)
    storage.tpc_begin(meta)
    storage.undo(storage.undoLog(0, 1)[0]["id"], meta)
    storage.tpc_vote(meta)
    storage.tpc_finish(meta)
    time.sleep(0.01)
    storage.pack(time.time(), lambda _: [])
    told = reader.poll_invalidations()
    storage.close()
    problem = "" if told is None or oid in told else f"what has changed is {list(told)}"
if problem:
    sys.exit(f"storage.poll-after-packing-the-undone: {problem}")
