"""The sort key of a storage is another one each time that it is opened."""

import logging
import sys
import tempfile

from relstorage.adapters.sqlite.adapter import Sqlite3Adapter
from relstorage.options import Options
from relstorage.storage import RelStorage

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    options = Options(blob_dir=folder + "/blobs")
    storage = RelStorage(Sqlite3Adapter(folder, {}, options=options), options=options)
    first = storage.sortKey()
    storage.close()
    storage = RelStorage(Sqlite3Adapter(folder, {}, options=options), options=options)
    second = storage.sortKey()
    storage.close()
    problem = "" if first == second else "the two keys differ in an address in memory"
if problem:
    sys.exit(f"storage.sort-key-after-reopening: {problem}")
