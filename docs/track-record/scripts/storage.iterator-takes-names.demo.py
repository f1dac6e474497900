"""The end of an iteration over a DemoStorage can't be given by its name."""

import sys

from ZODB.DemoStorage import DemoStorage
from ZODB.utils import maxtid

try:
    list(DemoStorage().iterator(stop=maxtid))
except TypeError as error:
    sys.exit(f"storage.iterator-takes-names.demo: {error}")
