"""An undo of the last change but one of a blob takes its newest content away."""

import logging
import sys
import tempfile

import transaction
import ZODB
from relstorage.adapters.sqlite.adapter import Sqlite3Adapter
from relstorage.options import Options
from relstorage.storage import RelStorage
from ZODB.blob import Blob
from ZODB.POSException import UndoError

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    options = Options(blob_dir=folder + "/blobs")
    storage = RelStorage(Sqlite3Adapter(folder, {}, options=options), options=options)
    db = ZODB.DB(storage)
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
    with db.open(transaction.TransactionManager()).root()["blob"].open() as file:
        found = file.read()
    db.close()
    problem = "" if found == b"three" else f"the undo of b'two' leaves {found!r}"
if problem:
    sys.exit(f"storage.blob-undo-of-one-of-several.relstorage: {problem}")
