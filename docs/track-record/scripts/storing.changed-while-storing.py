"""A change that is made while the commit is under way, to an object that it has stored already, is
neither stored nor refused: it is forgotten.
"""

import logging
import sys

import transaction
import ZODB
from persistent import Persistent

logging.disable()


class Counter(Persistent):
    """Counts how often others were stored, wrongly but not unusually in their `__getstate__`."""

    count = 0


class Thing(Persistent):
    """Tells its counter that it is being stored."""

    def __getstate__(self):
        self.counter.count += 1
        return super().__getstate__()


db = ZODB.DB(None)
manager = transaction.TransactionManager()
root = db.open(manager).root()
root["counter"] = counter = Counter()
root["thing"] = thing = Thing()
thing.counter = counter
manager.commit()

counter.count = 100
thing.value = 1
try:
    manager.commit()
except Exception:
    sys.exit(0)  # to refuse would be allowed

stored = db.open(transaction.TransactionManager()).root()["counter"].count
if counter._p_changed is False and counter.count != stored:
    sys.exit(
        f"storing.changed-while-storing: the commit succeeded, the counter is at {counter.count},"
        f" it is not marked as changed, and what was stored is {stored}"
    )
