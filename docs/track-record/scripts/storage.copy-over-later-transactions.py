"""To copy a storage once more undoes what was committed to the copy meanwhile."""

import logging
import sys
import tempfile

import transaction
import ZODB
from ZODB.FileStorage import FileStorage

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    original = ZODB.DB(folder + "/Original.fs")
    original.open().root()["balance"] = 100
    transaction.commit()
    copy = FileStorage(folder + "/Copy.fs")
    copy.copyTransactionsFrom(original.storage)
    db = ZODB.DB(copy)
    db.open().root()["balance"] = 50
    transaction.commit()
    try:
        copy.copyTransactionsFrom(original.storage)
    except Exception:
        pass
    copy.close()
    db = ZODB.DB(folder + "/Copy.fs")
    found = db.open().root()["balance"]
    db.close()
    original.close()
if found != 50:
    sys.exit(
        f"storage.copy-over-later-transactions: 50 was committed last, and the root holds {found}"
    )
