"""An object with a weak reference into a database that is not there can't be changed any more."""

import logging
import sys

import transaction
import ZODB
from persistent.wref import WeakRef

logging.disable()
databases = {}
people = ZODB.DB(None, databases=databases, database_name="people")
orders = ZODB.DB(None, databases=databases, database_name="orders")
with people.transaction() as connection:
    connection.root()["last order"] = WeakRef(connection.get_connection("orders").root())

alone = ZODB.DB(people.storage)  # as in a process that works with people and nothing else
manager = transaction.TransactionManager()
root = alone.open(manager).root()
assert root["last order"]() is None  # so far, so good
root["name"] = "Jim"
try:
    manager.commit()
except Exception as error:
    sys.exit(f"xref.weak-gone-is-kept: the commit fails with {error!r}")
