"""The history of an object stays as it was when it was asked for first."""

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
    db = ZODB.DB(storage)
    root = db.open().root()
    db.history(root._p_oid)
    root["number"] = 1
    transaction.commit()
    [entry] = db.history(root._p_oid)
    db.close()
    problem = "" if entry["tid"] == root._p_serial else "the newest entry is not the last commit"
if problem:
    sys.exit(f"database.history.relstorage: {problem}")
