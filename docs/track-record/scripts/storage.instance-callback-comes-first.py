"""Others see a commit before the callback of its end is called."""

import logging
import sys
import tempfile

from relstorage.adapters.sqlite.adapter import Sqlite3Adapter
from relstorage.options import Options
from relstorage.storage import RelStorage
from ZODB.Connection import TransactionMetaData
from ZODB.utils import z64

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    options = Options(blob_dir=folder + "/blobs")
    storage = RelStorage(Sqlite3Adapter(folder, {}, options=options), options=options)
    reader, meta, seen = storage.new_instance(), TransactionMetaData(), []

    def look(_):
        """Note what another instance sees."""
        reader.poll_invalidations()
        seen.append(reader.lastTransaction())

    storage.tpc_begin(meta)
    storage.store(z64, z64, b"data", "", meta)
    storage.tpc_vote(meta)
    tid = storage.tpc_finish(meta, look)
    storage.close()
    problem = (
        "another instance is at the new transaction when it is called" if seen == [tid] else ""
    )
if problem:
    sys.exit(f"storage.instance-callback-comes-first: {problem}")
