"""A new object that was changed after a savepoint loses its contents when the transaction returns
to an earlier one.
"""

import logging
import sys

import transaction
import ZODB
from persistent import Persistent


class Order(Persistent):
    """What somebody wants to buy."""


logging.disable()
manager = transaction.TransactionManager()
root = ZODB.DB(None).open(manager).root()
root["customer"] = "Ann"
before = manager.savepoint()
order = root["order"] = Order()
order.total = 10
manager.savepoint()
order.total = 20
before.rollback()

if order.__dict__ != {"total": 20}:
    sys.exit(
        "savepoint.disowned-keeps-contents: after the rollback the object has jar"
        f" {order._p_jar} and holds {order.__dict__}; it held a total of 20"
    )
