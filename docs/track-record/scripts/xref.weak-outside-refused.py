"""A weak reference to an object of another collection is accepted, and leads somewhere else."""

import logging
import sys

import transaction
import ZODB
from persistent.mapping import PersistentMapping
from persistent.wref import WeakRef

logging.disable()
ours, theirs = ZODB.DB(None), ZODB.DB(None)  # two collections of one database each
with ours.transaction() as connection:
    connection.root()["secret"] = PersistentMapping(text="nobody should see this")
with theirs.transaction() as connection:
    connection.root()["news"] = PersistentMapping(text="hello")

manager = transaction.TransactionManager()
news = theirs.open(manager).root()["news"]
ours.open(manager).root()["weak"] = WeakRef(news)
try:
    manager.commit()
except ZODB.POSException.InvalidObjectReference:
    sys.exit(0)
with ours.transaction() as connection:
    found = connection.root()["weak"]()["text"]
sys.exit(
    "xref.weak-outside-refused: the weak reference was made to the object with the text"
    f" {news['text']!r} in one database, and leads to the one with the text {found!r} in"
    " the other"
)
