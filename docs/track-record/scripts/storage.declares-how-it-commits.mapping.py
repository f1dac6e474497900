"""A MappingStorage does not declare the interface by which it commits."""

import sys

from ZODB.interfaces import IMultiCommitStorage
from ZODB.MappingStorage import MappingStorage

if not IMultiCommitStorage.providedBy(MappingStorage()):
    sys.exit("storage.declares-how-it-commits.mapping: IMultiCommitStorage is not declared")
