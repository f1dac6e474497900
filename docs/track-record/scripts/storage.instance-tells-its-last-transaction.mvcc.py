"""An instance that was told to forget everything has not got to the transaction of that time."""

import logging
import sys

import ZODB
from ZODB.tests.MVCCMappingStorage import MVCCMappingStorage

logging.disable()
storage = MVCCMappingStorage()
reader = storage.new_instance()
reader.poll_invalidations()
ZODB.DB(storage)
reader.poll_invalidations()
_, tid = reader.load(bytes(8))
if reader.lastTransaction() != tid:
    sys.exit(
        "storage.instance-tells-its-last-transaction.mvcc: the instance shows what was committed,"
        f" and says that the last transaction is {reader.lastTransaction()!r}"
    )
