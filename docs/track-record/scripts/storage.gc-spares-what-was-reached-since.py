"""A pack loses an object that was taken out of one place before its time, and was put into another
one after it.
"""

import logging
import sys
import tempfile
import time

import transaction
import ZODB
from persistent.mapping import PersistentMapping

logging.disable()


def moment():
    """A time between two transactions."""
    time.sleep(0.01)
    now = time.time()
    time.sleep(0.01)
    return now


with tempfile.TemporaryDirectory() as folder:
    db = ZODB.DB(folder + "/Data.fs")
    root = db.open().root()
    root["here"] = PersistentMapping(value=1)
    transaction.commit()
    thing = root.pop("here")
    transaction.commit()
    then = moment()
    root["there"] = thing
    transaction.commit()
    db.pack(then)
    problem = ""
    try:
        db.open(transaction.TransactionManager()).root()["there"]["value"]
    except KeyError as error:
        problem = f"the object is in its new place, and reading it raises {error!r}"
    db.close()
if problem:
    sys.exit(f"storage.gc-spares-what-was-reached-since: {problem}")
