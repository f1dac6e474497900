"""An id that never was one is refused by an assertion."""

import logging
import sys
import tempfile

from relstorage.adapters.sqlite.adapter import Sqlite3Adapter
from relstorage.options import Options
from relstorage.storage import RelStorage
from ZODB.Connection import TransactionMetaData
from ZODB.POSException import UndoError

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    options = Options(blob_dir=folder + "/blobs")
    storage = RelStorage(Sqlite3Adapter(folder, {}, options=options), options=options)
    meta, problem = TransactionMetaData(), ""
    storage.tpc_begin(meta)
    try:
        storage.undo(b"nonsense", meta)
    except UndoError:
        pass
    except Exception as error:
        problem = f"{error!r} is raised"
    storage.tpc_abort(meta)
    storage.close()
if problem:
    sys.exit(f"storage.undo-of-nothing-says-so.relstorage: {problem}")
