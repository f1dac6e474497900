"""A transaction is committed under the tid of an earlier one."""

import logging
import sys
import tempfile

from ZODB.Connection import TransactionMetaData
from ZODB.FileStorage import FileStorage
from ZODB.utils import newTid, z64

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    storage = FileStorage(folder + "/Data.fs")
    first = newTid(None)
    tids = [first, newTid(first), first]
    problem = ""
    for tid in tids:
        meta = TransactionMetaData()
        try:
            storage.tpc_begin(meta, tid)
            storage.store(storage.new_oid(), z64, b"data", "", meta)
            storage.tpc_vote(meta)
        except Exception:
            storage.tpc_abort(meta)
        else:
            storage.tpc_finish(meta)
    listed = [tids.index(each.tid) for each in storage.iterator()]
    storage.close()
if listed != [0, 1]:
    sys.exit(
        "storage.refuses-tids-of-the-past: the storage lists two transactions, and the first of"
        " their tids once more"
    )
