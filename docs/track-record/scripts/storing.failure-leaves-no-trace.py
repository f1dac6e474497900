"""An object that can't be stored keeps the oid that the failed commit gave it."""

import logging
import sys
import threading

import transaction
import ZODB
from persistent.mapping import PersistentMapping

logging.disable()
manager = transaction.TransactionManager()
root = ZODB.DB(None).open(manager).root()

part = PersistentMapping(lock=threading.Lock())  # can't be pickled
root["whole"] = whole = PersistentMapping(part=part)
try:
    manager.commit()
except TypeError:
    manager.abort()

if whole._p_oid is not None or part._p_oid is not None:
    sys.exit(
        "storing.failure-leaves-no-trace: after the abort the object that was stored before the"
        f" failure has oid {whole._p_oid!r}, and the one that failed has {part._p_oid!r}"
    )
