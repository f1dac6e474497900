"""A deleted object is loaded before a later point, without data."""

import logging
import sys
import tempfile

from relstorage.adapters.sqlite.adapter import Sqlite3Adapter
from relstorage.options import Options
from relstorage.storage import RelStorage
from ZODB.Connection import TransactionMetaData
from ZODB.utils import newTid, z64

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
    first = commit(storage, z64, z64, b"data")
    meta = TransactionMetaData()
    storage.tpc_begin(meta)
    storage.deleteObject(z64, first, meta)
    storage.tpc_vote(meta)
    last = storage.tpc_finish(meta)
    storage.poll_invalidations()
    try:
        found = storage.loadBefore(z64, newTid(last))
    except KeyError:
        found = None
    storage.close()
    problem = f"{found[:1] + found[2:]} is loaded, and the tid" if found else ""
if problem:
    sys.exit(f"storage.deleted-is-not-loaded-before: {problem}")
