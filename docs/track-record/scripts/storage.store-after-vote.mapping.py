"""A MappingStorage commits what was stored after it had voted."""

import sys

from ZODB.Connection import TransactionMetaData
from ZODB.MappingStorage import MappingStorage
from ZODB.utils import z64

storage, meta = MappingStorage(), TransactionMetaData()
storage.tpc_begin(meta)
storage.tpc_vote(meta)
try:
    storage.store(z64, z64, b"late", "", meta)
except Exception:
    storage.tpc_abort(meta)
else:
    storage.tpc_finish(meta)
    if len(storage):
        sys.exit("storage.store-after-vote.mapping: what was stored after the vote is committed")
