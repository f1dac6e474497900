"""One life of a process that works on a storage, from its start to the kill."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryFile

from zodb_conformance.crashes import ledger
from zodb_conformance.crashes.child import Request

TICK = 0.01
"""Seconds between two looks at a process."""

PATIENCE = 60.0
"""Seconds after which a process is killed wherever it is: it may have been halted, or hang."""

OUTPUT_KEPT = 2000
"""How many bytes of the end of what it printed are kept."""


@dataclass(frozen=True)
class Life:
    """How one life ended.

    status  of the process: the negative number of the signal that killed it, or what it ended with
    output  the end of what it printed
    late    whether it was killed because it took too long
    """

    status: int
    output: str
    late: bool = False


def live(
    request: Request,
    variables: Mapping[str, str],
    *,
    after: float | None = None,
    kill: Callable[[], None] | None = None,
    waiting: Callable[[], None] = lambda: None,
) -> Life:
    """Have a process work, and wait until it is dead.

    request    what it is to do
    variables  of its environment, beside those of this process
    after      seconds after it has opened its storage when it is killed; None for never
    kill       what is done then before; a server may be killed so
    waiting    is called now and then
    """
    with TemporaryFile() as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "zodb_conformance.crashes.child", _text(request)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **variables},
        )
        try:
            late = _watch(process, Path(request.ledger), after, kill, waiting)
        finally:
            process.kill()
            process.wait()
        size = output.seek(0, os.SEEK_END)
        output.seek(max(0, size - OUTPUT_KEPT))
        return Life(process.returncode, output.read().decode(errors="replace"), late)


def _text(request: Request) -> str:
    return replace(request, parent=os.getpid()).to_json()


def _watch(
    process: subprocess.Popen[bytes],
    book: Path,
    after: float | None,
    kill: Callable[[], None] | None,
    waiting: Callable[[], None],
) -> bool:
    """Wait until a process has ended or its time has come; tell whether it took too long."""
    begun = time.monotonic()
    opened: float | None = None
    before = len(ledger.read(book))
    while process.poll() is None:
        waiting()
        now = time.monotonic()
        if opened is None and after is not None and len(ledger.read(book)) > before:
            opened = now
        if opened is not None and after is not None and now >= opened + after:
            if kill is not None:
                kill()
            return False
        if now >= begun + PATIENCE:
            return True
        left = TICK if opened is None or after is None else opened + after - now
        time.sleep(min(TICK, max(0.0, left)) if after is None or opened else TICK / 10)
    return False
