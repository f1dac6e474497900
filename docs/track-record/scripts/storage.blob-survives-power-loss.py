"""A blob is committed, and what it holds may not be on the disk yet."""

import os
import pathlib
import sys
import tempfile

import transaction
import ZODB
from ZODB.blob import Blob
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
    db = ZODB.DB(FileStorage(str(path), blob_dir=folder + "/blobs"))
    db.open().root()["picture"] = Blob(b"the only copy")
    transaction.commit()
    assert path.stat().st_ino in synced
    (blob,) = pathlib.Path(folder, "blobs").rglob("*.blob")
    was_synced = blob.stat().st_ino in synced
    db.close()
if not was_synced:
    sys.exit(
        "storage.blob-survives-power-loss: the commit has returned, the record of the blob was"
        " synced, and nothing of what the blob holds"
    )
