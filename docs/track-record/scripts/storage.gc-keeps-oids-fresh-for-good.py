"""After a pack, and when the file was opened again, a weak reference leads to another object."""

import sys
import tempfile
import time

import transaction
import ZODB
from persistent.mapping import PersistentMapping
from persistent.wref import WeakRef

with tempfile.TemporaryDirectory() as folder:
    path = folder + "/Data.fs"
    db = ZODB.DB(path)
    root = db.open().root()
    root["thing"] = PersistentMapping(name="thing")
    transaction.commit()
    root["weak"] = WeakRef(root["thing"])
    del root["thing"]
    transaction.commit()
    time.sleep(0.01)
    db.pack()
    db.close()

    db = ZODB.DB(path)
    root = db.open().root()
    assert root["weak"]() is None
    root["new"] = PersistentMapping(name="stranger")
    transaction.commit()
    found = db.open(transaction.TransactionManager()).root()["weak"]()
    problem = found and f"a weak reference to an object that is gone leads to {dict(found)}"
    db.close()
if problem:
    sys.exit(f"storage.gc-keeps-oids-fresh-for-good: {problem}")
