"""What was marked with `readCurrent` in a database without changes is not checked by a commit that
changes another database.
"""

import logging
import sys

import transaction
import ZODB
from persistent.mapping import PersistentMapping

logging.disable()
databases = {}
limits = ZODB.DB(None, databases=databases, database_name="limits")
orders = ZODB.DB(None, databases=databases, database_name="orders")
mine, theirs = transaction.TransactionManager(), transaction.TransactionManager()
connection = limits.open(mine)
limit = connection.root()["limit"] = PersistentMapping(value=10)
mine.commit()

connection.readCurrent(limit)
connection.get_connection("orders").root()["big"] = limit["value"]

limits.open(theirs).root()["limit"]["value"] = 5
theirs.commit()

try:
    mine.commit()
except ZODB.POSException.ReadConflictError:
    sys.exit(0)
sys.exit(
    "joint.read-current-without-changes: the order was committed although the limit on which it"
    " rests has changed meanwhile"
)
