"""A connection from the pool brings its former group along, which displaces the one that asks."""

import logging
import sys

import transaction
import ZODB

logging.disable()
databases = {}
people = ZODB.DB(None, databases=databases, database_name="people")
orders = ZODB.DB(None, databases=databases, database_name="orders")

# Somebody begins with a connection to orders, needs one to people as well, and closes both.
with orders.transaction() as connection:
    connection.get_connection("people")

# The next one begins with a connection to people, and stores a reference to an object of people.
manager = transaction.TransactionManager()
connection = people.open(manager)
connection.get_connection("orders").root()["customer"] = connection.root()
if connection.get_connection("people") is connection:
    sys.exit(0)
try:
    manager.commit()
except ZODB.POSException.InvalidObjectReference as error:
    sys.exit(
        "group.pooled-with-a-group: connection.get_connection('people') is not connection, which"
        f" has people open, and the commit fails: {error.args[0]}"
    )
