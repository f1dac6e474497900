"""Without history, RelStorage takes what a transaction has read and deletes for changed."""

import logging
import sys
import tempfile

from relstorage.adapters.sqlite.adapter import Sqlite3Adapter
from relstorage.options import Options
from relstorage.storage import RelStorage
from ZODB.Connection import TransactionMetaData
from ZODB.POSException import ConflictError
from ZODB.utils import z64

logging.disable()
found = None
with tempfile.TemporaryDirectory() as folder:
    options = Options(keep_history=False)
    storage = RelStorage(Sqlite3Adapter(folder, {}, options=options), options=options)
    oid, meta = storage.new_oid(), TransactionMetaData()
    storage.tpc_begin(meta)
    storage.store(oid, z64, b"data", "", meta)
    storage.tpc_vote(meta)
    tid = storage.tpc_finish(meta)
    meta = TransactionMetaData()
    storage.tpc_begin(meta)
    storage.checkCurrentSerialInTransaction(oid, tid, meta)
    storage.deleteObject(oid, tid, meta)
    try:
        storage.tpc_vote(meta)
    except ConflictError as error:
        found = error
    storage.tpc_abort(meta)
    storage.close()
if found is not None:
    sys.exit(
        "protocol.vote.history-free: nobody else has changed the object, and the vote raises"
        f" {found!r}"
    )
