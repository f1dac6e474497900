"""A transaction is finished without a vote, and the next one is written over the beginning of the
file.
"""

import logging
import sys
import tempfile

from ZODB.Connection import TransactionMetaData
from ZODB.FileStorage import FileStorage
from ZODB.POSException import StorageError
from ZODB.utils import z64

logging.disable()


def stored(value):
    """A transaction that has begun, and has stored a new object."""
    meta = TransactionMetaData()
    storage.tpc_begin(meta)
    storage.store(storage.new_oid(), z64, value, "", meta)
    return meta


with tempfile.TemporaryDirectory() as folder:
    storage = FileStorage(folder + "/Data.fs")
    first = stored(b"first")
    storage.tpc_vote(first)
    storage.tpc_finish(first)
    hasty = stored(b"hasty")
    try:
        storage.tpc_finish(hasty)
    except StorageError:
        storage.tpc_abort(hasty)
    last = stored(b"last")
    storage.tpc_vote(last)
    storage.tpc_finish(last)
    storage.close()
    problem = ""
    try:
        FileStorage(folder + "/Data.fs").close()
    except Exception as error:
        problem = f"the file can't be opened any more: {type(error).__name__}"
if problem:
    sys.exit(f"storage.finish-without-vote-spares-files: {problem}")
