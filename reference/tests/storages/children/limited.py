"""Commit to a storage while its files may hardly grow, or not at all.

The limit is set before the vote or between vote and finish, as the second argument says, each time
somewhat farther from the end of the log. For each time one word is printed: whether the transaction
was refused in the vote, or finished. What the storage tells is compared with what it told before.
"""

# ruff: noqa: T201 - the test reads what is printed

import resource
import sys
from pathlib import Path

from zodb_reference.errors import StorageError
from zodb_reference.metadata import TransactionMetaData
from zodb_reference.oids import p64, z64
from zodb_reference.storages import SQLiteStorage

path, moment = sys.argv[1:]
no_limit = resource.RLIM_INFINITY
storage = SQLiteStorage(path)
log = Path(f"{path}-wal")


def let_log_grow(more):
    limit = no_limit if more is None else log.stat().st_size + more
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, no_limit))


def content():
    return [
        (one.tid, one.description, [(record.oid, record.data) for record in one])
        for one in storage.iterator()
    ]


def commit(more=None):
    meta = TransactionMetaData(description=str(more))
    storage.tpc_begin(meta)
    serial = storage.getTid(p64(1)) if len(storage) else z64
    storage.store(p64(1), serial, bytes(20_000), "", meta)
    if moment == "vote":
        let_log_grow(more)
    storage.tpc_vote(meta)
    if moment == "finish":
        let_log_grow(0)
    tid = storage.tpc_finish(meta)
    let_log_grow(None)
    return tid


commit()
for more in range(0, 60_000, 1_500):
    before = content()
    try:
        tid = commit(more)
    except StorageError as error:
        let_log_grow(None)
        storage.tpc_abort(storage.tpc_transaction())
        told = content()
        assert told == before
        print("refused" if "disk" in str(error) else error)
    else:
        told = content()
        assert [one[0] for one in told] == [one[0] for one in before] + [tid]
        print("finished")
commit()
before = content()
storage.close()
storage = SQLiteStorage(path)
assert content() == before
storage.close()
