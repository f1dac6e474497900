"""A connection from the pool leads to objects of its former group."""

import logging
import sys

import transaction
import ZODB
from persistent.mapping import PersistentMapping

logging.disable()
databases = {}
people = ZODB.DB(None, databases=databases, database_name="people")
orders = ZODB.DB(None, databases=databases, database_name="orders")
manager = transaction.TransactionManager()
connection = orders.open(manager)
customer = connection.get_connection("people").root()["customer"] = PersistentMapping(paid=0)
manager.commit()
connection.root()["customer"] = customer
manager.commit()
connection.close()

connection = people.open(manager)
customer = connection.root()["customer"]
the_same = connection.get_connection("orders").root()["customer"]
customer["paid"] = 100
if the_same["paid"] != 100:
    sys.exit(
        "group.pooled-keeps-identity: in one transaction, the customer has paid 100 when reached"
        f" from people, and {the_same['paid']} when reached from orders: these are two objects"
    )
