"""After the second return to a savepoint, what a later one has stored is still owned."""

import logging
import sys

import transaction
import ZODB
from persistent.mapping import PersistentMapping

logging.disable()
db = ZODB.DB(None)
manager = transaction.TransactionManager()
connection = db.open(manager)

added = PersistentMapping()
connection.add(added)
before = manager.savepoint()
before.rollback()

reached = PersistentMapping()
added["reached"] = reached
manager.savepoint()
before.rollback()

if reached._p_jar is not None or reached._p_oid is not None:
    sys.exit(
        "savepoint.rollback-disowns: the object that a later savepoint has stored still has the oid"
        f" {reached._p_oid!r} after the return to the earlier one"
    )
