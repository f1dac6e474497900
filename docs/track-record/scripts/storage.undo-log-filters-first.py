"""A ZEO client that is given a filter says that there is nothing to undo."""

import logging
import sys
import tempfile

import ZEO
import ZODB

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    address, stop = ZEO.server(folder + "/Data.fs")
    db = ZODB.DB(ZEO.client(address))
    found = db.undoLog(0, 20, lambda _: True)
    db.close()
    stop()
if not found:
    sys.exit(f"storage.undo-log-filters-first: {found!r} is all that the filter lets through")
