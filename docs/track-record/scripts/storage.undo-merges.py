"""An undo that could be merged is refused."""

import logging
import sys
import tempfile

import transaction
import ZODB
from BTrees.Length import Length
from relstorage.adapters.sqlite.adapter import Sqlite3Adapter
from relstorage.options import Options
from relstorage.storage import RelStorage
from ZODB.POSException import UndoError

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    options = Options(blob_dir=folder + "/blobs")
    storage = RelStorage(Sqlite3Adapter(folder, {}, options=options), options=options)
    db, problem = ZODB.DB(storage), ""
    root = db.open().root()
    root["count"] = count = Length()
    transaction.commit()
    for step in 1, 10:
        count.change(step)
        transaction.commit()
    db.undo(db.undoLog(1, 2)[0]["id"])
    try:
        transaction.commit()
    except UndoError as error:
        transaction.abort()
        problem = f"the undo raises {error!r}"
    db.close()
if problem:
    sys.exit(f"storage.undo-merges: {problem}")
