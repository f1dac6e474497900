"""An id that never was one is refused by an error that nobody meant."""

import sys
import tempfile

from ZODB.Connection import TransactionMetaData
from ZODB.FileStorage import FileStorage
from ZODB.POSException import UndoError

with tempfile.TemporaryDirectory() as folder:
    storage = FileStorage(folder + "/Data.fs")
    meta = TransactionMetaData()
    storage.tpc_begin(meta)
    problem = ""
    try:
        storage.undo(b"nonsense", meta)
    except UndoError:
        pass
    except Exception as error:
        problem = f"{error!r} is raised"
    storage.tpc_abort(meta)
    storage.close()
if problem:
    sys.exit(f"storage.undo-of-nothing-says-so: {problem}")
