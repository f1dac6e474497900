"""The history does not show what was noted in the extension of a transaction."""

import logging
import sys

import transaction
import ZODB

logging.disable()
db = ZODB.DB(None)
root = db.open().root()
root["number"] = 1
transaction.get().setExtendedInfo("request", "/plant")
transaction.commit()

[entry] = db.history(root._p_oid)
if "request" not in entry:
    sys.exit(f"storage.history-has-the-extension: the entry has {', '.join(sorted(entry))}")
