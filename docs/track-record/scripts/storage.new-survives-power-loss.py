"""A storage with blobs can't be opened when the power has failed after its first commit."""

import logging
import os
import pathlib
import sys
import tempfile

import transaction
import ZODB
from ZODB.FileStorage import FileStorage

logging.disable()
fsync, synced = os.fsync, set()
module = sys.modules[FileStorage.__module__]


def sync_and_note(descriptor):
    """Sync a file, and note which one."""
    synced.add(os.fstat(descriptor).st_ino)
    fsync(descriptor)


def opened():
    """The database."""
    return ZODB.DB(FileStorage(folder + "/Data.fs", blob_dir=folder + "/blobs"))


module.fsync = os.fsync = sync_and_note
with tempfile.TemporaryDirectory() as folder:
    db = opened()
    db.open().root()["a"] = 1
    transaction.commit()
    db.close()
    for path in pathlib.Path(folder, "blobs").iterdir():
        if path.is_file() and path.stat().st_ino not in synced:
            path.write_bytes(b"")  # what the disk has of it
    problem = ""
    try:
        opened().close()
    except Exception as error:
        problem = f"opening the storage raises {error!r}"
if problem:
    sys.exit(f"storage.new-survives-power-loss: {problem}")
