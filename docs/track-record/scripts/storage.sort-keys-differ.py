"""Two databases in memory have one sort key, so two threads may wait for each other for ever."""

import sys

from ZODB.MappingStorage import MappingStorage

one, two = MappingStorage(), MappingStorage()
if one.sortKey() == two.sortKey():
    sys.exit(f"storage.sort-keys-differ: both keys are {one.sortKey()!r}")
