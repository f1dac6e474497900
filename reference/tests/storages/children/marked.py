"""Commit to a storage in the folder named by the argument, and mark what has returned in `marks`.

Commit number n stores n in one object and a record of its own in another. The log is short, so that
it is emptied into the file now and then; the storage is closed and opened again in between, and
some transactions are given up after the vote. `SYNCHRONOUS` in the environment overrides how far
SQLite goes to have a commit on the disk.
"""

import os
import sys
from pathlib import Path

from zodb_reference.metadata import TransactionMetaData
from zodb_reference.oids import p64, z64
from zodb_reference.storages import SQLiteStorage, sqlite_file

sqlite_file.LONG_LOG = 100_000
sqlite_file.SYNCHRONOUS = os.environ.get("SYNCHRONOUS", sqlite_file.SYNCHRONOUS)
folder = Path(sys.argv[1])
marks = os.open(folder / "marks", os.O_WRONLY | os.O_CREAT)


def mark(text):
    os.write(marks, text.encode())


def begin(number, storage, serial):
    meta = TransactionMetaData(description=str(number))
    storage.tpc_begin(meta)
    storage.store(p64(1), serial, b"%d" % number, "", meta)
    storage.store(p64(100 + number), z64, b"%d" % number * 3000, "", meta)
    storage.tpc_vote(meta)
    mark(f"voted {number}")
    return meta


serial = z64
number = 0
for _ in range(3):
    storage = SQLiteStorage(folder / "test.sqlite")
    mark("opened")
    for _ in range(6):
        storage.tpc_abort(begin(number, storage, serial))
        serial = storage.tpc_finish(begin(number, storage, serial))
        mark(f"kept {number}")
        number += 1
    storage.close()
    mark("closed")
