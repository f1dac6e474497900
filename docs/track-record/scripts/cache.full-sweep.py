"""A connection has no `cacheFullSweep`."""

import logging
import sys

import ZODB

logging.disable()
try:
    ZODB.DB(None).open().cacheFullSweep()
except AttributeError as error:
    sys.exit(f"cache.full-sweep: {error}")
