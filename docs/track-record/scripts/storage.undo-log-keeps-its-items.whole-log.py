"""One program notes a description on its transaction, and nobody can list transactions any more."""

import sys
import tempfile

import transaction
import ZODB

with tempfile.TemporaryDirectory() as folder:
    db = ZODB.DB(folder + "/Data.fs")
    root = db.open().root()
    transaction.get().setExtendedInfo("description", "an order")
    root["a"] = 1
    transaction.commit()
    root["a"] = 2
    transaction.commit()
    problem = ""
    try:
        db.undoLog(0, 9)
    except Exception as error:
        problem = f"undoLog raises {error!r}"
    db.close()
if problem:
    sys.exit(f"storage.undo-log-keeps-its-items.whole-log: {problem}")
