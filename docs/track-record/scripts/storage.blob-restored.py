"""The file of a blob that was restored is left where it was."""

import logging
import sys
import tempfile
from pathlib import Path

from relstorage.adapters.sqlite.adapter import Sqlite3Adapter
from relstorage.options import Options
from relstorage.storage import RelStorage
from ZODB.blob import Blob
from ZODB.Connection import TransactionMetaData
from ZODB.serialize import ObjectWriter
from ZODB.utils import newTid, z64

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    options = Options(blob_dir=folder + "/blobs")
    storage = RelStorage(Sqlite3Adapter(folder, {}, options=options), options=options)
    path = Path(storage.temporaryDirectory(), "content")
    path.write_bytes(b"content")
    tid, meta = newTid(None), TransactionMetaData()
    storage.tpc_begin(meta, tid)
    storage.restoreBlob(z64, tid, ObjectWriter().serialize(Blob()), str(path), None, meta)
    storage.tpc_vote(meta)
    storage.tpc_finish(meta)
    problem = "the file is there after the commit" if path.exists() else ""
    storage.close()
if problem:
    sys.exit(f"storage.blob-restored: {problem}")
