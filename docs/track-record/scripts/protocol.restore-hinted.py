"""What is restored is lost where the transaction that is hinted at has a copy itself."""

import logging
import sys
import tempfile

from ZODB.Connection import TransactionMetaData
from ZODB.FileStorage import FileStorage
from ZODB.utils import newTid, z64

logging.disable()


def restore(storage, data, hint):
    """Restore a record in a transaction of its own, and give its tid."""
    tid, meta = newTid(storage.lastTransaction()), TransactionMetaData()
    storage.tpc_begin(meta, tid)
    storage.restore(z64, tid, data, "", hint, meta)
    storage.tpc_vote(meta)
    return storage.tpc_finish(meta)


with tempfile.TemporaryDirectory() as folder:
    storage = FileStorage(folder + "/Data.fs")
    first = restore(storage, b"one", None)
    copy = restore(storage, b"one", first)
    restore(storage, b"two", copy)
    found, _ = storage.load(z64)
    storage.close()
if found != b"two":
    sys.exit(f"protocol.restore-hinted: {found!r} is loaded, and b'two' was restored")
