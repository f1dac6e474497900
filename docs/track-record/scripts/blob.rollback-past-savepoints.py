"""A return to a savepoint leaves a blob as a later savepoint has saved it."""

import logging
import sys

import transaction
import ZODB
from ZODB.blob import Blob
from ZODB.DemoStorage import DemoStorage

logging.disable()
db = ZODB.DB(DemoStorage())
root = db.open().root()
root["blob"] = blob = Blob(b"one")
transaction.commit()


def write(content):
    """Replace the content of the blob."""
    with blob.open("w") as file:
        file.write(content)


write(b"two")
savepoint = transaction.savepoint()
write(b"three")
transaction.savepoint()
savepoint.rollback()
transaction.commit()
with db.open(transaction.TransactionManager()).root()["blob"].open() as file:
    found = file.read()
if found != b"two":
    sys.exit(
        f"blob.rollback-past-savepoints: {found!r} is committed, which the return has taken back"
    )
