"""A new object keeps its oid after a savepoint that failed; the next commit then writes a reference
to a record that does not exist.
"""

import logging
import sys

import transaction
import ZODB
from persistent.mapping import PersistentMapping

logging.disable()
db = ZODB.DB(None)
manager = transaction.TransactionManager()
root = db.open(manager).root()

order = PersistentMapping(total=10)
root["order"] = order
root["printer"] = lambda: None  # which can't be stored
try:
    manager.savepoint()
except TypeError:
    manager.abort()

if order._p_jar is None and order._p_oid is None:
    sys.exit(0)

root["order"] = order  # the same again, without the mistake
manager.commit()  # succeeds
try:
    lost = db.open(transaction.TransactionManager()).root()["order"]
    lost["total"]
except KeyError as error:
    sys.exit(
        "object.abort-disowns.refused-savepoint: after the abort the object still had an oid; the"
        f" commit that was tried again succeeded, and reading what it stored raises {error!r}"
    )
sys.exit("object.abort-disowns.refused-savepoint: after the abort the object still had an oid")
