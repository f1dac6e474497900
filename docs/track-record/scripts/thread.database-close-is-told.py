"""A thread commits changes while its database was closed by another one; the commit returns."""

import sys
import threading

import transaction
import ZODB

database = ZODB.DB(None)
manager = transaction.TransactionManager()
connection = database.open(transaction_manager=manager)
connection.root()["a"] = 1

thread = threading.Thread(target=database.close)
thread.start()
thread.join()
try:
    manager.commit()
except Exception:
    sys.exit(0)
sys.exit("thread.database-close-is-told: the commit returned, and nothing is stored")
