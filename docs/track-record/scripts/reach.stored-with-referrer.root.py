"""The root of a TemporaryStorage is lost with the last reference to it."""

import logging
import sys

import transaction
import ZODB
from persistent.mapping import PersistentMapping
from tempstorage.TemporaryStorage import TemporaryStorage

logging.disable()
db = ZODB.DB(TemporaryStorage())
root = db.open().root()
root["child"] = PersistentMapping(parent=root)
transaction.commit()

del root["child"]["parent"]
transaction.commit()
try:
    db.open(transaction.TransactionManager()).root()
except KeyError as error:
    sys.exit(f"reach.stored-with-referrer.root: to open the database raises {error!r}")
