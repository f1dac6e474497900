"""An iteration tells of a transaction that was finished after it had been asked for."""

import sys
import tempfile

from ZODB.Connection import TransactionMetaData
from ZODB.FileStorage import FileStorage
from ZODB.utils import z64

with tempfile.TemporaryDirectory() as folder:
    storage = FileStorage(folder + "/Data.fs")
    meta = TransactionMetaData()
    storage.tpc_begin(meta)
    storage.store(storage.new_oid(), z64, b"data", "", meta)
    storage.tpc_vote(meta)
    iterator = storage.iterator()
    storage.tpc_finish(meta)
    found = list(iterator)
    storage.close()
if found:
    sys.exit(
        "storage.iterator-leaves-votes-out.file: a transaction is listed that was not finished when"
        " the iterator was made"
    )
