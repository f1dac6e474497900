"""An instance that was released finishes the commit that it was released from."""

import sys

from ZODB.Connection import TransactionMetaData
from ZODB.tests.MVCCMappingStorage import MVCCMappingStorage
from ZODB.utils import z64

storage, meta = MVCCMappingStorage(), TransactionMetaData()
released = storage.new_instance()
released.tpc_begin(meta)
released.store(z64, z64, b"given up", "", meta)
released.release()
try:
    released.tpc_vote(meta)
    released.tpc_finish(meta)
except Exception:
    released.tpc_abort(meta)
if len(storage):
    sys.exit("storage.use-after-release-spares.mvcc: what was given up is committed")
