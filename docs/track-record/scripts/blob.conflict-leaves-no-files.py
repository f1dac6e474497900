"""A conflict leaves the file that a blob was written to where it is."""

import logging
import os
import sys

import transaction
import ZODB
from ZODB.blob import Blob
from ZODB.DemoStorage import DemoStorage
from ZODB.POSException import ConflictError

logging.disable()
db = ZODB.DB(DemoStorage())
root = db.open().root()
root["blob"] = Blob(b"one")
transaction.commit()


def left():
    """How many files there are where blobs wait for a commit."""
    return sum(len(files) for _, _, files in os.walk(db.storage.temporaryDirectory()))


before = left()
other = db.open(transaction.TransactionManager())
for connection in other, db.open(transaction.TransactionManager()):
    with connection.root()["blob"].open("w") as file:
        file.write(b"two")
other.transaction_manager.commit()
try:
    connection.transaction_manager.commit()
except ConflictError:
    connection.transaction_manager.abort()
if left() > before:
    sys.exit(f"blob.conflict-leaves-no-files: {left() - before} file is left after the abort")
