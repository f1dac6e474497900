"""An undo over a DemoStorage that could be merged is refused, where records have been changed."""

import logging
import sys
import tempfile

import transaction
import ZODB
from BTrees.Length import Length
from ZODB.DemoStorage import DemoStorage
from ZODB.FileStorage import FileStorage
from ZODB.POSException import UndoError
from ZODB.tests.hexstorage import HexStorage

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    db = ZODB.DB(HexStorage(DemoStorage(changes=FileStorage(folder + "/changes.fs"))))
    root = db.open().root()
    root["count"] = count = Length()
    transaction.commit()
    for step in 1, 10:
        count.change(step)
        transaction.commit()
    db.undo(db.undoLog(1, 2)[0]["id"])
    try:
        transaction.commit()
        problem = ""
    except UndoError as error:
        transaction.abort()
        problem = f"storage.wrapped-undo-merges.demo: the undo raises {type(error).__name__}"
    db.close()
sys.exit(problem or 0)
