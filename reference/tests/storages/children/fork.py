"""Fork while a storage is open; the child tries to use it and ends, the parent goes on.

Prints what became of the child. Another thread holds the storage's lock meanwhile. In the end the
parent waits to be killed.
"""

# ruff: noqa: T201 - the test reads what is printed

import gc
import os
import sys
import threading
import time

from zodb_reference.errors import StorageError
from zodb_reference.metadata import TransactionMetaData
from zodb_reference.oids import z64
from zodb_reference.storages import SQLiteStorage

storage = SQLiteStorage(sys.argv[1])
oid = storage.new_oid()


def commit(data, serial):
    meta = TransactionMetaData()
    storage.tpc_begin(meta)
    storage.store(oid, serial, data, "", meta)
    storage.tpc_vote(meta)
    return storage.tpc_finish(meta)


def hold_the_lock():
    with storage._lock:
        holding.set()
        released.wait()


serial = commit(b"before", z64)
holding, released = threading.Event(), threading.Event()
threading.Thread(target=hold_the_lock, daemon=True).start()
holding.wait()
child = os.fork()
if not child:
    try:
        storage.load(oid)
    except StorageError as error:
        print("refused:", error, flush=True)
    storage.close()
    del storage
    gc.collect()
    sys.exit()
released.set()
_, status = os.waitpid(child, 0)
print("child ended with", status, flush=True)
commit(b"after", serial)
print("committed", flush=True)
time.sleep(60)
