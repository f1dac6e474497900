"""An iteration of a HexStorage shows what was committed after it had been asked for."""

import sys
import tempfile

from ZODB.Connection import TransactionMetaData
from ZODB.FileStorage import FileStorage
from ZODB.tests.hexstorage import HexStorage
from ZODB.utils import z64

with tempfile.TemporaryDirectory() as folder:
    storage = HexStorage(FileStorage(folder + "/Data.fs"))
    iterator = storage.iterator()
    meta = TransactionMetaData()
    storage.tpc_begin(meta)
    storage.store(storage.new_oid(), z64, b"data", "", meta)
    storage.tpc_vote(meta)
    storage.tpc_finish(meta)
    found = list(iterator)
    storage.close()
if found:
    sys.exit(
        "storage.iterator-shows-the-time-of-its-call.hex: a transaction is listed that was"
        " committed after the iterator was made"
    )
