"""Without history, RelStorage on SQLite keeps a deletion that was aborted after the vote."""

import logging
import sys
import tempfile

from relstorage.adapters.sqlite.adapter import Sqlite3Adapter
from relstorage.options import Options
from relstorage.storage import RelStorage
from ZODB.Connection import TransactionMetaData
from ZODB.POSException import POSKeyError
from ZODB.utils import z64

logging.disable()

with tempfile.TemporaryDirectory() as folder:
    options = Options(keep_history=False)
    storage = RelStorage(Sqlite3Adapter(folder, {}, options=options), options=options)
    oid, meta = storage.new_oid(), TransactionMetaData()
    storage.tpc_begin(meta)
    storage.store(oid, z64, b"data", "", meta)
    storage.tpc_vote(meta)
    tid = storage.tpc_finish(meta)

    meta = TransactionMetaData()
    storage.tpc_begin(meta)
    storage.deleteObject(oid, tid, meta)
    storage.store(storage.new_oid(), z64, b"other data", "", meta)
    storage.tpc_vote(meta)
    storage.tpc_abort(meta)
    other = storage.new_instance()
    other.poll_invalidations()
    problem = ""
    try:
        other.load(oid)
    except POSKeyError:
        problem = "a deletion was voted for and aborted, and the object is gone"
    other.release()
    storage.close()
if problem:
    sys.exit(f"protocol.pack: {problem}")
