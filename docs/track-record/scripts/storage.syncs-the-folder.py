"""The folder of a file is not synced when it is new, nor when a pack has renamed another one."""

import os
import pathlib
import sys
import tempfile
import time

import transaction
import ZODB
from ZODB.FileStorage import FileStorage

fsync, synced = os.fsync, set()
module = sys.modules[FileStorage.__module__]


def sync_and_note(descriptor):
    """Sync a file, and note which one."""
    synced.add(os.fstat(descriptor).st_ino)
    fsync(descriptor)


module.fsync = os.fsync = sync_and_note
with tempfile.TemporaryDirectory() as folder:
    db = ZODB.DB(folder + "/Data.fs")
    root = db.open().root()
    for number in range(3):
        root["number"] = number
        transaction.commit()
    time.sleep(0.01)
    db.pack()
    was_synced = pathlib.Path(folder).stat().st_ino in synced
    db.close()
if not was_synced:
    sys.exit("storage.syncs-the-folder: three commits and a pack have returned without it")
