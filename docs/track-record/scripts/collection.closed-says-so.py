"""To ask for a connection to a database that was closed fails by accident."""

import logging
import sys

import ZODB

logging.disable()
databases = {}
people = ZODB.DB(None, databases=databases, database_name="people")
orders = ZODB.DB(None, databases=databases, database_name="orders")
orders.close()
try:
    people.open().get_connection("orders")
except (KeyError, ZODB.POSException.POSError):
    sys.exit(0)
except Exception as error:
    sys.exit(f"collection.closed-says-so: {error!r} is raised")
