"""A blob of the base is replaced by somebody who has read an older one."""

import logging
import sys
from pathlib import Path

import transaction
import ZODB
from ZODB.blob import Blob
from ZODB.Connection import TransactionMetaData
from ZODB.DemoStorage import DemoStorage
from ZODB.POSException import ConflictError

logging.disable()
base = DemoStorage()
root = ZODB.DB(base).open().root()
root["blob"] = blob = Blob(b"one")
transaction.commit()
oid, first = blob._p_oid, base.load(blob._p_oid)[1]
with blob.open("w") as file:
    file.write(b"two")
transaction.commit()

storage, meta = base.push(), TransactionMetaData()
path = Path(storage.temporaryDirectory(), "content")
path.write_bytes(b"three")
storage.tpc_begin(meta)
try:
    storage.storeBlob(oid, first, base.load(oid)[0], str(path), "", meta)
    storage.tpc_vote(meta)
except ConflictError:
    storage.tpc_abort(meta)
else:
    storage.tpc_finish(meta)
    sys.exit("storage.layered-blob-conflicts: who has read b'one' replaces b'two'")
