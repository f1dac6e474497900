"""`readCurrent` of an object that was not loaded yet is accepted and does nothing."""

import logging
import sys

import transaction
import ZODB
from persistent.mapping import PersistentMapping

logging.disable()
db = ZODB.DB(None)
mine, theirs = transaction.TransactionManager(), transaction.TransactionManager()
connection, their_connection = db.open(mine), db.open(theirs)
root = connection.root()
root["limit"], root["orders"] = PersistentMapping(value=10), PersistentMapping()
mine.commit()

theirs.begin()
their_root = their_connection.root()
limit = their_root["limit"]
their_connection.readCurrent(limit)  # it is a ghost still
if limit["value"] >= 10:
    their_root["orders"]["big"] = 10

root["limit"]["value"] = 5  # meanwhile
mine.commit()
try:
    theirs.commit()
except ZODB.POSException.ReadConflictError:
    sys.exit(0)
sys.exit(
    "isolation.read-current-of-a-ghost: the limit was changed to 5 after it was read, the commit"
    " that relied on its being 10 had marked it with readCurrent, and it succeeded"
)
