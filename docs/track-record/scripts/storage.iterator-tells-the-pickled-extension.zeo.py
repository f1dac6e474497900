"""A ZEO client does not tell an extension as it was pickled."""

import logging
import pickle
import sys
import tempfile

import ZEO
from ZODB.Connection import TransactionMetaData
from ZODB.utils import z64

logging.disable()
given = pickle.dumps({"mood": "good"}, 0)
with tempfile.TemporaryDirectory() as folder:
    address, stop = ZEO.server(folder + "/Data.fs")
    storage, meta = ZEO.client(address), TransactionMetaData(extension=given)
    storage.tpc_begin(meta)
    storage.store(z64, z64, b"data", "", meta)
    storage.tpc_vote(meta)
    storage.tpc_finish(meta)
    [found] = [each.extension_bytes for each in storage.iterator()]
    storage.close()
    stop()
if found != given:
    sys.exit(
        f"storage.iterator-tells-the-pickled-extension.zeo: {given!r} was committed, and {found!r}"
        " is told"
    )
