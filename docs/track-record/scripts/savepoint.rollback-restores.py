"""A savepoint that is returned to again takes away what somebody else has changed since."""

import sys

import transaction
import ZODB

first, second = transaction.TransactionManager(), transaction.TransactionManager()
db = ZODB.DB(None)
connection = db.open(transaction_manager=first)
savepoint = first.savepoint()
connection.root()["title"] = "given up"
savepoint.rollback()
connection.close()

root = db.open(transaction_manager=second).root()
root["title"] = "new"
savepoint.rollback()
second.commit()
if root.get("title") != "new":
    sys.exit(
        "savepoint.rollback-restores: the second user has committed 'new', and the title is"
        f" {root.get('title')!r}"
    )
