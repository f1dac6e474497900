"""A group gets a connection from the pool that has a connection to the same database already."""

import logging
import sys

import transaction
import ZODB

logging.disable()
databases = {}
people = ZODB.DB(None, databases=databases, database_name="people")
orders = ZODB.DB(None, databases=databases, database_name="orders")
manager = transaction.TransactionManager()
earlier = orders.open(manager)
earlier.get_connection("people")
earlier.close()

connection = people.open(manager)
there = connection.get_connection("orders").get_connection("people")
if there is not connection and there.opened:
    sys.exit(
        "group.opens-what-is-missing: get_connection('orders') of a connection to people gives a"
        " connection to orders that belongs to another connection to people; both are open now"
    )
