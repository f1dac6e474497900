"""After a pack, and when the storage is opened again, the last transaction is an earlier one."""

import logging
import sys
import tempfile
import time

import transaction
import ZODB
from persistent.mapping import PersistentMapping
from relstorage.adapters.sqlite.adapter import Sqlite3Adapter
from relstorage.options import Options
from relstorage.storage import RelStorage

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    options = Options(blob_dir=folder + "/blobs")
    storage = RelStorage(Sqlite3Adapter(folder, {}, options=options), options=options)
    db = ZODB.DB(storage)
    db.open().add(PersistentMapping())
    transaction.commit()
    last = storage.new_instance().lastTransaction()
    time.sleep(0.01)
    db.pack()
    db.close()
    storage = RelStorage(Sqlite3Adapter(folder, {}, options=options), options=options)
    found = storage.lastTransaction()
    storage.close()
    problem = "the last transaction was a later one before" if found < last else ""
if problem:
    sys.exit(f"storage.pack-keeps-last-transaction-for-good.relstorage: {problem}")
