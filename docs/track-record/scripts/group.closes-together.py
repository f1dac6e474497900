"""A connection that was closed with its group serves again, since another group has taken it."""

import contextlib
import logging
import sys

import transaction
import ZODB
from persistent.mapping import PersistentMapping
from ZODB.POSException import ConnectionStateError

logging.disable()
databases = {}
people = ZODB.DB(None, databases=databases, database_name="people")
orders = ZODB.DB(None, databases=databases, database_name="orders")
manager = transaction.TransactionManager()
connection = people.open(manager)
member = connection.get_connection("orders")
connection.root()["person"] = PersistentMapping()
manager.commit()
member.root()["of"] = connection.root()["person"]
manager.commit()
connection.close()

orders.open(transaction.TransactionManager()).root()["of"]
with contextlib.suppress(ConnectionStateError):
    member.root()
    sys.exit("group.closes-together: a connection of the group that was closed gives its root")
