"""Counting what connections load and store, over time."""

import threading
import time
from collections import deque
from typing import Any, NamedTuple


class _Entry(NamedTuple):
    time: float
    loads: int
    stores: int


class ActivityMonitor:
    """Remembers what each connection has loaded and stored when it was closed.

    Give it to `DB.setActivityMonitor`. `history_length` is for how many seconds it remembers. It
    may be used from any thread.
    """

    def __init__(self, history_length: float = 3600) -> None:
        self._lock = threading.Lock()
        self._history_length = history_length
        self._log: deque[_Entry] = deque()

    def closedConnection(self, connection: Any) -> None:
        """Take the transfer counts of a connection that is about to be closed, and clear them."""
        loads, stores = connection.getTransferCounts(True)
        with self._lock:
            now = time.time()
            self._log.append(_Entry(now, loads, stores))
            self._forget(now)

    def setHistoryLength(self, history_length: float) -> None:
        """Remember what happens for `history_length` seconds, and forget at once what is older."""
        with self._lock:
            self._history_length = history_length
            self._forget(time.time())

    def getHistoryLength(self) -> float:
        """Return for how many seconds it remembers."""
        return self._history_length

    def getActivityAnalysis(
        self, start: float = 0, end: float = 0, divisions: int = 10
    ) -> list[dict[str, float]]:
        """Return what happened between `start` and `end`, divided into parts of the same length.

        Times are seconds since the epoch; 0 stands for the begin of what it remembers, and for now.
        Each part is a dictionary: `start` and `end`, and the numbers of `connections` that were
        closed within it, and of `loads` and `stores` by these.
        """
        now = time.time()
        start = start or now - self._history_length
        end = end or now
        length = (end - start) / divisions
        parts: list[dict[str, float]] = [
            {
                "start": start + length * place,
                "end": start + length * (place + 1),
                "loads": 0,
                "stores": 0,
                "connections": 0,
            }
            for place in range(divisions)
        ]
        with self._lock:
            entries = [entry for entry in self._log if start <= entry.time <= end]
        for entry in entries:
            place = int((entry.time - start) / length) if length else 0
            part = parts[min(place, divisions - 1)]
            part["connections"] += 1
            part["loads"] += entry.loads
            part["stores"] += entry.stores
        return parts

    def _forget(self, now: float) -> None:
        while self._log and self._log[0].time < now - self._history_length:
            self._log.popleft()
