"""When a storage is opened again in which an object was deleted, the last transaction is an earlier
one.
"""

import logging
import sys
import tempfile

import transaction
import ZODB
from persistent.mapping import PersistentMapping
from relstorage.adapters.sqlite.adapter import Sqlite3Adapter
from relstorage.options import Options
from relstorage.storage import RelStorage
from ZODB.Connection import TransactionMetaData

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    options = Options(blob_dir=folder + "/blobs", keep_history=False)
    storage = RelStorage(Sqlite3Adapter(folder, {}, options=options), options=options)
    db = ZODB.DB(storage)
    garbage = PersistentMapping()
    db.open().add(garbage)
    transaction.commit()
    deleting, meta = storage.new_instance(), TransactionMetaData()
    deleting.poll_invalidations()
    deleting.tpc_begin(meta)
    deleting.deleteObject(garbage._p_oid, garbage._p_serial, meta)
    deleting.tpc_vote(meta)
    deleted = deleting.tpc_finish(meta)
    told = deleting.lastTransaction()
    db.close()
    storage = RelStorage(Sqlite3Adapter(folder, {}, options=options), options=options)
    found = storage.lastTransaction()
    storage.close()
    problem = ""
    if found < told == deleted:
        problem = "the last transaction is no longer the deletion, but an earlier one"
        if found < garbage._p_serial:
            problem += " than that of the deleted object"
if problem:
    sys.exit(f"storage.deletion-stays-the-last-transaction: {problem}")
