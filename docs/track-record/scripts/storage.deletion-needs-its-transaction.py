"""What is left in RelStorage on SQLite of a deletion that was voted for, and aborted."""

import logging
import sys
import tempfile

from relstorage.adapters.sqlite.adapter import Sqlite3Adapter
from relstorage.options import Options
from relstorage.storage import RelStorage
from ZODB.Connection import TransactionMetaData
from ZODB.POSException import POSKeyError
from ZODB.utils import z64

logging.disable()
problems = []
for history in (True, False):
    with tempfile.TemporaryDirectory() as folder:
        options = Options(keep_history=history)
        storage = RelStorage(Sqlite3Adapter(folder, {}, options=options), options=options)
        oid, meta = storage.new_oid(), TransactionMetaData()
        storage.tpc_begin(meta)
        storage.store(oid, z64, b"data", "", meta)
        storage.tpc_vote(meta)
        tid = storage.tpc_finish(meta)

        meta = TransactionMetaData()
        storage.tpc_begin(meta)
        storage.deleteObject(oid, tid, meta)
        storage.store(storage.new_oid(), z64, b"other data", "", meta)
        storage.tpc_vote(meta)
        storage.tpc_abort(meta)
        other = storage.new_instance()
        other.poll_invalidations()
        try:
            other.load(oid)
        except POSKeyError:
            problems.append("the object is gone")
        else:
            if other.lastTransaction() != tid:
                problems.append("the last transaction is the aborted one")
        other.release()
        storage.close()
if problems:
    sys.exit(
        "storage.deletion-needs-its-transaction: a deletion beside a store was voted for and"
        f" aborted, and {', or without history '.join(problems)}"
    )
