"""A database has no `invalidateCache`."""

import logging
import sys

import ZODB

logging.disable()
try:
    ZODB.DB(None).invalidateCache()
except AttributeError as error:
    sys.exit(f"cache.invalidated-at-the-boundary: {error}")
