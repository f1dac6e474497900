"""A replica that was packed can't be brought up to date after an undo."""

import sys
import tempfile
import time

import transaction
import ZODB
from ZODB.FileStorage import FileStorage
from ZODB.POSException import UndoError
from ZODB.serialize import referencesf
from ZODB.utils import p64, u64

with tempfile.TemporaryDirectory() as folder:
    db = ZODB.DB(folder + "/Data.fs")
    root = db.open().root()
    for number in range(3):
        root["number"] = number
        transaction.commit()
    replica = FileStorage(folder + "/Replica.fs")
    replica.copyTransactionsFrom(db.storage)
    time.sleep(0.01)
    replica.pack(time.time(), referencesf)

    db.undo(db.undoLog(0, 1)[0]["id"])
    transaction.commit()
    problem = ""
    try:
        new = db.storage.iterator(p64(u64(replica.lastTransaction()) + 1))
        replica.copyTransactionsFrom(new)
    except UndoError as error:
        problem = f"to copy what is new raises {error!r}"
    replica.close()
    db.close()
if problem:
    sys.exit(f"storage.restore-takes-dead-hints: {problem}")
