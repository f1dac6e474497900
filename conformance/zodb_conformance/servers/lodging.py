"""The folder in which the servers of a run live.

The process that outlives all others of a run opens it; these find it by a variable of the
environment.  As long as that process lives it holds a lock, and by this the servers know that they
are still needed.  A process that belongs to no run opens one for itself.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zodb_conformance.servers import locks

VARIABLE = "ZODB_CONFORMANCE_SERVERS"
"""The variable that names the folder."""

OWNER = "owner.lock"
"""The lock that is held as long as servers are needed."""

KEPT = "kept.lock"
"""The lock that all keepers of servers share as long as they are at work."""

COMMANDS = "commands"
"""The folder in it of commands that scripts of the run are to find before those of the machine."""

FAREWELL = 20.0
"""Seconds that servers have to end."""


@contextmanager
def opened(place: str | None = None) -> Iterator[Path]:
    """A folder for servers, named in the environment, for the duration of the context; at its end
    they are gone, and so is the folder.

    place  the folder in which it is made; by default where `tempfile` says
    """
    before = os.environ.get(VARIABLE)
    folder, held = _begin(place)
    os.environ[VARIABLE] = str(folder)
    try:
        yield folder
    finally:
        if before is None:
            os.environ.pop(VARIABLE, None)
        else:
            os.environ[VARIABLE] = before
        _end(folder, held)


def current() -> Path:
    """The folder of the run that this process belongs to, or else one of its own, which ends with
    it.
    """
    named = os.environ.get(VARIABLE, "")
    if named and locks.taken(Path(named, OWNER)):
        return Path(named)
    folder, held = _begin(None)
    os.environ[VARIABLE] = str(folder)
    atexit.register(_end, folder, held, os.getpid())
    return folder


def search_path() -> str:
    """What the variable PATH is to be for a script that the run starts."""
    run, path = os.environ.get(VARIABLE), os.environ.get("PATH", "")
    commands = [str(Path(run, COMMANDS))] if run and Path(run, COMMANDS).is_dir() else []
    return os.pathsep.join([*commands, path])


def is_needed(folder: Path) -> bool:
    """Whether the run is still going on that the folder is for."""
    return locks.taken(folder / OWNER)


def _begin(place: str | None) -> tuple[Path, int]:
    folder = Path(tempfile.mkdtemp(prefix="zodb-conformance-servers-", dir=place))
    # A server may have to run as somebody else, who only has to get through to its own folder.
    folder.chmod(0o711)
    held = locks.take(folder / OWNER)
    assert held is not None, "nobody else knows of the folder"
    return folder, held


def _end(folder: Path, held: int, process: int = 0) -> None:
    """Tell the servers that they are not needed any more, and wait for their end.

    process  the one that this is for, where it is not whoever calls: a fork has to leave it alone
    """
    if process not in (0, os.getpid()):
        return
    os.close(held)
    if folder.exists() and locks.wait_for(folder / KEPT, FAREWELL):
        shutil.rmtree(folder, ignore_errors=True)
