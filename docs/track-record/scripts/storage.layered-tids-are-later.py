"""A commit hides the base of a DemoStorage, if that is from a clock that was ahead."""

import logging
import sys

import transaction
import ZODB
from persistent.mapping import PersistentMapping
from persistent.TimeStamp import TimeStamp
from ZODB.Connection import TransactionMetaData
from ZODB.DemoStorage import DemoStorage
from ZODB.MappingStorage import MappingStorage
from ZODB.POSException import ConflictError

logging.disable()
base, source = MappingStorage(), MappingStorage()
root = ZODB.DB(source).open().root()
root["page"] = PersistentMapping(text="here")
transaction.commit()
meta = TransactionMetaData()
base.tpc_begin(meta, TimeStamp(2999, 1, 1, 0, 0, 0).raw())
for oid in root._p_oid, root["page"]._p_oid:
    base.store(oid, bytes(8), source.load(oid)[0], "", meta)
base.tpc_vote(meta)
base.tpc_finish(meta)

db = ZODB.DB(DemoStorage(base=base))
db.open().root()["page"]["text"]
connection = db.open(transaction.TransactionManager())
connection.add(PersistentMapping())
connection.transaction_manager.commit()
try:
    db.open(transaction.TransactionManager()).root()["page"]["text"]
except ConflictError as error:
    problem = f"to read what was there before raises {type(error).__name__}"
    sys.exit(f"storage.layered-tids-are-later: {problem}")
