"""An object that was marked with `readCurrent`, changed, saved, and rolled back is not checked."""

import logging
import sys

import transaction
import ZODB
from persistent.mapping import PersistentMapping

logging.disable()
db = ZODB.DB(None)
mine, theirs = transaction.TransactionManager(), transaction.TransactionManager()
connection = db.open(mine)
root = connection.root()
root["limit"], root["orders"] = limit, orders = PersistentMapping(), PersistentMapping()
limit["value"] = 10
mine.commit()

connection.readCurrent(limit)
savepoint = mine.savepoint()
limit["value"] = 12
mine.savepoint()
savepoint.rollback()  # the limit stays as it was, then
orders["big"] = limit["value"]

db.open(theirs).root()["limit"]["value"] = 5
theirs.commit()

try:
    mine.commit()
except ZODB.POSException.ReadConflictError:
    sys.exit(0)
sys.exit(
    "savepoint.read-current-comes-back: the order was committed although the limit on which it"
    " rests has changed meanwhile"
)
