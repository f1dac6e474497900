"""A change of an object whose connection is closed is refused by accident."""

import logging
import sys

import transaction
import ZODB
from persistent import Persistent

logging.disable()


class Thing(Persistent):
    """An object."""


manager = transaction.TransactionManager()
connection = ZODB.DB(None).open(manager)
thing = connection.root()["thing"] = Thing()
thing.a = 1
manager.commit()

connection.close()
try:
    thing.a = 2
except ZODB.POSException.ConnectionStateError:
    sys.exit(0)
except Exception as error:
    sys.exit(f"connection.closed-refuses-change: the program gets {error!r}")
sys.exit("connection.closed-refuses-change: the change was accepted")
