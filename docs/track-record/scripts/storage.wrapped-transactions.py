"""An iteration of a HexStorage undoes what the wrapper above it has done to the records."""

import sys
import tempfile

from ZODB.Connection import TransactionMetaData
from ZODB.FileStorage import FileStorage
from ZODB.tests.hexstorage import HexStorage
from ZODB.utils import z64

with tempfile.TemporaryDirectory() as folder:
    storage = HexStorage(FileStorage(folder + "/Data.fs"))
    above = HexStorage(storage)
    meta = TransactionMetaData()
    above.tpc_begin(meta)
    above.store(above.new_oid(), z64, b"data", "", meta)
    above.tpc_vote(meta)
    above.tpc_finish(meta)
    problem = ""
    try:
        found = [record.data for each in above.iterator() for record in each]
    except Exception as error:
        problem = f"{error!r} is raised where a record is turned back for the second time"
    else:
        if found != [b"data"]:
            problem = f"one over another gives {found[0]} for b'data'"
    above.close()
if problem:
    sys.exit(f"storage.wrapped-transactions: {problem}")
