"""A transaction in which two connections to one database have changes never ends: it waits for a
lock that it holds itself.
"""

import faulthandler
import logging
import os
import sys
import threading

import transaction
import ZODB

PATIENCE = 3  # seconds


def give_up():
    """Say where the commit waits, and end the process, since nothing else can end the commit."""
    sentence = f"the commit has not returned within {PATIENCE} seconds"
    print(f"connection.two-in-one-transaction: {sentence}", file=sys.stderr)
    faulthandler.dump_traceback()
    os._exit(1)


logging.disable()
db = ZODB.DB(None)
manager = transaction.TransactionManager()
one, other = db.open(manager).root(), db.open(manager).root()
one["a"] = 1
other["b"] = 1

timer = threading.Timer(PATIENCE, give_up)
timer.start()
try:
    manager.commit()
except Exception:
    pass  # to refuse would be allowed
timer.cancel()
