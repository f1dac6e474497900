"""The log of what was committed, from which each connection learns what others have changed."""

import threading
from collections import deque
from collections.abc import Collection
from itertools import islice
from typing import NamedTuple


class _Entry(NamedTuple):
    tid: bytes
    oids: Collection[bytes] | None  # None: any object may have changed


class InvalidationLog:
    """Commits in the order of their tids, each with the oids that it wrote.

    A reader holds a position, the number of entries that it has read, which starts at 0. The log
    is bounded: a reader that has fallen too far behind is told that anything may have changed.
    Storages append from whatever thread commits, so every method takes the log's lock, and holding
    it calls nothing.
    """

    #: How many oids are kept at most, where each commit counts as one more.
    max_oids = 50_000

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: deque[_Entry] = deque()
        self._end = 0  # the number of entries ever appended
        self._oids = 0

    def append(self, tid: bytes, oids: Collection[bytes] | None) -> None:
        """Add the commit `tid`, which must not be less than the last one (CONN-29)."""
        with self._lock:
            self._entries.append(_Entry(tid, oids))
            self._end += 1
            self._oids += self._weight(oids)
            while self._oids > self.max_oids:
                self._oids -= self._weight(self._entries.popleft().oids)

    def read(self, position: int, upto: bytes) -> tuple[dict[bytes, bytes] | None, int]:
        """Return what commits up to the tid `upto` changed since `position`, and the new position.

        That is the oids, each with the tid of its last change, or None where any object may have
        changed. Later entries stay unread, so that what is invalidated fits a snapshot at `upto`
        exactly (ISO-3).
        """
        with self._lock:
            unread = min(self._end - position, len(self._entries))
            known = position + unread == self._end
            news = list(islice(reversed(self._entries), unread))
            end = self._end
        changed: dict[bytes, bytes] = {}
        position = end - unread
        for entry in reversed(news):
            if entry.tid > upto:
                break
            position += 1
            if entry.oids is None:
                known = False
            else:
                changed.update(dict.fromkeys(entry.oids, entry.tid))
        return (changed if known else None), position

    @staticmethod
    def _weight(oids: Collection[bytes] | None) -> int:
        return 1 if oids is None else 1 + len(oids)
