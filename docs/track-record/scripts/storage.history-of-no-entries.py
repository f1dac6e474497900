"""The history of no entries is the whole history."""

import logging
import sys

import transaction
import ZODB

logging.disable()
db = ZODB.DB(None)
root = db.open().root()
for number in range(5):
    root["number"] = number
    transaction.commit()

found = len(db.storage.history(root._p_oid, size=0))
if found:
    sys.exit(f"storage.history-of-no-entries: {found} entries are listed where 0 are asked for")
