"""A snapshot of a TemporaryStorage loses what others take away."""

import logging
import sys

import transaction
import ZODB
from persistent.mapping import PersistentMapping
from tempstorage.TemporaryStorage import TemporaryStorage

logging.disable()
db = ZODB.DB(TemporaryStorage())
root = db.open().root()
root["thing"] = PersistentMapping(value=1)
transaction.commit()

seen = db.open(transaction.TransactionManager()).root()["thing"]
del root["thing"]
transaction.commit()
try:
    seen["value"]
except KeyError as error:
    sys.exit(
        "identity.ghost-loads: another transaction that has begun before the deletion reads the"
        f" object, which raises {error!r}"
    )
