"""A process that is killed near the end of a pack leaves no file of that name, and whoever opens
the database next gets an empty one.
"""

import logging
import os
import pathlib
import shutil
import sys
import tempfile
import time

import transaction
import ZODB

logging.disable()


def looking(function):
    """A function that renames files, after which it copies what a process leaves that is killed."""

    def rename_and_look(*arguments):
        function(*arguments)
        shutil.copytree(folder / "killed", folder / f"left {time.monotonic_ns()}")

    return rename_and_look


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    (folder / "killed").mkdir()
    db = ZODB.DB(str(folder / "killed" / "Data.fs"))
    root = db.open().root()
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
        db = ZODB.DB(str(left / "Data.fs"))
        found.append(dict(db.open().root()))
        db.close()
lost = [each for each in found if each != {"number": 2}]
if lost:
    sys.exit(f"storage.pack-survives-kill: 2 was committed before, and the root holds {lost[0]}")
