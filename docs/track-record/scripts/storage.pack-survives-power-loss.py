"""A pack puts a file into the place of the database that may not be on the disk yet."""

import os
import pathlib
import sys
import tempfile
import time

import transaction
import ZODB
from ZODB.FileStorage import FileStorage

module = sys.modules[FileStorage.__module__]
fsync, synced = os.fsync, set()


def sync_and_note(descriptor):
    """Sync a file, and note which one."""
    synced.add(os.fstat(descriptor).st_ino)
    fsync(descriptor)


module.fsync = os.fsync = sync_and_note
with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder, "Data.fs")
    db = ZODB.DB(str(path))
    root = db.open().root()
    for number in range(3):
        root["number"] = number
        transaction.commit()
    assert path.stat().st_ino in synced
    time.sleep(0.01)
    db.pack()
    was_synced = path.stat().st_ino in synced
    db.close()
if not was_synced:
    sys.exit(
        "storage.pack-survives-power-loss: the pack has returned, and the file that is in the place"
        " of the database was never synced"
    )
