"""A read-only storage can be packed."""

import logging
import sys
import tempfile
import time

from relstorage.adapters.sqlite.adapter import Sqlite3Adapter
from relstorage.options import Options
from relstorage.storage import RelStorage
from ZODB.POSException import ReadOnlyError
from ZODB.serialize import referencesf

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    options = Options(blob_dir=folder + "/blobs")
    storage = RelStorage(Sqlite3Adapter(folder, {}, options=options), options=options)
    storage.close()
    options = Options(blob_dir=folder + "/blobs", read_only=True)
    storage = RelStorage(Sqlite3Adapter(folder, {}, options=options), options=options)
    try:
        storage.pack(time.time(), referencesf)
        problem = "it is packed"
    except ReadOnlyError:
        problem = ""
    storage.close()
if problem:
    sys.exit(f"storage.read-only-refuses-pack.relstorage: {problem}")
