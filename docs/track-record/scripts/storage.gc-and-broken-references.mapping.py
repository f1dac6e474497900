"""A MappingStorage in which an object is missing loses others in a pack, the root first."""

import logging
import sys
import time

import transaction
import ZODB
from persistent.mapping import PersistentMapping
from ZODB.Connection import TransactionMetaData

logging.disable()
db = ZODB.DB(None)
root = db.open().root()
root["one"] = PersistentMapping()
transaction.commit()

meta = TransactionMetaData()
db.storage.tpc_begin(meta)
record = db.storage.load(root._p_oid)[0].replace(root["one"]._p_oid, b"missing!")
db.storage.store(root["one"]._p_oid, root["one"]._p_serial, record, "", meta)
db.storage.tpc_vote(meta)
db.storage.tpc_finish(meta)
time.sleep(0.01)
problem = ""
try:
    db.pack()
except Exception as error:
    problem = f"{error!r} ends the pack"
try:
    db.storage.load(root._p_oid)
except KeyError as error:
    problem += f", and to read the root raises {error!r} from then on"
if problem:
    sys.exit(f"storage.gc-and-broken-references.mapping: {problem}")
