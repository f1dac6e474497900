"""To close one database takes away what another thread has changed in a second one."""

import sys
import threading

import transaction
import ZODB

databases = {}
first = ZODB.DB(None, databases=databases, database_name="first")
second = ZODB.DB(None, databases=databases, database_name="second")
manager = transaction.TransactionManager()
read = len(first.open(transaction_manager=manager).root())
second.open(transaction_manager=manager).root()["a"] = 1

thread = threading.Thread(target=first.close)
thread.start()
thread.join()
manager.commit()
if "a" not in second.open(transaction_manager=transaction.TransactionManager()).root():
    sys.exit("thread.database-close-spares-others: the commit returned, and nothing is stored")
