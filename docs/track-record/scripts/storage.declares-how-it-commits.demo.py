"""A DemoStorage does not declare the interface by which it commits."""

import sys

from ZODB.DemoStorage import DemoStorage
from ZODB.interfaces import IMultiCommitStorage

if not IMultiCommitStorage.providedBy(DemoStorage()):
    sys.exit("storage.declares-how-it-commits.demo: IMultiCommitStorage is not declared")
