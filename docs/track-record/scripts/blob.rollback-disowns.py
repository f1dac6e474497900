"""A new blob can't be written any more after the return to a savepoint before it."""

import logging
import sys

import transaction
import ZODB
from ZODB.blob import Blob
from ZODB.DemoStorage import DemoStorage

logging.disable()
root = ZODB.DB(DemoStorage()).open().root()
root["number"] = 1
savepoint = transaction.savepoint()
root["blob"] = blob = Blob(b"one")
transaction.savepoint()
savepoint.rollback()
try:
    blob.open("w").close()
except AttributeError as error:
    sys.exit(f"blob.rollback-disowns: to open the blob raises {error!r}")
