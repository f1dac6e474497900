"""After an exchange an oid still leads to the object that was to be replaced."""

import contextlib
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
new = PersistentMapping()
with contextlib.suppress(ValueError):
    connection.exchange(old, new)
if connection.get(old._p_oid) is not new:
    sys.exit("connection.exchange-takes-the-place: its oid leads to the old object")
