"""After a pack, and when the file was opened again, the last transaction is an earlier one."""

import sys
import tempfile
import time

import transaction
import ZODB
from persistent.mapping import PersistentMapping

with tempfile.TemporaryDirectory() as folder:
    path = folder + "/Data.fs"
    db = ZODB.DB(path)
    connection = db.open()
    connection.add(PersistentMapping())  # to which nothing leads
    transaction.commit()
    last = db.lastTransaction()
    time.sleep(0.01)
    db.pack()
    assert db.lastTransaction() == last
    db.close()
    db = ZODB.DB(path)
    found = db.lastTransaction()
    db.close()
if found != last:
    sys.exit(
        "storage.pack-keeps-last-transaction-for-good: the last transaction is an earlier one than"
        " it was before the storage was closed"
    )
