"""The file of a blob is there after a pack has removed its revision."""

import logging
import sys
import tempfile
import time

import transaction
import ZODB
from relstorage.adapters.sqlite.adapter import Sqlite3Adapter
from relstorage.options import Options
from relstorage.storage import RelStorage
from ZODB.blob import Blob

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    options = Options(blob_dir=folder + "/blobs")
    storage = RelStorage(Sqlite3Adapter(folder, {}, options=options), options=options)
    db = ZODB.DB(storage)
    root = db.open().root()
    root["blob"] = blob = Blob(b"one")
    transaction.commit()
    oid = blob._p_oid
    _, first = storage.new_instance().load(oid)
    with blob.open("w") as file:
        file.write(b"two")
    transaction.commit()
    time.sleep(0.01)
    db.pack()
    try:
        storage.new_instance().loadBlob(oid, first)
        problem = "the replaced content is loaded after a pack"
    except KeyError:
        problem = ""
    db.close()
if problem:
    sys.exit(f"storage.blob-packed-is-gone: {problem}")
