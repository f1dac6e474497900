"""Measuring: the best of several rounds, since noise only ever makes things slower."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping


def best(
    work: Mapping[str, Callable[[], object]],
    rounds: int = 5,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """The shortest time in seconds of each piece of work; the rounds take turns.

    clock: tells the time; `time.process_time` leaves out what others do on the machine, and waiting
    """
    times = dict.fromkeys(work, float("inf"))
    for _ in range(rounds):
        for name, call in work.items():
            gc.collect()
            begun = clock()
            call()
            times[name] = min(times[name], clock() - begun)
    return times
