"""A database that is entered under a second name gets a second connection in the group."""

import logging
import sys

import transaction
import ZODB

logging.disable()
databases = {}
people = ZODB.DB(None, databases=databases, database_name="people")
orders = ZODB.DB(None, databases=databases, database_name="orders")
databases["archive"] = orders  # until there is an archive

manager = transaction.TransactionManager()
connection = people.open(manager)
before = connection.get_connection("orders")
connection.get_connection("archive")
if connection.get_connection("orders") is before:
    sys.exit(0)
connection.root()["orders"] = before.root()
try:
    manager.commit()
except ZODB.POSException.InvalidObjectReference as error:
    sys.exit(
        "collection.second-entry: get_connection('orders') gives another connection than before"
        f" get_connection('archive') was called, and the commit fails: {error.args[0]}"
    )
