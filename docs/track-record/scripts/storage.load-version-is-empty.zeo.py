"""A ZEO client loads from a version, of which it has none."""

import logging
import sys
import tempfile

import ZEO
import ZODB

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    address, stop = ZEO.server(folder + "/Data.fs")
    db = ZODB.DB(ZEO.client(address))
    try:
        db.storage.load(bytes(8), "a version")
        problem = "storage.load-version-is-empty.zeo: the root is loaded from a version"
    except (AssertionError, TypeError, ValueError):
        problem = ""
    db.close()
    stop()
sys.exit(problem or 0)
