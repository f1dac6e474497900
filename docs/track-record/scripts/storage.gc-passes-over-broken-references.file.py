"""A database in which one object is missing can't be packed."""

import logging
import sys
import tempfile
import time

import transaction
import ZODB
from persistent.mapping import PersistentMapping
from ZODB.Connection import TransactionMetaData

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    db = ZODB.DB(folder + "/Data.fs")
    root = db.open().root()
    root["one"] = PersistentMapping()
    transaction.commit()
    one, meta = root["one"], TransactionMetaData()
    db.storage.tpc_begin(meta)
    db.storage.deleteObject(one._p_oid, one._p_serial, meta)
    db.storage.tpc_vote(meta)
    db.storage.tpc_finish(meta)
    time.sleep(0.01)
    problem = ""
    try:
        db.pack()
    except KeyError as error:
        problem = f"the pack fails: {error!r}"
    db.close()
if problem:
    sys.exit(f"storage.gc-passes-over-broken-references.file: {problem}")
