"""A ZEO client shows what a pack has removed."""

import logging
import sys
import tempfile
import time

import transaction
import ZEO
import ZODB
from persistent.mapping import PersistentMapping

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    address, stop = ZEO.server(folder + "/Data.fs")
    storage = ZEO.client(address)
    db = ZODB.DB(storage)
    connection = db.open()
    thing = PersistentMapping()
    connection.add(thing)
    transaction.commit()
    storage.load(thing._p_oid)
    time.sleep(0.01)
    db.pack()
    try:
        storage.load(thing._p_oid)
        problem = "storage.gc-leaves-no-object.zeo: an object that a pack has removed is loaded"
    except KeyError:
        problem = ""
    db.close()
    stop()
sys.exit(problem or 0)
