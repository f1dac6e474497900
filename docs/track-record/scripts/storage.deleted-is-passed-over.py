"""To go through the objects fails at one that was deleted."""

import logging
import sys
import tempfile

import transaction
import ZODB
from persistent.mapping import PersistentMapping
from ZODB.Connection import TransactionMetaData
from ZODB.utils import u64

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    db = ZODB.DB(folder + "/Data.fs")
    root, storage = db.open().root(), db.storage
    garbage = root["garbage"] = PersistentMapping()
    root["kept"] = PersistentMapping()
    transaction.commit()
    del root["garbage"]
    transaction.commit()
    meta = TransactionMetaData()
    storage.tpc_begin(meta)
    storage.deleteObject(garbage._p_oid, garbage._p_serial, meta)
    storage.tpc_vote(meta)
    storage.tpc_finish(meta)
    problem, found, following = "", [], None
    try:
        while not found or following is not None:
            oid, tid, data, following = storage.record_iternext(following)
            found.append(u64(oid))
    except KeyError as error:
        problem = f"after {found} the iteration fails: {error!r}"
    db.close()
if problem:
    sys.exit(f"storage.deleted-is-passed-over: {problem}")
