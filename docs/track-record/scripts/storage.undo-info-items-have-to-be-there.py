"""An entry that lacks an item is found where None is asked for."""

import sys
import tempfile

import transaction
import ZODB

with tempfile.TemporaryDirectory() as folder:
    db = ZODB.DB(folder + "/Data.fs")
    db.open().root()["a"] = 1
    transaction.commit()
    found = db.undoInfo(0, 9, {"order": None})
    db.close()
if found:
    sys.exit(
        f"storage.undo-info-items-have-to-be-there: {len(found)} transactions are found that note"
        " None as their order, and none notes any"
    )
