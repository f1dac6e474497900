"""An object of the base can't be changed any more when its first change was undone."""

import logging
import sys
import tempfile

import transaction
import ZODB
from ZODB.DemoStorage import DemoStorage
from ZODB.FileStorage import FileStorage
from ZODB.MappingStorage import MappingStorage
from ZODB.POSException import ConflictError

logging.disable()
base = MappingStorage()
ZODB.DB(base)
with tempfile.TemporaryDirectory() as folder:
    db = ZODB.DB(DemoStorage(base=base, changes=FileStorage(folder + "/changes.fs")))
    root = db.open().root()
    root["number"] = 1
    transaction.commit()
    db.undo(db.undoLog(0, 1)[0]["id"])
    transaction.commit()

    problems = []
    try:
        dict(db.open(transaction.TransactionManager(), at=base.lastTransaction()).root())
    except KeyError as error:
        problems.append(f"to read it as it was at the beginning raises a {type(error).__name__}")
    root["number"] = 2
    try:
        transaction.commit()
    except ConflictError as error:
        transaction.abort()
        problems.append(f"to change it again raises a {type(error).__name__}")
    db.close()
if problems:
    sys.exit(f"storage.layered-undo: {', and '.join(problems)}")
