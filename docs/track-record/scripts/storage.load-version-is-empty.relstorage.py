"""RelStorage loads from a version, of which it has none."""

import logging
import sys
import tempfile

import ZODB
from relstorage.adapters.sqlite.adapter import Sqlite3Adapter
from relstorage.options import Options
from relstorage.storage import RelStorage

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    options = Options(blob_dir=folder + "/blobs")
    storage = RelStorage(Sqlite3Adapter(folder, {}, options=options), options=options)
    db = ZODB.DB(storage)
    try:
        storage.new_instance().load(bytes(8), "a version")
        problem = "the root is loaded from a version"
    except (AssertionError, TypeError, ValueError):
        problem = ""
    db.close()
if problem:
    sys.exit(f"storage.load-version-is-empty.relstorage: {problem}")
