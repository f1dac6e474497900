"""A storage can't be opened when the power has failed while it was made."""

import logging
import sys
import tempfile
from pathlib import Path

from relstorage.adapters.sqlite.adapter import Sqlite3Adapter
from relstorage.options import Options
from relstorage.storage import RelStorage

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    options = Options(blob_dir=folder + "/blobs")
    storage = RelStorage(Sqlite3Adapter(folder, {}, options=options), options=options)
    storage.close()
    problem = ""
    # What is there when the name of the file was written, and not its content.
    Path(options.blob_dir, ".layout").write_text("")
    try:
        RelStorage(Sqlite3Adapter(folder, {}, options=options), options=options).close()
    except ValueError as error:
        problem = str(error).replace(folder, "")
if problem:
    sys.exit(f"storage.new-survives-power-loss.relstorage: {problem}")
