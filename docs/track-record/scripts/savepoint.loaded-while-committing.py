"""An object that a savepoint has saved, and that is loaded while the commit is under way, is loaded
as it was before the transaction, and passes for what was committed: the next change undoes it.
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


class Auditor:
    """Another data manager, which looks at the account when it votes."""

    def sortKey(self):  # noqa: N802
        return "~"

    def tpc_vote(self, transaction):
        return account["balance"]

    def nothing(self, transaction):
        pass

    tpc_begin = commit = tpc_finish = abort = tpc_abort = nothing


account["balance"] += 100
manager.savepoint()  # which may empty the cache; here it is emptied by hand
connection.cacheMinimize()
manager.get().join(Auditor())
manager.commit()

manager.begin()
account["balance"] += 1
manager.commit()
stored = db.open(transaction.TransactionManager()).root()["account"]["balance"]
if stored != 101:
    sys.exit(
        f"savepoint.loaded-while-committing: 100 was committed and 1 was added, and {stored} is"
        " stored"
    )
