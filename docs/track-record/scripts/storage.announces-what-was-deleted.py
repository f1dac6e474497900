"""A ZEO client is not told that another one has deleted an object, and goes on showing it."""

import logging
import sys
import tempfile
import time

import ZEO
from ZODB.Connection import TransactionMetaData
from ZODB.utils import z64

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    address, stop = ZEO.server(folder + "/Data.fs")
    storage, meta = ZEO.client(address), TransactionMetaData()
    storage.tpc_begin(meta)
    storage.store(z64, z64, b"data", "", meta)
    storage.tpc_vote(meta)
    first = storage.tpc_finish(meta)
    other = ZEO.client(address)
    other.load(z64)

    meta = TransactionMetaData()
    storage.tpc_begin(meta)
    storage.deleteObject(z64, first, meta)
    storage.tpc_vote(meta)
    second = storage.tpc_finish(meta)
    while other.lastTransaction() < second:
        time.sleep(0.01)
    try:
        found = other.load(z64)
    except KeyError:
        found = None
    other.close()
    storage.close()
    stop()
if found:
    sys.exit(
        f"storage.announces-what-was-deleted: another client, which knows of the deletion, loads"
        f" {found[0]!r}"
    )
