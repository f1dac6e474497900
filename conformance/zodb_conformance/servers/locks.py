"""Locks between processes.  The system lets go of them when their holder dies, however it dies."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TICK = 0.02
"""Seconds between two attempts to get a lock."""


def take(path: Path, *, shared: bool = False) -> int | None:
    """Take the lock of a file, which is made where it is missing, and give what holds it: close it,
    and the lock is free.  None where somebody else has it.
    """
    held = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(held, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(held)
        return None
    return held


def taken(path: Path) -> bool:
    """Whether somebody holds the lock of a file for himself alone; nobody does of one that is
    missing.
    """
    if not path.exists():
        return False
    held = take(path, shared=True)
    if held is None:
        return True
    os.close(held)
    return False


@contextmanager
def holding(path: Path) -> Iterator[None]:
    """Hold the lock of a file, after everybody who has it now."""
    held = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def wait_for(path: Path, seconds: float) -> bool:
    """Wait until nobody holds the lock of a file, alone or shared; whether that came in time.
    Nobody does of one whose folder is gone.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            held = take(path)
        except FileNotFoundError:
            return True
        if held is not None:
            os.close(held)
            return True
        time.sleep(TICK)
    return False
