"""A copy through a ZEO client has the records of blobs, and not their contents."""

import logging
import sys
import tempfile

import transaction
import ZEO
import ZODB
from ZODB.blob import Blob
from ZODB.FileStorage import FileStorage

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    source = FileStorage(folder + "/Source.fs", blob_dir=folder + "/source")
    db = ZODB.DB(source)
    db.open().root()["blob"] = blob = Blob(b"content")
    transaction.commit()

    address, stop = ZEO.server(folder + "/Data.fs", blob_dir=folder + "/blobs")
    storage = ZEO.client(address, blob_dir=folder + "/cache")
    storage.copyTransactionsFrom(source)
    try:
        storage.loadBlob(blob._p_oid, blob._p_serial)
        problem = ""
    except Exception as error:
        problem = f"to load the blob from the copy raises {type(error).__name__}"
    storage.close()
    stop()
    db.close()
if problem:
    sys.exit(f"storage.blob-copied: {problem}")
