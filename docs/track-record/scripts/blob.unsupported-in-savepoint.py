"""A savepoint fails by accident where a blob is stored, and the storage has none."""

import logging
import sys

import transaction
import ZODB
from ZODB.blob import Blob
from ZODB.POSException import Unsupported

logging.disable()
root = ZODB.DB(None).open().root()
root["blob"] = Blob(b"one")
try:
    transaction.savepoint()
except Unsupported:
    pass
except Exception as error:
    sys.exit(f"blob.unsupported-in-savepoint: {error!r} is raised")
