"""A new object keeps its oid after a commit that failed; the next commit then writes a reference
to a record that does not exist.
"""

import logging
import sys

import transaction
import ZODB
from persistent.mapping import PersistentMapping

logging.disable()
db = ZODB.DB(None)
mine, theirs = transaction.TransactionManager(), transaction.TransactionManager()
root, their_root = db.open(mine).root(), db.open(theirs).root()

order = PersistentMapping(total=10)
root["order"] = order

their_root["something"] = 1
theirs.commit()
try:
    mine.commit()  # a conflict, as it happens every day
except ZODB.POSException.ConflictError:
    mine.abort()

if order._p_jar is None and order._p_oid is None:
    sys.exit(0)

root["order"] = order  # the same again, as whoever retries does
mine.commit()  # succeeds
try:
    lost = db.open(transaction.TransactionManager()).root()["order"]
    lost["total"]
except KeyError as error:
    sys.exit(
        "object.abort-disowns: after the abort the object still had an oid; the commit that was"
        f" tried again succeeded, and reading what it stored raises {error!r}"
    )
sys.exit("object.abort-disowns: after the abort the object still had an oid")
