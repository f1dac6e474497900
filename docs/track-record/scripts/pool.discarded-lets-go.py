"""A connection that the pool has discarded holds on to what it has loaded."""

import gc
import logging
import sys
import weakref

import transaction
import ZODB
from persistent import Persistent

logging.disable()


class Thing(Persistent):
    """An object."""


db = ZODB.DB(None, pool_size=1)
manager = transaction.TransactionManager()
first, second = db.open(manager), db.open(transaction.TransactionManager())
first.root()["thing"] = Thing()
manager.commit()
first.root()["thing"]._p_activate()
seen = weakref.ref(first.root()["thing"])
first.close()
second.close()
gc.collect()
if seen() is not None:
    sys.exit("pool.discarded-lets-go: its objects are still in memory")
