"""A pack of a DemoStorage takes back what was changed in objects that the base leads to."""

import logging
import sys
import time

import transaction
import ZODB
from persistent.mapping import PersistentMapping
from ZODB.DemoStorage import DemoStorage
from ZODB.MappingStorage import MappingStorage

logging.disable()
base = MappingStorage()
root = ZODB.DB(base).open().root()
root["folder"] = PersistentMapping(page=PersistentMapping(text="old"))
transaction.commit()

db = ZODB.DB(DemoStorage(base=base, close_base_on_close=False))
root = db.open().root()
root["visited"] = True
root["folder"]["page"]["text"] = "new"
transaction.commit()
time.sleep(0.01)
try:
    db.pack()
except Exception as error:
    problem = f"the pack raises {error!r}; "
else:
    problem = ""
root = db.open(transaction.TransactionManager()).root()
if root.get("visited") is None or root["folder"]["page"]["text"] == "old":
    sys.exit(f"storage.layered-packing: {problem}what was committed above the base is gone")
