"""A weak reference across databases makes a new object ambiguous, if it is stored first."""

import logging
import sys

import transaction
import ZODB
from persistent.mapping import PersistentMapping
from persistent.wref import WeakRef

logging.disable()
databases = {}
people = ZODB.DB(None, databases=databases, database_name="people")
orders = ZODB.DB(None, databases=databases, database_name="orders")
manager = transaction.TransactionManager()
one = people.open(manager)
two = one.get_connection("orders")

# Which of the two is stored first is not for the program to say, so it is tried both ways.
for strong, weak in (one, two), (two, one):
    strong.root()["new"] = PersistentMapping()
    weak.root()["weak"] = WeakRef(strong.root()["new"])
    try:
        manager.commit()
    except ZODB.POSException.InvalidObjectReference as error:
        sys.exit(
            "xref.weak-does-not-reach: one database refers to the new object, the other one only"
            f" weakly, and the commit fails: {error.args[0]}"
        )
