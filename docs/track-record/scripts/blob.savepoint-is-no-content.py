"""A new blob that a savepoint has saved is empty after an abort."""

import logging
import sys

import transaction
import ZODB
from ZODB.blob import Blob
from ZODB.DemoStorage import DemoStorage

logging.disable()
root = ZODB.DB(DemoStorage()).open().root()
root["blob"] = blob = Blob(b"content")
transaction.savepoint()
transaction.abort()
with blob.open() as file:
    found = file.read()
if found != b"content":
    sys.exit(f"blob.savepoint-is-no-content: {found!r} is read from the blob")
