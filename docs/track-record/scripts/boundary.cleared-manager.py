"""A connection can't be closed when its transaction manager was cleared."""

import sys

import transaction
import ZODB

manager = transaction.TransactionManager()
connection = ZODB.DB(None).open(transaction_manager=manager)
manager.clearSynchs()
try:
    connection.close()
except KeyError:
    state = "closed" if connection.opened is None else "open still"
    sys.exit(f"boundary.cleared-manager: close() raises KeyError, and the connection is {state}")
