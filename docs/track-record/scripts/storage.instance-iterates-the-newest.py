"""An iteration over the transactions ends where the snapshot of an instance does."""

import logging
import sys
import tempfile

import transaction
import ZODB
from relstorage.adapters.sqlite.adapter import Sqlite3Adapter
from relstorage.options import Options
from relstorage.storage import RelStorage

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    options = Options(blob_dir=folder + "/blobs")
    storage = RelStorage(Sqlite3Adapter(folder, {}, options=options), options=options)
    options = Options(blob_dir=folder + "/more", keep_history=False)
    storage.close()
    more = Sqlite3Adapter(folder + "/more", {}, options=options)
    storage = RelStorage(more, options=options)
    db = ZODB.DB(storage)
    root = db.open().root()
    reader = storage.new_instance()
    reader.poll_invalidations()
    reader.load(root._p_oid)
    root["number"] = 1
    transaction.commit()
    found = [each.tid for each in reader.iterator()]
    db.close()
    problem = "" if root._p_serial in found else "the last transaction is not listed"
if problem:
    sys.exit(f"storage.instance-iterates-the-newest: {problem}")
