"""A change of a blob and its creation are undone in one transaction, and a file is left."""

import sys
import tempfile

import transaction
import ZODB
from ZODB.blob import Blob
from ZODB.FileStorage import FileStorage

with tempfile.TemporaryDirectory() as folder:
    db = ZODB.DB(FileStorage(folder + "/Data.fs", blob_dir=folder + "/blobs"))
    blob = db.open().root()["blob"] = Blob(b"one")
    transaction.commit()
    oid = blob._p_oid
    with blob.open("w") as file:
        file.write(b"two")
    transaction.commit()
    db.undoMultiple([each["id"] for each in db.undoLog(0, 2)])
    transaction.commit()
    try:
        db.storage.loadBlob(oid, db.lastTransaction())
        problem = "the blob is gone, and loadBlob gives the name of a file"
    except KeyError:
        problem = ""
    db.close()
if problem:
    sys.exit(f"protocol.blob-missing: {problem}")
