"""Commit to the storage named by the argument, again and again, until killed.

Commit number n stores n, and some more data, in the root and in n % 7 other objects. The number is
printed once the commit has returned. A storage that has commits already is gone on with.
"""

# ruff: noqa: T201 - the test reads what is printed

import random
import sys

from zodb_reference.metadata import TransactionMetaData
from zodb_reference.oids import p64, z64
from zodb_reference.storages import SQLiteStorage

storage = SQLiteStorage(sys.argv[1])
number = sum(1 for _ in storage.iterator())
serials = {record.oid: record.tid for one in storage.iterator() for record in one}
print("open", flush=True)
while True:
    meta = TransactionMetaData(description=str(number))
    storage.tpc_begin(meta)
    for oid in map(p64, range(1 + number % 7)):
        data = random.randbytes(random.choice((10, 500, 20_000)))
        storage.store(oid, serials.get(oid, z64), b"%d " % number + data, "", meta)
        serials[oid] = None
    storage.tpc_vote(meta)
    tid = storage.tpc_finish(meta)
    serials.update({oid: tid for oid, serial in serials.items() if serial is None})
    print(number, flush=True)
    number += 1
