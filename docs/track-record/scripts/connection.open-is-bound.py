"""A database opens no connection once, after another one of its collection was closed."""

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
connection.get_connection("orders")
connection.close()
orders.close()

try:
    people.open(manager)
except AttributeError as error:
    sys.exit(f"connection.open-is-bound: to open a connection to people raises {error!r}")
