"""An undo that was aborted is there, and others have seen it before."""

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
    oid = storage.new_oid()
    first = commit(storage, oid, z64, b"first")
    commit(storage, oid, first, b"second")
    meta = TransactionMetaData(description="undo")
    storage.tpc_begin(meta)
    storage.store(z64, z64, b"root", "", meta)
    storage.undo(storage.undoLog(0, 1)[0]["id"], meta)
    storage.tpc_vote(meta)
    storage.tpc_abort(meta)
    storage.poll_invalidations()
    listed, (found, _) = storage.undoLog(0, 1)[0]["description"], storage.load(oid)
    storage.close()
    problem = f"after the abort {listed!r} is listed, and {found!r} is loaded" if listed else ""
if problem:
    sys.exit(f"protocol.undo-log: {problem}")
