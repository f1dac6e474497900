"""What is a conflict raises an error that says that the cache is broken."""

import logging
import sys
import tempfile

from relstorage.adapters.sqlite.adapter import Sqlite3Adapter
from relstorage.options import Options
from relstorage.storage import RelStorage
from ZODB.Connection import TransactionMetaData
from ZODB.POSException import ConflictError
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
    first = commit(storage, z64, z64, b"old")
    other = RelStorage(Sqlite3Adapter(folder, {}, options=options), options=options)
    other.poll_invalidations()
    commit(storage, z64, first, b"new")
    other.poll_invalidations()
    problem = ""
    try:
        commit(other, z64, first, b"lost")
    except ConflictError:
        pass
    except Exception as error:
        problem = f"a {type(error).__name__} is raised, of {type(error).__bases__}"
    other.close()
    storage.close()
if problem:
    sys.exit(f"storage.clients-conflict-when-told: {problem}")
