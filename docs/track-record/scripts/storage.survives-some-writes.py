"""The disk has one page of a transaction and lacks another; the transaction is taken for one."""

import logging
import pathlib
import sys
import tempfile

import transaction
import ZODB
from ZODB.FileStorage import FileStorage
from ZODB.utils import load_current, z64

PAGE = 4096

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder, "Data.fs")
    db = ZODB.DB(str(path))
    root = db.open().root()
    root["old"] = 1
    transaction.commit()
    root["text"] = "text" * PAGE
    transaction.commit()
    db.close()
    path.with_suffix(".fs.index").unlink()
    # What was written since the last sync are the pages of one transaction, which a disk may take
    # in any order: this one has not come to the second page.
    with path.open("r+b") as file:
        file.seek(PAGE)
        file.write(bytes(PAGE))
    storage = FileStorage(str(path))
    listed = len(list(storage.iterator()))
    missing = 4 * (PAGE - load_current(storage, z64)[0].count(b"text"))
    storage.close()
if listed == 3:
    sys.exit(
        f"storage.survives-some-writes: the transaction is listed, and {missing} characters of what"
        " it has stored are missing"
    )
