"""A pack to a time removes what was stored after it, and has no place yet."""

import logging
import sys
import time

import transaction
import ZODB
from persistent.mapping import PersistentMapping

logging.disable()
db = ZODB.DB(None)
connection = db.open()
time.sleep(0.01)
then = time.time()
time.sleep(0.01)
thing = PersistentMapping(value=1)
connection.add(thing)
transaction.commit()
db.pack(then)
connection.root()["thing"] = thing
transaction.commit()
try:
    db.open(transaction.TransactionManager()).root()["thing"]["value"]
except KeyError as error:
    sys.exit(f"storage.gc-spares-what-is-new: to follow the new reference raises {error!r}")
