"""A new object that was a ghost when the transaction was aborted has lost what it held."""

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
letter.text = "Dear reader"
manager.savepoint()  # which may empty the cache; here it is emptied by hand
connection.cacheMinimize()
manager.abort()

try:
    print(letter.text)
except AttributeError as error:
    sys.exit(
        "savepoint.new-ghost-keeps-its-state: the object was saved before the transaction was"
        f" aborted, and is empty now: {error}"
    )
