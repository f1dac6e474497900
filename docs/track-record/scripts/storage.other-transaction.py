"""Calls out of order are refused by accident."""

import logging
import sys
import tempfile

from relstorage.adapters.sqlite.adapter import Sqlite3Adapter
from relstorage.options import Options
from relstorage.storage import RelStorage
from ZODB.Connection import TransactionMetaData
from ZODB.POSException import StorageTransactionError
from ZODB.utils import z64

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    options = Options(blob_dir=folder + "/blobs")
    storage = RelStorage(Sqlite3Adapter(folder, {}, options=options), options=options)
    problems = []

    def check(method, *arguments):
        """Note how a call is refused."""
        try:
            method(*arguments)
        except StorageTransactionError:
            pass
        except Exception as error:
            problems.append(f"{method.__name__} raises {error!r}")

    meta = TransactionMetaData()
    storage.tpc_begin(meta)
    storage.tpc_vote(meta)
    check(storage.tpc_vote, meta)
    check(storage.store, z64, z64, b"late", "", meta)
    storage.tpc_abort(meta)
    storage.close()
    problem = "; ".join(problems)
if problem:
    sys.exit(f"storage.other-transaction: {problem}")
