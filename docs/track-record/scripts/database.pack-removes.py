"""A TemporaryStorage can't be packed."""

import logging
import sys

import ZODB
from tempstorage.TemporaryStorage import TemporaryStorage

logging.disable()
try:
    ZODB.DB(TemporaryStorage()).pack()
except KeyError as error:
    sys.exit(f"database.pack-removes: {error!r} is raised")
