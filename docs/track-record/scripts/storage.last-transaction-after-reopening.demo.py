"""What was voted for and never finished is the last transaction after the storage was reopened."""

import logging
import sys
import tempfile

from ZODB.Connection import TransactionMetaData
from ZODB.DemoStorage import DemoStorage
from ZODB.FileStorage import FileStorage
from ZODB.utils import z64

logging.disable()


def opened(folder):
    """A DemoStorage whose changes are in a file."""
    return DemoStorage(changes=FileStorage(folder + "/changes.fs"))


with tempfile.TemporaryDirectory() as folder:
    storage, meta = opened(folder), TransactionMetaData()
    storage.tpc_begin(meta)
    storage.store(z64, z64, b"data", "", meta)
    storage.tpc_vote(meta)
    storage.close()
    storage = opened(folder)
    last, there = storage.lastTransaction(), len(list(storage.iterator()))
    storage.close()
if last != z64:
    sys.exit(
        f"storage.last-transaction-after-reopening.demo: {there} transactions are there, and"
        " lastTransaction tells one"
    )
