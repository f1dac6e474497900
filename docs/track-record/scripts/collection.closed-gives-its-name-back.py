"""A database that was closed keeps its name, so that it can't be opened again."""

import logging
import sys

import ZODB

logging.disable()
databases = {}
people = ZODB.DB(None, databases=databases, database_name="people")
orders = ZODB.DB(None, databases=databases, database_name="orders")
orders.close()
try:
    ZODB.DB(None, databases=databases, database_name="orders")
except ValueError as error:
    sys.exit(f"collection.closed-gives-its-name-back: {error!r} is raised")
