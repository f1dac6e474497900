"""A new object that was a ghost when the transaction was aborted can't be stored any more."""

import logging
import sys

import transaction
import ZODB
from persistent import Persistent


class Letter(Persistent):
    """What a user has written."""


logging.disable()
manager = transaction.TransactionManager()
connection = ZODB.DB(None).open(manager)
letter = connection.root()["letter"] = Letter()
manager.savepoint()  # which may empty the cache; here it is emptied by hand
connection.cacheMinimize()
manager.abort()

letter.text = "Dear reader"
connection.root()["letter"] = letter
try:
    manager.commit()
except ZODB.POSException.POSKeyError as error:
    sys.exit(
        "savepoint.new-ghost-can-be-stored: an object that belongs to no database can't be stored:"
        f" {error!r}"
    )
