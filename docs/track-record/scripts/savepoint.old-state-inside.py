"""`oldstate` fails while savepoint data is pending."""

import logging
import sys

import transaction
import ZODB

logging.disable()
manager = transaction.TransactionManager()
connection = ZODB.DB(None).open(manager)
root = connection.root()
root["a"] = 1
manager.commit()
tid = root._p_serial
root["a"] = 2
manager.savepoint()
try:
    connection.oldstate(root, tid)
except AttributeError as error:
    sys.exit(f"savepoint.old-state-inside: {error}")
