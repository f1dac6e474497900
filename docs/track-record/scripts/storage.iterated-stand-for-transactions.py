"""A transaction of a MappingStorage can't stand for one in another storage."""

import logging
import sys

import ZODB

logging.disable()
[first] = ZODB.DB(None).storage.iterator()
try:
    first.set_data("a storage", "what it notes")
except AttributeError as error:
    sys.exit(f"storage.iterated-stand-for-transactions: {error}")
