"""One child, from its start to its end, whichever way it ends."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event as Flag
from typing import Literal

from zodb_conformance.supervisor import board, child, journal
from zodb_conformance.supervisor.board import Glance, View
from zodb_conformance.supervisor.journal import Event
from zodb_conformance.supervisor.request import Meeting, Request
from zodb_conformance.supervisor.starving import Starving

IN_MEMORY = "/dev/shm"
"""The folder of Linux that lies in memory."""

ROOM = 1 << 30
"""How many bytes have to be free there; a run takes a few megabytes."""

TICK = 0.02
"""Seconds between two looks at a child."""

LONGEST_TICK = 0.5
"""Seconds that count at most between two looks: while this process did not run, the child may not
have run either.
"""

FAREWELL = 5.0
"""Seconds that a child has to end after its work is done, for servers to be stopped in order."""

STACKS_TIME = 0.3
"""Seconds that a child has to print where its threads are."""

OUTPUT_KEPT = 12_000
"""How many characters of the end of a child's output are kept: the stack of a thread has room."""

OUTPUT_MOST = 16 << 20
"""How many bytes a target may print before what it printed is thrown away."""

Kind = Literal["finished", "unusable", "broke", "crash", "hang", "stopped"]


@dataclass(frozen=True)
class Limits:
    """How long a child may be silent.

    start   seconds until it has begun its first check: imports and the start of a server
    hang    seconds without a step after that
    """

    start: float
    hang: float


@dataclass(frozen=True)
class Ended:
    """How a child ended, and what it left.

    kind     finished  it did what it was asked for
             unusable  it says that the target could not be exercised
             broke     the suite itself raised an error
             crash     the process died
             hang      it was killed, because no step had begun for too long
             stopped   it was killed, because the person wants the run to end
    how      a sentence about it, without its subject: "was killed by signal 11 (SIGSEGV)"
    glance   what its board said last
    events   its journal
    output   the end of what it printed
    """

    kind: Kind
    how: str = ""
    glance: Glance = field(default_factory=Glance)
    events: tuple[Event, ...] = ()
    output: str = ""

    def all(self, event: str) -> list[Event]:
        """The events of that name, in order."""
        return [entry for entry in self.events if entry["event"] == event]

    @property
    def fell(self) -> bool:
        """Whether the target took the child down with it."""
        return self.kind in ("crash", "hang")


def workplace() -> str | None:
    """Where the folders of children lie: in memory where there is room, else where `tempfile` says.

    No check asks what a disk keeps, so nothing is lost but the time for syncing.  Who sets TMPDIR
    decides for himself.
    """
    if "TMPDIR" in os.environ or not os.access(IN_MEMORY, os.W_OK):
        return None
    return IN_MEMORY if shutil.disk_usage(IN_MEMORY).free >= ROOM else None


class Child:
    """A child that was started.  `wait` for its end, then `remove` it; as a context manager it
    does the latter.
    """

    def __init__(self, request: Request, limits: Limits) -> None:
        self._limits = limits
        self._meeting = Meeting(Path(tempfile.mkdtemp(prefix="zodb-conformance-", dir=workplace())))
        self._meeting.temporary.mkdir()
        self._meeting.ask(request)
        board.create(self._meeting.board, len(request.clauses))
        self.view = View(self._meeting.board, request.clauses)
        # To append, or a file that was emptied would be as long as before with the next word.
        with self._meeting.output.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", child.__name__, str(self._meeting.folder), str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment(self._meeting.temporary, request.plan.seed),
                # A group of its own: Ctrl-C does not reach it, and its servers can be killed with
                # it.
                start_new_session=True,
            )

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def remove(self) -> None:
        """Kill whatever is left of the child, and delete its folder."""
        kill_group(self._process)
        self.view.close()
        shutil.rmtree(self._meeting.folder, ignore_errors=True)

    def wait(self, stop: Flag) -> Ended:
        """Watch the child until it has ended; end it when it hangs, or when `stop` is set."""
        silent, before, beat = 0.0, time.monotonic(), 0
        starving = Starving(self._process.pid)
        while self._process.poll() is None:
            if stop.wait(TICK):
                return self._ended("stopped")
            now = time.monotonic()
            # Who gets no processor is not silent.
            passed = min(now - before, LONGEST_TICK) - starving.since_last()
            silent, before = silent + max(passed, 0.0), now
            if self.view.beat != beat:
                silent, beat = 0.0, self.view.beat
            over = self.view.over
            limit = FAREWELL if over else self._limits.hang if beat else self._limits.start
            if silent >= limit:
                if over:
                    break
                return self._ended("hang", how_it_hangs(limit, bool(beat)))
            throw_away_flood(self._meeting.output)
        if self.view.over:
            return self._ended(self._kind_of_the_end())
        return self._ended("crash", how_it_died(self._process.returncode))

    def _kind_of_the_end(self) -> Kind:
        names = {event["event"] for event in journal.read(self._meeting.journal)}
        return "unusable" if "unusable" in names else "broke" if "broke" in names else "finished"

    def _print_stacks(self) -> None:
        before = self._printed()
        self._process.send_signal(child.STACKS)
        end = time.monotonic() + STACKS_TIME
        while self._printed() == before and time.monotonic() < end:
            time.sleep(TICK)
        time.sleep(TICK)

    def _printed(self) -> int:
        return self._meeting.output.stat().st_size

    def _ended(self, kind: Kind, how: str = "") -> Ended:
        glance, events = self.view.glance(), tuple(journal.read(self._meeting.journal))
        if kind == "hang":
            # Only now: the signal may wake the child up, and it goes on where it stood still.
            self._print_stacks()
        return Ended(kind, how, glance, events, tail(self._meeting.output.read_bytes()))


def environment(temporary: Path, seed: int) -> dict[str, str]:
    """The environment of a child: the person's own, but for what would make two runs differ or
    leave files behind.
    """
    return {
        **os.environ,
        "TMPDIR": str(temporary),
        # Where Hypothesis keeps what it learns of the code, which is of no use to another child.
        "HYPOTHESIS_STORAGE_DIRECTORY": str(temporary / "hypothesis"),
        "PYTHONHASHSEED": str(seed % 2**32),
        # What the target printed before it died must not die in a buffer.
        "PYTHONUNBUFFERED": "1",
    }


def throw_away_flood(output: Path) -> None:
    """Empty the file of a target that prints without end, before it fills the disk."""
    if output.stat().st_size > OUTPUT_MOST:
        os.truncate(output, 0)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill the process and everything that it started and that stayed in its group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


REASONS: dict[int, str] = {
    signal.SIGKILL: ", as the system does when memory runs out",
    signal.SIGINT: ", as Python does on a KeyboardInterrupt that nobody catches",
}
"""What may be behind the signal by which a process was killed."""


def how_it_died(status: int) -> str:
    """What became of a process that ended with `status`, as `subprocess` counts it."""
    if status >= 0:
        return f"ended the process with status {status}, past every handler of Python"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = "unknown"
    reason = REASONS.get(-status, "")
    return f"killed the process: signal {-status} ({name}){reason}"


def how_it_hangs(seconds: float, begun: bool) -> str:
    """What a silence of so many seconds means."""
    if begun:
        return f"did not return within {seconds:g} s"
    return f"had not begun the first check after {seconds:g} s"


def tail(output: bytes) -> str:
    """The end of what was printed, without what would move a terminal's cursor."""
    text = output[-4 * OUTPUT_KEPT :].decode(errors="replace").replace("\r", "\n")
    return "".join(sign for sign in text if sign in "\n\t" or sign.isprintable())[-OUTPUT_KEPT:]
