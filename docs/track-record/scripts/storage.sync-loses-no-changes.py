"""What an instance reads after sync is not told by the next poll."""

import logging
import sys

import transaction
import ZODB
from ZODB.tests.MVCCMappingStorage import MVCCMappingStorage

logging.disable()
storage = MVCCMappingStorage()
root = ZODB.DB(storage).open().root()
reader = storage.new_instance()
reader.poll_invalidations()
root["number"] = 1
transaction.commit()

reader.sync()
_, serial = reader.load(root._p_oid)
told = reader.poll_invalidations()
if serial == root._p_serial and root._p_oid not in told:
    sys.exit(
        f"storage.sync-loses-no-changes: the new state is read, and what has changed is {told!r}"
    )
