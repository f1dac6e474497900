"""A commit returns before it is on the disk."""

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
    connection, cursor = storage._adapter.connmanager.open_for_store()
    cursor.execute("PRAGMA synchronous")
    [[level]] = cursor.fetchall()
    cursor.execute("PRAGMA journal_mode")
    [[mode]] = cursor.fetchall()
    connection.close()
    storage.close()
    problem = f"synchronous is {level} in mode {mode!r}, which is not FULL (2)" if level < 2 else ""
if problem:
    sys.exit(f"storage.survives-power-loss.relstorage: {problem}")
