"""An object that was never there is current, and can be deleted."""

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
    oid, tid, problem = storage.new_oid(), commit(storage, z64, z64, b"data"), ""
    for method in storage.checkCurrentSerialInTransaction, storage.deleteObject:
        meta = TransactionMetaData()
        storage.tpc_begin(meta)
        storage.store(z64, tid, b"new", "", meta)
        try:
            method(oid, z64, meta)
            storage.tpc_vote(meta)
            problem += f"{method.__name__} of an object that is not there is accepted; "
        except Exception:
            pass
        storage.tpc_abort(meta)
    storage.close()
if problem:
    sys.exit(f"storage.unknown-read: {problem}")
