"""An iteration of records gives objects that are gone, with no data."""

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
    first = commit(storage, z64, z64, b"data")
    meta = TransactionMetaData()
    storage.tpc_begin(meta)
    storage.deleteObject(z64, first, meta)
    storage.tpc_vote(meta)
    storage.tpc_finish(meta)
    storage.poll_invalidations()
    try:
        oid, _, data, _ = storage.record_iternext()
        problem = f"the object {oid!r} is given with the data {data!r}" if oid else ""
    except (ValueError, StopIteration):
        problem = ""
    storage.close()
if problem:
    sys.exit(f"storage.record-iteration-passes-over-the-uncreated.relstorage: {problem}")
