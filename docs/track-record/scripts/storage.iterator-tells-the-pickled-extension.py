"""A copy of a MappingStorage does not have the extension as it was pickled."""

import logging
import sys

import ZODB

logging.disable()
[first] = ZODB.DB(None).storage.iterator()
try:
    bytes(first.extension_bytes)
except AttributeError as error:
    sys.exit(f"storage.iterator-tells-the-pickled-extension: {error}")
