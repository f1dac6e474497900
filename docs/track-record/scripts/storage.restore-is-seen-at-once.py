"""A ZEO client goes on showing what was there before it restored something."""

import logging
import sys
import tempfile

import ZEO
from ZODB.Connection import TransactionMetaData
from ZODB.utils import newTid, z64

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    address, stop = ZEO.server(folder + "/Data.fs")
    storage, meta = ZEO.client(address), TransactionMetaData()
    storage.tpc_begin(meta)
    storage.store(z64, z64, b"old", "", meta)
    storage.tpc_vote(meta)
    first = storage.tpc_finish(meta)
    storage.load(z64)

    tid, meta = newTid(first), TransactionMetaData()
    storage.tpc_begin(meta, tid)
    storage.restore(z64, tid, b"new", "", None, meta)
    storage.tpc_vote(meta)
    storage.tpc_finish(meta)
    found, _ = storage.load(z64)
    storage.close()
    stop()
if found != b"new":
    sys.exit(f"storage.restore-is-seen-at-once: {found!r} is loaded after the commit of b'new'")
