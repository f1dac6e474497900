"""A copy with blobs keeps tids that are not in order."""

import logging
import sys
import tempfile

import transaction
import ZODB
from ZODB.FileStorage import FileStorage

logging.disable()


class Backwards:
    """Transactions whose tids are out of order, as a clock makes them that is set back."""

    def iterator(self):
        """The transactions of the original, the last one first."""
        tids = [each.tid for each in original.iterator()]
        for tid in reversed(tids):
            yield from original.iterator(tid, tid)


with tempfile.TemporaryDirectory() as folder:
    original = FileStorage(folder + "/Original.fs")
    ZODB.DB(original).open().root()["a"] = 1
    transaction.commit()
    copy = FileStorage(folder + "/Copy.fs", blob_dir=folder + "/blobs")
    copy.copyTransactionsFrom(Backwards())
    tids = [each.tid for each in copy.iterator()]
    original.close()
    copy.close()
if tids != sorted(tids):
    sys.exit(
        "storage.copy-puts-tids-in-order: the second transaction of the copy has the lower tid"
    )
