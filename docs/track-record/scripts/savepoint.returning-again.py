"""A new object keeps its oid after the second rollback to a savepoint; the commit then writes a
reference to a record that does not exist.
"""

import logging
import sys

import transaction
import ZODB
from persistent.mapping import PersistentMapping

logging.disable()
db = ZODB.DB(None)
manager = transaction.TransactionManager()
connection = db.open(manager)
root = connection.root()

root["customer"] = "Ann"
before = manager.savepoint()
before.rollback()  # a first attempt, which came to nothing

order = PersistentMapping(total=10)
root["order"] = order
manager.savepoint()
before.rollback()  # a second one, which stored the object in a savepoint

if order._p_jar is None and order._p_oid is None:
    sys.exit(0)

root["order"] = order  # at the third one the program uses what it has made
manager.commit()  # succeeds
try:
    lost = db.open(transaction.TransactionManager()).root()["order"]
    lost["total"]
except KeyError as error:
    sys.exit(
        "savepoint.returning-again: after the rollback the object still had an oid; the commit"
        f" that mentioned it succeeded, and reading what it stored raises {error!r}"
    )
sys.exit("savepoint.returning-again: after the rollback the object still had an oid")
