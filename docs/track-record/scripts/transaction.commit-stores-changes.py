"""An object of a TemporaryStorage that is moved in two transactions is lost."""

import logging
import sys

import transaction
import ZODB
from persistent.mapping import PersistentMapping
from tempstorage.TemporaryStorage import TemporaryStorage

logging.disable()
db = ZODB.DB(TemporaryStorage())
root = db.open().root()
root["here"] = PersistentMapping(value=1)
transaction.commit()

thing = root.pop("here")
transaction.commit()
root["there"] = thing
transaction.commit()
try:
    db.open(transaction.TransactionManager()).root()["there"]["value"]
except KeyError as error:
    sys.exit(f"transaction.commit-stores-changes: to read root['there'] raises {error!r}")
