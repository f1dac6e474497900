"""Two packs of one storage get into each other's way."""

import logging
import sys
import tempfile
import time

import ZODB
from relstorage.adapters.sqlite.adapter import Sqlite3Adapter
from relstorage.options import Options
from relstorage.storage import RelStorage
from ZODB.serialize import referencesf

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    options = Options(blob_dir=folder + "/blobs")
    storage = RelStorage(Sqlite3Adapter(folder, {}, options=options), options=options)
    db = ZODB.DB(storage)
    time.sleep(0.01)
    now, problem, begun = time.time(), "", []

    def references(data):
        """Find references, and begin another pack when the first ones are looked for."""
        if not begun:
            begun.append(True)
            db.pack(now)
        return referencesf(data)

    try:
        storage.new_instance().pack(now, references)
    except Exception as error:
        problem = f"one of them raises {error!r}"
    db.close()
if problem:
    sys.exit(f"storage.packs-take-turns: {problem}")
