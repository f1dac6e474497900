"""When a tid of the past was given, a ZEO client waits for ever."""

import logging
import os
import sys
import tempfile
import threading

import ZEO
from ZODB.Connection import TransactionMetaData
from ZODB.utils import z64

logging.disable()
folder = tempfile.TemporaryDirectory()
address, stop = ZEO.server(folder.name + "/Data.fs")
storage = ZEO.client(address)


def commit(oid, serial):
    """Store a record in a transaction of its own."""
    meta = TransactionMetaData()
    storage.tpc_begin(meta)
    storage.store(oid, serial, b"data", "", meta)
    storage.tpc_vote(meta)
    return storage.tpc_finish(meta)


early = commit(z64, z64)
last = commit(z64, early)
meta = TransactionMetaData()
try:
    storage.tpc_begin(meta, early)
    storage.restore(b"restored", early, b"data", "", None, meta)
    storage.tpc_vote(meta)
    storage.tpc_finish(meta)
except Exception:
    pass
reader = threading.Thread(target=storage.loadSerial, args=(z64, last), daemon=True)
reader.start()
reader.join(10)
if reader.is_alive():
    print("storage.early-tid-spares: to load an object waits for ever", file=sys.stderr)
    os._exit(1)
storage.close()
stop()
