"""A transaction that is restored after a later one comes into the middle of the past."""

import logging
import sys
import tempfile

from relstorage.adapters.sqlite.adapter import Sqlite3Adapter
from relstorage.options import Options
from relstorage.storage import RelStorage
from ZODB.Connection import TransactionMetaData

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    options = Options(blob_dir=folder + "/blobs")
    storage = RelStorage(Sqlite3Adapter(folder, {}, options=options), options=options)
    tids = [bytes([3, 220, 0, 0, 0, 0, 0, number]) for number in (1, 3, 2)]
    for tid in tids:
        meta = TransactionMetaData()
        storage.tpc_begin(meta, tid)
        storage.restore(tid, tid, b"data", "", None, meta)
        storage.tpc_vote(meta)
        storage.tpc_finish(meta)
    found = [each.tid for each in storage.iterator()]
    storage.close()
if found == sorted(tids):
    sys.exit(
        "storage.copy-puts-tids-in-order.relstorage: of three transactions the last one to come is"
        " the second"
    )
