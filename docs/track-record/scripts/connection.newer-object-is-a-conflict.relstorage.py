"""An object that is newer than the snapshot of a connection does not exist for it."""

import logging
import sys
import tempfile

import transaction
import ZODB
from persistent.mapping import PersistentMapping
from relstorage.adapters.sqlite.adapter import Sqlite3Adapter
from relstorage.options import Options
from relstorage.storage import RelStorage
from ZODB.POSException import ConflictError

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    options = Options(blob_dir=folder + "/blobs")
    storage = RelStorage(Sqlite3Adapter(folder, {}, options=options), options=options)
    db, problem = ZODB.DB(storage), ""
    other = db.open(transaction.TransactionManager())
    root = db.open().root()
    root["new"] = PersistentMapping()
    transaction.commit()
    try:
        other.get(root["new"]._p_oid)
    except ConflictError:
        pass
    except KeyError as error:
        problem = f"a {type(error).__name__} is raised"
    db.close()
if problem:
    sys.exit(f"connection.newer-object-is-a-conflict.relstorage: {problem}")
