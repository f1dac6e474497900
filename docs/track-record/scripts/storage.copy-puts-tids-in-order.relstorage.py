"""What was copied out of the order of the tids is lost by a pack."""

import logging
import sys
import tempfile
import time

from relstorage.adapters.sqlite.adapter import Sqlite3Adapter
from relstorage.options import Options
from relstorage.storage import RelStorage
from ZODB.Connection import TransactionMetaData
from ZODB.POSException import POSKeyError
from ZODB.utils import z64

logging.disable()


def current(storage):
    """The data of the root as it is now."""
    instance = storage.new_instance()
    instance.poll_invalidations()
    return instance.load(z64)[0]


with tempfile.TemporaryDirectory() as folder:
    options = Options(blob_dir=folder + "/blobs")
    storage = RelStorage(Sqlite3Adapter(folder, {}, options=options), options=options)
    for number in 1, 3, 2:
        tid, meta = bytes([3, 220, 0, 0, 0, 0, 0, number]), TransactionMetaData()
        storage.tpc_begin(meta, tid)
        storage.restore(z64, tid, b"%d" % number, "", None, meta)
        storage.tpc_vote(meta)
        storage.tpc_finish(meta)
    before = current(storage)
    storage.pack(time.time(), lambda _: [])
    try:
        problem = "" if current(storage) == before else "is another one"
    except POSKeyError:
        problem = "is gone"
    storage.close()
if problem:
    sys.exit(
        "storage.copy-puts-tids-in-order.relstorage: what has come last is current, and after a"
        f" pack the object {problem}"
    )
