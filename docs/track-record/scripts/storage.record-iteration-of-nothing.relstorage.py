"""The first record of an empty storage is a StopIteration."""

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
    try:
        storage.record_iternext()
        problem = ""
    except ValueError:
        problem = ""
    except StopIteration as error:
        problem = f"{error!r} is raised, where other storages raise a ValueError"
    storage.close()
if problem:
    sys.exit(f"storage.record-iteration-of-nothing.relstorage: {problem}")
