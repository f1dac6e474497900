"""An object is stored in the name of None, while there is no transaction."""

import sys
import tempfile

from ZODB.Connection import TransactionMetaData
from ZODB.FileStorage import FileStorage
from ZODB.utils import z64

with tempfile.TemporaryDirectory() as folder:
    storage = FileStorage(folder + "/Data.fs")
    meta = TransactionMetaData()
    storage.tpc_begin(meta)
    storage.tpc_abort(meta)
    problem = "an object is stored without a transaction, and there is no error"
    try:
        storage.store(storage.new_oid(), z64, b"data", "", None)
    except Exception:
        problem = ""
    storage.close()
if problem:
    sys.exit(f"storage.none-is-no-transaction.file: {problem}")
