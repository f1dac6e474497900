"""A function that is called by `close` changes an object, and the connection goes to the pool."""

import logging
import sys

import transaction
import ZODB

logging.disable()
db = ZODB.DB(None)
first, second = transaction.TransactionManager(), transaction.TransactionManager()
connection = db.open(first)
connection.onCloseCallback(lambda: connection.root().update(closed=True))
connection.close()

again = db.open(second)
seen = dict(again.root())
again.root()["written"] = True
second.commit()
stored = dict(db.open(transaction.TransactionManager()).root())
if seen or "written" not in stored:
    sys.exit(
        f"connection.callback-with-changes: the next user sees {seen}, and has committed {stored}"
    )
