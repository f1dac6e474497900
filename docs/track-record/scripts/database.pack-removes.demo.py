"""A DemoStorage to which changes are given can't be packed."""

import logging
import sys
import tempfile

import ZODB
from ZODB.DemoStorage import DemoStorage
from ZODB.FileStorage import FileStorage

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    db = ZODB.DB(DemoStorage(changes=FileStorage(folder + "/changes.fs")))
    try:
        db.pack()
        problem = ""
    except AttributeError as error:
        problem = f"database.pack-removes.demo: {error!r} is raised"
    db.close()
sys.exit(problem or 0)
