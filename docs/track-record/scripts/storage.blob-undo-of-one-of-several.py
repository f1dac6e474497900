"""An undo of the last change but one of a blob takes its newest content away."""

import logging
import sys
import tempfile

import transaction
import ZODB
from ZODB.blob import Blob
from ZODB.FileStorage import FileStorage
from ZODB.POSException import UndoError

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    db = ZODB.DB(FileStorage(folder + "/Data.fs", blob_dir=folder + "/blobs"))
    root = db.open().root()
    root["blob"] = blob = Blob()
    for content in b"one", b"two", b"three":
        with blob.open("w") as file:
            file.write(content)
        transaction.commit()
    db.undo(db.undoLog(1, 2)[0]["id"])
    try:
        transaction.commit()
    except UndoError:
        transaction.abort()
    with blob.open() as file:
        found = file.read()
    db.close()
if found != b"three":
    sys.exit(
        f"storage.blob-undo-of-one-of-several: the undo of b'two' leaves {found!r}, and b'three'"
        " was the newest"
    )
