"""A persistent mapping changes before it asks whether it may; where it may not, the change stays in
memory, and whoever gets the connection from the pool next reads it.
"""

import logging
import sys

import transaction
import ZODB

logging.disable()
db = ZODB.DB(None)
manager = transaction.TransactionManager()
connection = db.open(manager)
root = connection.root()
root["owner"] = "Ann"
manager.commit()

connection.close()
try:
    root["owner"] = "Bob"  # refused: the connection is closed
except Exception:
    pass

later = db.open(transaction.TransactionManager())
if later.root()["owner"] != "Ann":
    sys.exit(
        "persistence.containers-register-first: the change was refused and nothing was committed,"
        f" and a connection that was opened afterwards shows {later.root()['owner']!r}"
    )
