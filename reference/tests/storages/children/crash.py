"""Kill oneself at a given step of a second commit to the storage named by the argument."""

import os
import signal
import sys

from zodb_reference.metadata import TransactionMetaData
from zodb_reference.oids import p64, z64
from zodb_reference.storages import SQLiteStorage

path, step = sys.argv[1:]


def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)


storage = SQLiteStorage(path)
serial = z64
for number in range(2):
    last = number == 1
    meta = TransactionMetaData()
    storage.tpc_begin(meta)
    storage.store(p64(1), serial, b"%d" % number, "", meta)
    if last and step == "begun":
        die()
    storage.tpc_vote(meta)
    if last and step == "voted":
        die()
    serial = storage.tpc_finish(meta, die if last and step == "callback" else None)
    if last:
        die()
