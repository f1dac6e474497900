"""What is stored through a ZEO client after the vote is in its cache, and not in its server."""

import logging
import sys
import tempfile

import ZEO
from ZODB.Connection import TransactionMetaData
from ZODB.utils import z64

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    address, stop = ZEO.server(folder + "/Data.fs")
    storage, meta = ZEO.client(address), TransactionMetaData()
    storage.tpc_begin(meta)
    storage.tpc_vote(meta)
    try:
        storage.store(z64, z64, b"late", "", meta)
        storage.tpc_finish(meta)
        found = storage.load(z64)[0]
    except Exception:
        storage.tpc_abort(meta)
        found = None
    other = ZEO.client(address)
    try:
        there = other.load(z64)[0]
    except KeyError:
        there = None
    other.close()
    storage.close()
    stop()
if found or there:
    sys.exit(
        f"storage.store-after-vote.zeo: the commit succeeds; this client loads {found!r}, and"
        f" others {there!r}"
    )
