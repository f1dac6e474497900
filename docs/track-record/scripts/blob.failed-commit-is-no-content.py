"""A new blob has lost its content when a commit has failed."""

import logging
import sys

import transaction
import ZODB
from ZODB.blob import Blob
from ZODB.DemoStorage import DemoStorage

logging.disable()


class Failing:
    """A data manager that votes against a transaction."""

    def sortKey(self):  # noqa: N802
        return "~"

    def tpc_vote(self, txn):
        raise RuntimeError("no")

    def abort(self, txn):
        """Do nothing, as in all that follow."""

    tpc_begin = commit = tpc_abort = abort


root = ZODB.DB(DemoStorage()).open().root()
root["blob"] = blob = Blob(b"content")
transaction.get().join(Failing())
try:
    transaction.commit()
except RuntimeError:
    transaction.abort()
with blob.open() as file:
    found = file.read()
if found != b"content":
    sys.exit(f"blob.failed-commit-is-no-content: {found!r} is read from the blob")
