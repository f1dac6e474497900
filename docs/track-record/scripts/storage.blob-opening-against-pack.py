"""A pack removes a blob that another thread is about to open, who gets an error that storages don't
raise.
"""

import logging
import sys
import tempfile
import time

import transaction
import ZODB
from ZODB.blob import Blob
from ZODB.FileStorage import FileStorage

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    storage = FileStorage(folder + "/Data.fs", blob_dir=folder + "/blobs")
    db = ZODB.DB(storage)
    blob = db.open().root()["picture"] = Blob(b"one")
    transaction.commit()
    blob._p_activate()
    tid = blob._p_serial
    with blob.open("w") as file:
        file.write(b"two")
    transaction.commit()
    load_blob = storage.loadBlob

    def load_and_pack(*arguments):
        """Find the file, and let a pack come in before it is opened."""
        name = load_blob(*arguments)
        storage.loadBlob = load_blob
        time.sleep(0.01)
        db.pack()
        return name

    storage.loadBlob = load_and_pack
    problem = ""
    try:
        storage.openCommittedBlobFile(blob._p_oid, tid).close()
    except KeyError:
        pass
    except OSError as error:
        problem = f"{type(error).__name__} is raised"
    db.close()
if problem:
    sys.exit(f"storage.blob-opening-against-pack: {problem}")
