"""An iteration over a DemoStorage shows what is committed after it was asked for."""

import logging
import sys
import tempfile

import transaction
import ZODB
from ZODB.DemoStorage import DemoStorage
from ZODB.FileStorage import FileStorage

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    db = ZODB.DB(DemoStorage(changes=FileStorage(folder + "/changes.fs")))
    last = db.lastTransaction()
    iterator = db.storage.iterator()
    db.open().root()["number"] = 1
    transaction.commit()
    shown = [found.tid for found in iterator][-1]
    db.close()
if shown != last:
    sys.exit(
        "storage.iterator-shows-the-time-of-its-call.demo: the iteration shows a transaction that"
        " was committed when it had been asked for"
    )
