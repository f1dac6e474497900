"""An iteration of an empty storage tells a transaction that nobody has committed."""

import logging
import sys
import tempfile

from relstorage.adapters.sqlite.adapter import Sqlite3Adapter
from relstorage.options import Options
from relstorage.storage import RelStorage
from ZODB.utils import z64

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    options = Options(blob_dir=folder + "/blobs")
    storage = RelStorage(Sqlite3Adapter(folder, {}, options=options), options=options)
    found = [(each.tid, each.description) for each in storage.iterator(z64)]
    storage.close()
    problem = f"{found} are listed" if found else ""
if problem:
    sys.exit(f"storage.iterator-tells-what-was-committed: {problem}")
