"""An object can't be put in the place of another one."""

import logging
import sys

import transaction
import ZODB
from persistent.mapping import PersistentMapping

logging.disable()
manager = transaction.TransactionManager()
connection = ZODB.DB(None).open(manager)
old = connection.root()["a"] = PersistentMapping()
manager.commit()
try:
    connection.exchange(old, PersistentMapping(new=True))
except ValueError as error:
    sys.exit(f"connection.exchange: {error!r}")
