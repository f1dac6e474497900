"""A blob that a DemoStorage does not have is asked for in a base that has no blobs."""

import logging
import sys
import tempfile

from ZODB.DemoStorage import DemoStorage
from ZODB.FileStorage import FileStorage
from ZODB.POSException import POSKeyError

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    storage = DemoStorage(base=FileStorage(folder + "/base.fs"))
    problem = ""
    try:
        storage.loadBlob(b"unknown!", bytes(8))
    except POSKeyError:
        pass
    except TypeError as error:
        problem = f"storage.blob-unknown.demo: {error!r} is raised"
    storage.close()
sys.exit(problem or 0)
