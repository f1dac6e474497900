"""An object that is newer than the snapshot of a connection does not exist for it."""

import logging
import sys

import transaction
import ZODB
from persistent.mapping import PersistentMapping
from ZODB.POSException import ConflictError
from ZODB.tests.MVCCMappingStorage import MVCCMappingStorage

logging.disable()
db = ZODB.DB(MVCCMappingStorage())
other = db.open(transaction.TransactionManager())
root = db.open().root()
root["new"] = PersistentMapping()
transaction.commit()
try:
    other.get(root["new"]._p_oid)
except ConflictError:
    pass
except KeyError as error:
    sys.exit(f"connection.newer-object-is-a-conflict: {error!r} is raised")
