"""An exchange with an object of another connection fails, and leaves its traces."""

import contextlib
import logging
import sys

import transaction
import ZODB
from persistent.mapping import PersistentMapping

logging.disable()
db, manager = ZODB.DB(None), transaction.TransactionManager()
connection = db.open(manager)
connection.root()["a"] = PersistentMapping()
manager.commit()
stranger = db.open(transaction.TransactionManager()).root()["a"]
new = PersistentMapping()
with contextlib.suppress(ValueError):
    connection.exchange(stranger, new)
if new._p_jar is not None:
    sys.exit(f"connection.exchange-of-strangers: the new object has the oid {new._p_oid!r}")
