"""What a database gives a storage to find references with takes itself for the record."""

import logging
import sys

import ZODB
from ZODB.MappingStorage import MappingStorage

logging.disable()
layers = []


class Noting(MappingStorage):
    """A storage that notes what is registered with it."""

    def registerDB(self, layer):  # noqa: N802
        layers.append(layer)


storage = Noting()
db = ZODB.DB(storage)
try:
    layers[0].references(storage.load(bytes(8))[0])
except TypeError as error:
    sys.exit(f"storage.layer-reads-records: {error}")
