"""One life of a process that works on a storage, from its start to the kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import Literal

from zodb_conformance.crashes.child import Request

TICK = 0.002
"""Seconds between two looks at a process."""

PATIENCE = 60.0
"""Seconds after which a process is killed wherever it is: it may have been halted, or hang."""

AFTERMATH = 1.5
"""Seconds in which a process can go on whose server was killed, before it is killed as well: it is
to come to the end of the call that was under way.
"""

OUTPUT_KEPT = 2000
"""How many bytes of the end of what it printed are kept."""


End = Literal["by itself", "due", "late"]


@dataclass(frozen=True)
class Life:
    """How one life ended.

    status  of the process: the negative number of the signal that killed it, or what it ended with
    output  the end of what it printed
    end     "by itself", "due" where its time had come, "late" where it took too long
    """

    status: int
    output: str
    end: End


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
    kill       what is done then before, or where it halts; a server may be killed so
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
            end = _watch(process, request, after, kill, waiting)
        finally:
            process.kill()
            process.wait()
        size = output.seek(0, os.SEEK_END)
        output.seek(max(0, size - OUTPUT_KEPT))
        return Life(process.returncode, output.read().decode(errors="replace"), end)


def _text(request: Request) -> str:
    return replace(request, parent=os.getpid()).to_json()


def _watch(
    process: subprocess.Popen[bytes],
    request: Request,
    after: float | None,
    kill: Callable[[], None] | None,
    waiting: Callable[[], None],
) -> End:
    """Wait until a process has ended or its time has come; tell which it was."""
    end, is_due = time.monotonic() + PATIENCE, _due(request, after)
    while process.poll() is None:
        waiting()
        if is_due():
            if kill is not None:
                _beside(kill, waiting)
            if request.halted:
                _let_go_on(process, waiting)
            return "due"
        if time.monotonic() >= end:
            return "late"
        time.sleep(TICK)
    return "by itself"


def _beside(kill: Callable[[], None], waiting: Callable[[], None]) -> None:
    """Kill a server.  It takes a while until another one is there, in which the target is not to
    blame for the silence.
    """
    with ThreadPoolExecutor(1) as pool:
        killed = pool.submit(kill)
        while not killed.done():
            waiting()
            time.sleep(TICK)
        killed.result()


def _due(request: Request, after: float | None) -> Callable[[], bool]:
    """What says whether the time of a process has come, because it has halted, or has had its
    storage open for so long.
    """
    if request.halted:
        return Path(request.halted).exists
    book = Path(request.ledger)
    before = _size(book)
    opened: list[float] = []

    def is_due() -> bool:
        now = time.monotonic()
        if not opened and _size(book) > before:
            opened.append(now)
        return after is not None and bool(opened) and now >= opened[0] + after

    return is_due


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _let_go_on(process: subprocess.Popen[bytes], waiting: Callable[[], None]) -> None:
    """Have a process that has halted, or is about to, come to see that its server was killed."""
    end = time.monotonic() + AFTERMATH
    while process.poll() is None and time.monotonic() < end:
        process.send_signal(signal.SIGCONT)
        waiting()
        time.sleep(TICK)
