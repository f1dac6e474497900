"""An exchange can't be aborted: the object that was to be replaced is lost to its connection."""

import contextlib
import logging
import sys

import transaction
import ZODB
from persistent.mapping import PersistentMapping

logging.disable()
manager = transaction.TransactionManager()
connection = ZODB.DB(None).open(manager)
old = connection.root()["a"] = PersistentMapping(n=1)
manager.commit()
oid = old._p_oid

with contextlib.suppress(ValueError):
    connection.exchange(old, PersistentMapping(n=2))
with contextlib.suppress(ZODB.POSException.ConflictError):
    manager.commit()
manager.abort()
if old._p_oid != oid:
    sys.exit("connection.exchange-is-aborted: the old object has no oid any more")
