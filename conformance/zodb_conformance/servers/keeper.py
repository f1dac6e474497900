"""The process that keeps one server: ``python -m zodb_conformance.servers.keeper FOLDER``.

It starts the server that `Order` describes in ``order.json``, starts it again when it dies, and
ends it when the run is over that it is for, however that came; then the folder goes as well.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from zodb_conformance.errors import TargetUnusable
from zodb_conformance.servers import locks, lodging

TICK = 0.1
"""Seconds between two looks at the server, and at whether it is needed."""

PATIENCE = 5.0
"""Seconds that a server has to end after its signal."""

START = 30.0
"""Seconds that a server has to answer."""

AGAIN = 0.2
"""Seconds before a server that died is started again."""

STEADY = 1.0
"""Seconds after which a server is taken to have started."""

TRIES = 50
"""How often a server is started again that had started before, and does not now."""

PARENT_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of Linux."""

ORDER, RUNNING, OUTPUT, OVER = "order.json", "running", "output", "over"
"""The files of a server's folder: what it is, its process id, what it prints, and that it is not
needed any more although the run goes on.
"""

KEEPING = "keeping.lock"
"""The lock in that folder that its keeper holds."""


@dataclass(frozen=True)
class Order:
    """A server to be kept.

    command  what starts it, and stays in the foreground
    ending   the number of the signal that ends it in an orderly way
    user     who it is to run as, "" for the user that we are
    """

    command: tuple[str, ...]
    ending: int
    user: str = ""


def start(folder: Path, order: Order, answers: Callable[[], bool]) -> None:
    """Have a server kept whose folder, of its own and in that of the run, is prepared.

    answers  says whether the server can be used

    Raises TargetUnusable where it does not answer in time, with what it printed last.
    """
    (folder / ORDER).write_text(json.dumps(asdict(order)), encoding="utf-8")
    with (folder / OUTPUT).open("ab") as output:
        subprocess.run(
            [sys.executable, "-m", __name__, str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env=os.environ
            | {
                "PYTHONPATH": os.pathsep.join(filter(None, map(_whole, sys.path))),
                # That of the child which needs the server first is gone before the server is.
                "TMPDIR": str(folder),
            },
            # A group of its own: it lives on when the group of the child is killed that needed the
            # server first, and Ctrl-C does not reach it.
            start_new_session=True,
            check=False,
        )
    end = time.monotonic() + START
    while not answers():
        if not locks.taken(folder / KEEPING) or time.monotonic() > end:
            said = (folder / OUTPUT).read_text(encoding="utf-8", errors="replace").strip()
            discard(folder)
            locks.wait_for(folder / KEEPING, PATIENCE)
            shutil.rmtree(folder, ignore_errors=True)
            last = " ".join(said.splitlines()[-3:]) or "it printed nothing"
            raise TargetUnusable(f"the server {order.command[0]} does not start: {last}")
        time.sleep(locks.TICK)


def _whole(path: str) -> str:
    return str(Path(path).resolve()) if path else ""


def discard(folder: Path) -> None:
    """End a server that is not needed any more, although the run goes on."""
    with contextlib.suppress(FileNotFoundError):
        (folder / OVER).touch()


def process_of(folder: Path) -> int:
    """The id of the process of a server that is kept, 0 where none runs at the moment."""
    try:
        return int((folder / RUNNING).read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        return 0


def crash(folder: Path, answers: Callable[[], bool]) -> None:
    """Kill a server that is kept, with the processes that it started; its keeper starts it again.

    answers  says whether the server can be used

    Raises TargetUnusable where it does not answer in time.
    """
    killed = process_of(folder)
    if killed:
        with contextlib.suppress(ProcessLookupError):  # it may have died by itself
            _kill_family(killed)
    end = time.monotonic() + START
    while process_of(folder) in (0, killed) or not answers():
        if time.monotonic() > end:
            said = (folder / OUTPUT).read_text(encoding="utf-8", errors="replace").splitlines()
            last = " ".join(said[-3:]) or "it printed nothing"
            raise TargetUnusable(f"a server does not start again after it was killed: {last}")
        time.sleep(locks.TICK)


def _kill_family(process: int) -> None:
    """Kill a process and those that it started, as where the machine goes down: none of them comes
    to end its work, and none to act on the death of another.
    """
    os.kill(process, signal.SIGSTOP)
    for each in _started_by(process):
        with contextlib.suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)
    os.kill(process, signal.SIGKILL)


def _started_by(process: int) -> list[int]:
    """The processes that a process started itself; none where the system has no ``/proc``, and
    they end when they find out that it is dead.
    """
    found = []
    for each in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended since
            told = each.read_text(encoding="utf-8", errors="replace")
            if int(told.rpartition(") ")[2].split()[1]) == process:
                found.append(int(each.parent.name))
    return found


def main(place: str) -> None:
    """Keep the server of a folder until nobody needs it; the caller goes on at once."""
    folder = Path(place)
    held = locks.take(folder / KEEPING)
    kept = locks.take(folder.parent / lodging.KEPT, shared=True)
    if held is None or kept is None or os.fork():
        os._exit(0)  # the locks are held by the process that was forked
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    keep(folder)
    os.close(kept)
    run = folder.parent
    if not lodging.is_needed(run) and (last := locks.take(run / lodging.KEPT)) is not None:
        # Nobody waits for the end of the servers where the run itself was killed.
        shutil.rmtree(run, ignore_errors=True)
        os.close(last)


def keep(folder: Path) -> None:
    """Have the server run as long as it is needed; then its folder goes."""
    read = json.loads((folder / ORDER).read_text(encoding="utf-8"))
    order = Order(**read | {"command": tuple(read["command"])})
    tries = 1
    while _needed(folder) and tries:
        tries = TRIES if _run(folder, order) else tries - 1
        time.sleep(AGAIN)
    if not _needed(folder):  # else what it printed is of interest
        shutil.rmtree(folder, ignore_errors=True)


def _needed(folder: Path) -> bool:
    return lodging.is_needed(folder.parent) and not (folder / OVER).exists()


def _run(folder: Path, order: Order) -> bool:
    """Start the server once, and see to its end; whether it had started, or was killed before."""
    keeper, begun = os.getpid(), time.monotonic()

    def die_with_the_keeper() -> None:
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PARENT_DEATH_SIGNAL, order.ending)
        if os.getppid() != keeper:
            os._exit(1)

    server = subprocess.Popen(
        order.command,
        stdin=subprocess.DEVNULL,
        cwd="/",
        user=order.user or None,
        extra_groups=[] if order.user else None,
        preexec_fn=die_with_the_keeper,  # noqa: PLW1509  # this process has one thread
    )
    (folder / RUNNING).write_text(str(server.pid), encoding="ascii")
    while server.poll() is None and _needed(folder):
        time.sleep(TICK)
    (folder / RUNNING).unlink(missing_ok=True)
    if server.poll() is None:
        server.send_signal(order.ending)
        try:
            server.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
    return time.monotonic() - begun > STEADY or server.returncode == -signal.SIGKILL


if __name__ == "__main__":
    main(*sys.argv[1:])
