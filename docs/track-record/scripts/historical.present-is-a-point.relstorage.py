"""A database over RelStorage stays where it was when it was asked for a history first."""

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
    problem = ""
    if db.lastTransaction() != root._p_serial:
        problem = "the last transaction of the database is an earlier one"
    try:
        db.open(transaction.TransactionManager(), at=root._p_serial)
    except ValueError as error:
        problem += f", and to open the database at the last one raises {error!r}"
    db.close()
if problem:
    sys.exit(f"historical.present-is-a-point.relstorage: {problem}")
