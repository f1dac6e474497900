"""A connection whose `tpc_begin` was not called can't be asked to abort."""

import logging
import sys

import transaction
import ZODB

logging.disable()
manager = transaction.TransactionManager()
connection = ZODB.DB(None).open(manager)
connection.root()["a"] = 1
connection.abort(manager.get())
try:
    # This is what `transaction` does with everybody when one data manager fails in `tpc_begin`.
    connection.tpc_abort(manager.get())
except Exception as error:
    sys.exit(f"transaction.tpc-abort-at-any-time: {error!r} is raised")
