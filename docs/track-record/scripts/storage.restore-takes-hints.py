"""A record is restored with a hint that is wrong, and has other data than it was given."""

import sys
import tempfile

from ZODB.Connection import TransactionMetaData
from ZODB.FileStorage import FileStorage
from ZODB.utils import p64


def restore(storage, tid, data, hint=None):
    """Commit what another storage is said to have committed."""
    meta = TransactionMetaData()
    storage.tpc_begin(meta, tid)
    storage.restore(p64(1), tid, data, "", hint, meta)
    storage.tpc_vote(meta)
    return storage.tpc_finish(meta)


with tempfile.TemporaryDirectory() as folder:
    storage = FileStorage(folder + "/Data.fs")
    first = restore(storage, p64(1), b"old")
    shared = restore(storage, p64(2), b"old", first)
    tid = restore(storage, p64(3), b"new", shared)
    found = storage.loadSerial(p64(1), tid)
    storage.close()
if found != b"new":
    sys.exit(f"storage.restore-takes-hints: {found!r} is read, where b'new' was restored")
