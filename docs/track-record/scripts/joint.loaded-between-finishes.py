"""An object that is loaded after its own database has finished, and before the transaction ends,
is older than the snapshot from then on.
"""

import logging
import sys

import transaction
import ZODB
from persistent.mapping import PersistentMapping

logging.disable()
db = ZODB.DB(None)
manager = transaction.TransactionManager()
connection = db.open(manager)
account = connection.root()["account"] = PersistentMapping(balance=0)
manager.commit()


class Printer:
    """Another data manager, which prints the account when all have voted."""

    def sortKey(self):  # noqa: N802
        return "~"

    def tpc_finish(self, transaction):
        connection.cacheMinimize()  # the cache may be full
        return account["balance"]

    def nothing(self, transaction):
        pass

    tpc_begin = commit = tpc_vote = abort = tpc_abort = nothing


account["balance"] += 100
manager.get().join(Printer())
manager.commit()

manager.begin()
if account["balance"] != 100:
    sys.exit(
        "joint.loaded-between-finishes: 100 was committed, and the next transaction sees"
        f" {account['balance']}"
    )
