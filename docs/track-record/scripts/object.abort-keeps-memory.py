"""An object that was given to `add` loses everything that it holds when the commit fails after it
was stored.
"""

import logging
import sys

import transaction
import ZODB
from persistent.mapping import PersistentMapping

logging.disable()
db = ZODB.DB(None)
mine, theirs = transaction.TransactionManager(), transaction.TransactionManager()
connection = db.open(mine)
root, their_root = connection.root(), db.open(theirs).root()

order = PersistentMapping(total=10)
connection.add(order)
root["order"] = order

their_root["something"] = 1
theirs.commit()
try:
    mine.commit()  # a conflict over the root, after the order has been stored
except ZODB.POSException.ConflictError:
    mine.abort()

if vars(order) != {"data": {"total": 10}}:
    sys.exit(
        "object.abort-keeps-memory: after the abort the object has jar"
        f" {order._p_jar!r} and holds {vars(order)!r}; it held a total of 10"
    )
