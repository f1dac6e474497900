"""What is stored after the vote is not in the file, and takes the place of what was there."""

import logging
import sys
import tempfile

from ZODB.Connection import TransactionMetaData
from ZODB.FileStorage import FileStorage
from ZODB.POSException import StorageError
from ZODB.utils import load_current, z64

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    storage = FileStorage(folder + "/Data.fs")
    oid, other = storage.new_oid(), storage.new_oid()
    meta = TransactionMetaData()
    storage.tpc_begin(meta)
    storage.store(oid, z64, b"old", "", meta)
    storage.tpc_vote(meta)
    tid = storage.tpc_finish(meta)

    meta = TransactionMetaData()
    storage.tpc_begin(meta)
    storage.store(other, z64, b"in time", "", meta)
    storage.tpc_vote(meta)
    try:
        storage.store(oid, tid, b"late", "", meta)
    except StorageError:
        storage.tpc_abort(meta)
    else:
        storage.tpc_finish(meta)
    problem = ""
    try:
        load_current(storage, oid)
    except Exception as error:
        problem = f"the object can't be read any more: {type(error).__name__}"
    storage.close()
if problem:
    sys.exit(f"storage.store-after-vote-spares: {problem}")
