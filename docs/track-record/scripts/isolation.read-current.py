"""`readCurrent` of an object that was invalidated and not loaded again checks the revision that it
had before, and refuses a commit in which nothing is out of date.
"""

import logging
import sys

import transaction
import ZODB
from persistent.mapping import PersistentMapping

logging.disable()
db = ZODB.DB(None)
mine, theirs = transaction.TransactionManager(), transaction.TransactionManager()
connection, root = (opened := db.open(mine)), opened.root()
root["limit"], root["orders"] = limit, orders = PersistentMapping(), PersistentMapping()
mine.commit()

db.open(theirs).root()["limit"]["value"] = 5
theirs.commit()

mine.begin()  # sees everything that was committed
connection.readCurrent(limit)
orders["big"] = 10
try:
    mine.commit()
except ZODB.POSException.ReadConflictError as error:
    sys.exit(
        "isolation.read-current: nobody has committed since the transaction began, and yet"
        f" {error!r} is raised"
    )
