"""An iteration over a MappingStorage shows what is committed after it was asked for."""

import logging
import sys

import transaction
import ZODB

logging.disable()
db = ZODB.DB(None)
root = db.open().root()
root["number"] = 1
transaction.commit()
last = db.lastTransaction()

iterator = db.storage.iterator()
root["number"] = 2
transaction.commit()
if [found.tid for found in iterator][-1] != last:
    sys.exit(
        "storage.iterator-shows-the-time-of-its-call.mapping: the iteration shows a transaction"
        " that was committed when it had been asked for"
    )
