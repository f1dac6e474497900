"""After a pack, the history leaves out a revision that is there."""

import logging
import sys
import tempfile
import time

import transaction
import ZODB
from relstorage.adapters.sqlite.adapter import Sqlite3Adapter
from relstorage.options import Options
from relstorage.storage import RelStorage

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    options = Options(blob_dir=folder + "/blobs")
    storage = RelStorage(Sqlite3Adapter(folder, {}, options=options), options=options)
    db = ZODB.DB(storage)
    root = db.open().root()
    for number in range(2):
        root["number"] = number
        transaction.commit()
    time.sleep(0.01)
    then = time.time()
    time.sleep(0.01)
    root["number"] = 2
    transaction.commit()
    db.pack(then)
    seen = db.open(transaction.TransactionManager())
    found = len(seen._storage.history(root._p_oid, size=10))
    db.close()
    problem = "" if found == 2 else f"two revisions are there, and the history has {found}"
if problem:
    sys.exit(f"storage.pack-shortens-history.relstorage: {problem}")
