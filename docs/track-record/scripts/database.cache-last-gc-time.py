"""To ask when a cache was looked through fails."""

import logging
import sys

import ZODB

logging.disable()
db = ZODB.DB(None)
connection = db.open()
try:
    db.cacheLastGCTime()
except AttributeError as error:
    sys.exit(f"database.cache-last-gc-time: {error!r} is raised")
