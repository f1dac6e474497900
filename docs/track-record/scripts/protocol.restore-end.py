"""Without history, what is restored to have ceased to exist can still be loaded."""

import logging
import sys
import tempfile

from relstorage.adapters.sqlite.adapter import Sqlite3Adapter
from relstorage.options import Options
from relstorage.storage import RelStorage
from ZODB.Connection import TransactionMetaData
from ZODB.POSException import POSKeyError
from ZODB.utils import newTid, z64

logging.disable()

with tempfile.TemporaryDirectory() as folder:
    options = Options(blob_dir=folder + "/blobs", keep_history=False)
    storage = RelStorage(Sqlite3Adapter(folder, {}, options=options), options=options)
    meta = TransactionMetaData()
    storage.tpc_begin(meta)
    storage.store(z64, z64, b"old", "", meta)
    storage.tpc_vote(meta)
    first = storage.tpc_finish(meta)
    storage.poll_invalidations()
    storage.load(z64)

    tid, meta = newTid(first), TransactionMetaData()
    storage.tpc_begin(meta, tid)
    storage.restore(z64, tid, None, "", None, meta)
    storage.tpc_vote(meta)
    storage.tpc_finish(meta)
    storage.poll_invalidations()
    try:
        problem = f"{storage.load(z64)[0]!r} is loaded after its end"
    except POSKeyError:
        problem = ""
    storage.close()
if problem:
    sys.exit(f"protocol.restore-end: {problem}")
