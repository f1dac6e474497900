"""The end of an iteration over a MappingStorage can't be given by its name."""

import sys

from ZODB.MappingStorage import MappingStorage
from ZODB.utils import maxtid

try:
    list(MappingStorage().iterator(stop=maxtid))
except TypeError as error:
    sys.exit(f"storage.iterator-takes-names: {error}")
