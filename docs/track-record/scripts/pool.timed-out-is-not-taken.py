"""A connection that has waited for too long is opened again."""

import logging
import sys
import time

import ZODB

logging.disable()
db = ZODB.DB(None, pool_timeout=0.05)
connection = db.open()
connection.close()
time.sleep(0.2)
if db.open() is connection:
    sys.exit("pool.timed-out-is-not-taken: it is the one that was closed long ago")
