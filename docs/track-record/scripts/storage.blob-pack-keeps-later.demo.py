"""A pack of a DemoStorage removes the files of blobs whose revisions it keeps."""

import logging
import sys
import time

import transaction
import ZODB
from ZODB.blob import Blob
from ZODB.DemoStorage import DemoStorage

logging.disable()
db = ZODB.DB(DemoStorage())
connection = db.open()
time.sleep(0.01)
then = time.time()
time.sleep(0.01)
blob = connection.root()["blob"] = Blob(b"one")
transaction.commit()
point = db.lastTransaction()
with blob.open("w") as file:
    file.write(b"two")
transaction.commit()

db.pack(then)
past = db.open(transaction.TransactionManager(), at=point).root()["blob"]
try:
    past._p_activate()
    past.open().read()
except KeyError as error:
    sys.exit(
        "storage.blob-pack-keeps-later.demo: after a pack to a time before the blob was made, its"
        f" first content is gone: {type(error).__name__}"
    )
