"""Recording what a process does to the files below a folder, by a small library in C that is loaded
before the C library (see ``recorder.c``).

It is compiled where it is needed.  Where there is no compiler, or no Linux, nothing is recorded,
and `reason_why_not` says so.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

KINDS = (
    "open",
    "close",
    "write",
    "truncate",
    "sync",
    "unlink",
    "rename",
    "extend",
    "mkdir",
    "rmdir",
    "link",
    "mark",
)
CHANGES = frozenset(KINDS) - {"open", "close", "mark"}
"""What changes files or names; so does what opens a file that is made or emptied."""

HEADER = struct.Struct("6q")


class Operation(NamedTuple):
    """One thing that a process did.

    kind        what it was, one of `KINDS`
    descriptor  of the file, -1 where names were changed, or all files were synced
    place       the offset in the file, or its new size
    payload     what was written, or the path; two with a zero byte between them
    made        whether it made the file
    number      how many changes there were up to then, this one included
    """

    kind: str
    descriptor: int
    place: int
    payload: bytes
    made: bool
    number: int = 0

    @property
    def is_change(self) -> bool:
        """Whether it is counted among the changes, before each of which a process can be killed."""
        return self.kind in CHANGES or (self.kind == "open" and self.made)


def read(path: Path) -> Iterator[Operation]:
    """The operations that were recorded in a file."""
    record = path.read_bytes()
    place = 0
    while place < len(record):
        kind, descriptor, offset, size, made, number = HEADER.unpack_from(record, place)
        place += HEADER.size + size
        payload = record[place - size : place]
        yield Operation(KINDS[kind], descriptor, offset, payload, bool(made), number)


def reason_why_not() -> str:
    """Why nothing can be recorded on this machine, "" where it can."""
    return _built()[1]


def environment(
    folder: Path, *, marks: Path, record: Path | None = None, kill_at: int | None = None
) -> dict[str, str]:
    """The environment variables of a process that is to be recorded, or to be killed.

    folder   what is done below it counts
    marks    a file outside of it; what is written there is noted between the operations
    record   receives them
    kill_at  the number of the change before which the process is killed, from 1
    """
    library, reason = _built()
    assert not reason, reason
    found = {
        "LD_PRELOAD": os.pathsep.join(filter(None, [library, os.environ.get("LD_PRELOAD")])),
        "RECORDER_FOLDER": str(folder),
        "RECORDER_MARKS": str(marks),
    }
    if record is not None:
        found["RECORDER_FILE"] = str(record)
    if kill_at is not None:
        found["RECORDER_KILL_AT"] = str(kill_at)
    return found


_kept: list[TemporaryDirectory[str]] = []


@cache
def _built() -> tuple[str, str]:
    """The path of the library, and why there is none."""
    if sys.platform != "linux":
        return "", f"files are recorded on Linux alone, and this is {sys.platform}"
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        return "", "it takes a C compiler to record what a process does to its files: install gcc"
    _kept.append(TemporaryDirectory(prefix="zodb-conformance-recorder-"))
    source, library = Path(_kept[-1].name, "recorder.c"), Path(_kept[-1].name, "recorder.so")
    source.write_bytes(files(__package__).joinpath("recorder.c").read_bytes())
    names = ["-o", str(library), str(source)]
    command = [compiler, "-shared", "-fPIC", "-O1", *names, "-ldl", "-lpthread"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["no message"])[0]
        return "", f"{compiler} could not compile what records: {said}"
    return str(library), ""
