"""A TemporaryStorage can't be asked for the history of an object."""

import logging
import sys

import ZODB
from tempstorage.TemporaryStorage import TemporaryStorage

logging.disable()
problems = []
try:
    TemporaryStorage().history(bytes(8), size=1)
except TypeError as error:
    problems.append(str(error))
except KeyError:
    pass
found = ZODB.DB(TemporaryStorage()).history(bytes(8))
if not found:
    problems.append(f"the history of the root is {found!r}")
if problems:
    sys.exit(f"database.history.temp: {'; '.join(problems)}")
