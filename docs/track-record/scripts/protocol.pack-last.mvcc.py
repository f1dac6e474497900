"""A pack takes an MVCCMappingStorage back to an earlier transaction."""

import logging
import sys
import time

import transaction
import ZODB
from persistent.mapping import PersistentMapping
from ZODB.tests.MVCCMappingStorage import MVCCMappingStorage

logging.disable()
storage = MVCCMappingStorage()
db = ZODB.DB(storage)
db.open().add(PersistentMapping())
transaction.commit()
before, after = storage.new_instance(), storage.new_instance()
before.poll_invalidations()
time.sleep(0.01)
db.pack()
after.poll_invalidations()
if after.lastTransaction() < before.lastTransaction():
    sys.exit("protocol.pack-last.mvcc: the last transaction is an earlier one than before the pack")
