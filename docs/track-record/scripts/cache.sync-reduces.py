"""`sync` leaves the cache as large as it is."""

import logging
import sys

import transaction
import ZODB
from persistent.mapping import PersistentMapping

logging.disable()
manager = transaction.TransactionManager()
connection = ZODB.DB(None, cache_size=5).open(manager)
items = connection.root()["items"] = [PersistentMapping() for _ in range(20)]
manager.commit()
for item in items:
    item._p_activate()
connection.sync()
count = sum(item._p_changed is not None for item in items)
if count > 5:
    sys.exit(f"cache.sync-reduces: {count} objects are loaded, with a cache_size of 5")
