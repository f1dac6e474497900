"""A record that is no pickle ends the commit of a TemporaryStorage in its second phase."""

import logging
import sys

from tempstorage.TemporaryStorage import TemporaryStorage
from ZODB.Connection import TransactionMetaData

logging.disable()
storage, meta = TemporaryStorage(), TransactionMetaData()
storage.tpc_begin(meta)
storage.store(bytes(8), bytes(8), b"some bytes", "", meta)
storage.tpc_vote(meta)
try:
    storage.tpc_finish(meta)
except Exception as error:
    sys.exit(f"storage.records-of-any-content: tpc_finish raises {error!r}, after the vote")
