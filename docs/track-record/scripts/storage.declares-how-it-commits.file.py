"""A file storage does not declare the interface by which it commits."""

import sys
import tempfile

from ZODB.FileStorage import FileStorage
from ZODB.interfaces import IMultiCommitStorage

with tempfile.TemporaryDirectory() as folder:
    storage = FileStorage(folder + "/Data.fs")
    is_declared = IMultiCommitStorage.providedBy(storage)
    storage.close()
if not is_declared:
    sys.exit(
        "storage.declares-how-it-commits.file: IMultiCommitStorage is not among the interfaces of a"
        " FileStorage"
    )
