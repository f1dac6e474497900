"""A TemporaryStorage loads from a version, of which it has none."""

import logging
import sys

import ZODB
from tempstorage.TemporaryStorage import TemporaryStorage

logging.disable()
storage = TemporaryStorage()
ZODB.DB(storage)
try:
    storage.load(bytes(8), "a version")
except (AssertionError, TypeError, ValueError):
    pass
else:
    sys.exit("storage.load-version-is-empty: the root is loaded from a version")
