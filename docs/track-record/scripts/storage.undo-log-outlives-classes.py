"""The undo log can't be read when a class in an extension is gone."""

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
    meta = TransactionMetaData(extension=b"\x80\x03}X\x04\x00\x00\x00noteq\x00cmissing\nClass\ns.")
    storage.tpc_begin(meta)
    storage.store(z64, z64, b"data", "", meta)
    storage.tpc_vote(meta)
    storage.tpc_finish(meta)
    storage.poll_invalidations()
    try:
        storage.undoLog(0, 1)
        problem = ""
    except ImportError as error:
        problem = f"{error!r} is raised"
    storage.close()
if problem:
    sys.exit(f"storage.undo-log-outlives-classes: {problem}")
