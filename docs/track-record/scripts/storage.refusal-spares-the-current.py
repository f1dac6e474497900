"""A call with another transaction ends the one that is under way."""

import logging
import sys
import tempfile

from relstorage.adapters.sqlite.adapter import Sqlite3Adapter
from relstorage.options import Options
from relstorage.storage import RelStorage
from ZODB.Connection import TransactionMetaData
from ZODB.utils import z64

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    options = Options(blob_dir=folder + "/blobs")
    storage = RelStorage(Sqlite3Adapter(folder, {}, options=options), options=options)
    meta, problem = TransactionMetaData(), ""
    storage.tpc_begin(meta)
    try:
        storage.tpc_vote(TransactionMetaData())
    except Exception:
        pass
    try:
        storage.tpc_finish(TransactionMetaData())
    except Exception:
        pass
    try:
        storage.store(z64, z64, b"data", "", meta)
    except Exception as error:
        problem = f"to store something then raises {error!r}"
    storage.tpc_abort(meta)
    storage.close()
if problem:
    sys.exit(f"storage.refusal-spares-the-current: {problem}")
