"""A copy gives a transaction another tid, and leaves the old one to its records."""

import contextlib
import io
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
    original, copy = FileStorage(folder + "/Original.fs"), FileStorage(folder + "/Copy.fs")
    ZODB.DB(original).open().root()["a"] = 1
    transaction.commit()
    with contextlib.redirect_stdout(io.StringIO()):
        copy.copyTransactionsFrom(Backwards())
    wrong = [each.tid for each in copy.iterator() for record in each if record.tid != each.tid]
    original.close()
    copy.close()
if wrong:
    sys.exit(
        f"storage.copy-moves-records-with-their-transaction: {len(wrong)} of 2 transactions in the"
        " copy has a tid that its record does not have"
    )
