"""The past of one database has no room for another one that was quiet since then."""

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
connection.get_connection("orders").root()["a"] = 1
manager.commit()
for number in range(2):
    connection.root()["a"] = number
    manager.commit()

past = people.open(transaction.TransactionManager(), before=people.lastTransaction())
try:
    other = past.get_connection("orders")
except ValueError as error:
    sys.exit(f"historical.group-with-a-quiet-database: {error!r} is raised")
sys.exit(0 if other.root()["a"] == 1 else "historical.group-with-a-quiet-database: a is gone")
