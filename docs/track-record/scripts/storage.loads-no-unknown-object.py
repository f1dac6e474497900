"""Errors of a TemporaryStorage are those of dictionaries, or ask to try again."""

import logging
import sys

from tempstorage.TemporaryStorage import TemporaryStorage
from ZODB.POSException import POSKeyError

logging.disable()
storage, problems = TemporaryStorage(), []
for method in storage.load, storage.loadSerial:
    try:
        method(bytes(8), bytes(8))
    except POSKeyError:
        pass
    except Exception as error:
        problems.append(f"{method.__name__} raises a {type(error).__name__}")
if problems:
    sys.exit(f"storage.loads-no-unknown-object: {', '.join(problems)}")
