"""A pack over ZEO does not find references in records that a wrapper at the client has changed."""

import logging
import sys
import tempfile

import ZEO
import ZODB
from ZODB.tests.hexstorage import HexStorage

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    address, stop = ZEO.server(folder + "/Data.fs")
    db = ZODB.DB(HexStorage(ZEO.client(address)))
    problem = ""
    try:
        db.pack()
    except Exception as error:
        problem = f"storage.wrapped-references.zeo: the pack raises {error!r}"
    db.close()
    stop()
sys.exit(problem or 0)
