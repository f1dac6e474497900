"""The history of an object has no item that the interface lists."""

import sys
import tempfile

import transaction
import ZODB
from ZODB.utils import z64

with tempfile.TemporaryDirectory() as folder:
    db = ZODB.DB(folder + "/Data.fs")
    db.open().root()["a"] = 1
    transaction.commit()
    (entry,) = db.storage.history(z64)
    db.close()
if "serial" not in entry:
    sys.exit(f"storage.history-has-a-serial: there are {', '.join(sorted(entry))}")
