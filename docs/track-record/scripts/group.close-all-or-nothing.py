"""A close that is refused has closed a part of the connection all the same."""

import logging
import sys

import transaction
import ZODB

logging.disable()
databases = {}
people = ZODB.DB(None, databases=databases, database_name="people")
orders = ZODB.DB(None, databases=databases, database_name="orders")
manager = transaction.TransactionManager()
connection = people.open(manager)
connection.get_connection("orders").root()["total"] = 10
try:
    connection.close()
except ZODB.POSException.ConnectionStateError:
    pass  # as it should be: an order has changed, and is not committed
manager.commit()

other = transaction.TransactionManager()
people.open(other).root()["name"] = "Ann"
other.commit()

manager.begin()
seen = dict(connection.root())
try:
    connection.root()._p_changed = True
except AttributeError as error:
    sys.exit(
        "group.close-all-or-nothing: the close was refused, and the connection that stayed open"
        f" shows {seen} instead of what was committed before the transaction began; to change"
        f" something raises {error!r}"
    )
