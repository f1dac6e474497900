"""What a program notes on its transaction takes the place of the id in the undo log."""

import sys
import tempfile

import transaction
import ZODB

with tempfile.TemporaryDirectory() as folder:
    db = ZODB.DB(folder + "/Data.fs")
    root = db.open().root()
    transaction.get().setExtendedInfo("id", b"order 7")
    root["a"] = 1
    transaction.commit()
    found = db.undoLog(0, 1)[0]["id"]
    db.close()
if found == b"order 7":
    sys.exit(f"storage.undo-log-keeps-its-items: the id by which to undo it is {found}")
