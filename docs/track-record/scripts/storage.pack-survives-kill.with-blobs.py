"""A process is killed near the end of a pack. Whoever opens the database next removes all blobs."""

import logging
import os
import pathlib
import shutil
import sys
import tempfile
import time

import transaction
import ZODB
from ZODB.blob import Blob
from ZODB.FileStorage import FileStorage

logging.disable()


def looking(function):
    """A function that renames files, after which it copies what a process leaves that is killed."""

    def rename_and_look(*arguments):
        function(*arguments)
        shutil.copytree(folder / "killed", folder / f"left {time.monotonic_ns()}")

    return rename_and_look


def opened(place):
    """The database of a folder, which keeps blobs."""
    return ZODB.DB(FileStorage(str(place / "Data.fs"), blob_dir=str(place / "blobs")))


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    (folder / "killed").mkdir()
    db = opened(folder / "killed")
    root = db.open().root()
    root["picture"] = Blob(b"the only copy")
    for number in range(3):
        root["number"] = number
        transaction.commit()
    time.sleep(0.01)
    for function in os.link, os.rename, os.replace:
        setattr(os, function.__name__, looking(function))
    db.pack()
    db.close()
    found = []
    for left in sorted(folder.glob("left *")):
        before = len(list(left.rglob("*.blob")))
        opened(left).close()
        found.append((before, len(list(left.rglob("*.blob")))))
lost = [each for each in found if each[1] < each[0]]
if lost:
    before, after = lost[0]
    sys.exit(
        f"storage.pack-survives-kill.with-blobs: of {before} blob that the killed process left,"
        f" {after} is there when the storage has been opened again"
    )
