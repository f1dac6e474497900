"""A pack reads what it is about to remove, and fails where that can't be read."""

import logging
import sys
import tempfile
import time

import ZODB
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
    db, problem = ZODB.DB(storage), ""
    commit(storage, b"garbage!", z64, b"damaged")
    time.sleep(0.01)
    try:
        db.pack()
    except Exception as error:
        problem = f"the pack raises {error!r}"
    db.close()
if problem:
    sys.exit(f"storage.gc-asks-of-what-stays: {problem}")
