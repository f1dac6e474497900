"""Who goes through the transactions comes to an end when a MappingStorage is packed meanwhile."""

import logging
import sys
import time

import transaction
import ZODB

logging.disable()
db = ZODB.DB(None)
root = db.open().root()
for number in range(5):
    root["number"] = number
    transaction.commit()

seen = []
for found in db.storage.iterator():
    seen.append(found.tid)
    if len(seen) == 1:
        time.sleep(0.01)
        db.pack()
if seen[-1] != db.lastTransaction():
    sys.exit(
        f"storage.pack-under-iteration: the iteration ends after {len(seen)} transactions, without"
        " an error, and the last one is not among them"
    )
