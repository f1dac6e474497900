"""How long a process could not work because the machine had no processor for it.

On a machine that is busy with other things a child may stand still for seconds, through no fault of
the target. The kernel of Linux counts that for every thread; elsewhere it counts as nothing, and
such a machine needs a profile with more patience.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

PROCESSES = Path("/proc")

NANOSECONDS = 1_000_000_000


class Starving:
    """What the threads of a process have waited for a processor, from one look to the next."""

    def __init__(self, process: int, processes: Path = PROCESSES) -> None:
        self._threads = processes / str(process) / "task"
        self._before: dict[str, int] = {}

    def since_last(self) -> float:
        """For how many seconds since the last call the thread that waited longest has waited; 0.0
        where the system doesn't tell.

        A thread that is seen for the first time has waited since it was started.
        """
        now = waited(self._threads)
        most = max((time - self._before.get(name, 0) for name, time in now.items()), default=0)
        self._before = now
        return max(most, 0) / NANOSECONDS


def waited(threads: Path) -> dict[str, int]:
    """For how many nanoseconds each thread has waited for a processor since it was started."""
    found = {}
    for each in sorted(threads.glob("*/schedstat")):
        # A thread may have ended meanwhile, and the system may not count.
        with contextlib.suppress(OSError, IndexError, ValueError):
            found[each.parent.name] = int(each.read_text(encoding="ascii").split()[1])
    return found
