"""Fill a storage in the folder named by the first argument, and pack it.

What has returned is marked in the file `marks`. The process kills itself at the step that the
second argument names, or ends well where that is "none". The log is short, so that it is emptied
into the file while the storage is filled.
"""

import os
import signal
import sys
from contextlib import contextmanager
from pathlib import Path

from zodb_reference.metadata import TransactionMetaData
from zodb_reference.oids import p64, z64
from zodb_reference.storages import SQLiteStorage, sqlite_file

sqlite_file.LONG_LOG = 100_000
folder, step = Path(sys.argv[1]), sys.argv[2]
marks = os.open(folder / "marks", os.O_WRONLY | os.O_CREAT)


def at(reached):
    if step == reached:
        os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def change(self):
    with really_change(self) as connection:
        yield connection
        at("removing")
    at("removed")


def references(record):
    at("marking")
    return []


storage = SQLiteStorage(folder / "test.sqlite")
serial = z64
for number in range(6):
    meta = TransactionMetaData()
    storage.tpc_begin(meta)
    storage.store(z64, serial, b"%d" % number * 9000, "", meta)
    storage.store(p64(100 + number), z64, b"garbage", "", meta)
    storage.tpc_vote(meta)
    serial = storage.tpc_finish(meta)
os.write(marks, b"filled")
really_change, sqlite_file.SQLiteFile.change = sqlite_file.SQLiteFile.change, change
storage.pack(1 << 34, references)
os.write(marks, b"packed")
at("packed")
storage.close()
os.write(marks, b"closed")
