"""What an extension notes takes the place of the id in the undo log."""

import logging
import sys
import tempfile

import transaction
import ZODB
from relstorage.adapters.sqlite.adapter import Sqlite3Adapter
from relstorage.options import Options
from relstorage.storage import RelStorage

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    options = Options(blob_dir=folder + "/blobs")
    storage = RelStorage(Sqlite3Adapter(folder, {}, options=options), options=options)
    db = ZODB.DB(storage)
    transaction.get().setExtendedInfo("id", b"my own")
    db.open().root()["number"] = 1
    transaction.commit()
    id = db.undoLog(0, 1)[0]["id"]
    db.close()
    problem = f"the id to undo it by is {id!r}" if id == b"my own" else ""
if problem:
    sys.exit(f"storage.undo-log-keeps-its-items.relstorage: {problem}")
