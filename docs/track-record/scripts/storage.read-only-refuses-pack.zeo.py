"""A read-only client packs the storage of its server."""

import logging
import sys
import tempfile
import time

import ZEO
from ZODB.POSException import ReadOnlyError

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    address, stop = ZEO.server(folder + "/Data.fs")
    storage = ZEO.client(address, read_only=True)
    try:
        storage.pack(time.time(), None)
        problem = "storage.read-only-refuses-pack.zeo: the storage is packed"
    except ReadOnlyError:
        problem = ""
    storage.close()
    stop()
sys.exit(problem or 0)
