"""A file that is empty after a power failure is opened, and its transactions can't be listed."""

import logging
import pathlib
import sys
import tempfile

from ZODB.FileStorage import FileStorage

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    # What the disk has if the power fails while a storage is made: a name, and no content.
    pathlib.Path(folder, "Data.fs").touch()
    storage = FileStorage(folder + "/Data.fs")
    problem = ""
    try:
        list(storage.iterator())
    except Exception as error:
        problem = f"the storage is opened, and to iterate raises {type(error).__name__}"
    storage.close()
if problem:
    sys.exit(f"storage.making-can-be-interrupted: {problem}")
