"""The log of what was committed, from which each connection learns what others have changed."""

import threading
from collections import deque
from collections.abc import Collection
from itertools import islice
from typing import NamedTuple


class _Entry(NamedTuple):
    tid: bytes
    oids: Collection[bytes] | None  # None: any object may have changed
    source: object  # the reader that made these changes itself, if it is one


class InvalidationLog:
    """Commits in the order of their tids, each with the oids that it wrote.

    A reader holds a position, the number of entries that it has read, which starts at 0. The log
    is bounded: a reader that has fallen too far behind is told that anything may have changed.
    Storages append from whatever thread commits, so every method takes the log's lock, and holding
    it calls nothing.
    """

    #: The number of oids that are kept.
    max_oids = 50_000

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: deque[_Entry] = deque()
        self._end = 0  # the number of entries ever appended
        self._oids = 0

    def append(self, tid: bytes, oids: Collection[bytes] | None, source: object = None) -> None:
        """Add the commit `tid`, which must not be less than the last one (CONN-29)."""
        with self._lock:
            self._entries.append(_Entry(tid, oids, source))
            self._end += 1
            self._oids += self._weight(oids)
            while self._oids > self.max_oids:
                self._oids -= self._weight(self._entries.popleft().oids)

    def read(
        self, position: int, upto: bytes, reader: object
    ) -> tuple[Collection[bytes] | None, int]:
        """Return what commits up to the tid `upto` changed since `position`, and the new position.

        Later entries stay unread, so that what is invalidated fits a snapshot at `upto` exactly
        (ISO-3). Changes whose source is `reader` are left out (ISO-34). None in place of the oids
        says that any object may have changed.
        """
        with self._lock:
            unread = min(self._end - position, len(self._entries))
            known = position + unread == self._end
            news = list(islice(reversed(self._entries), unread))
            end = self._end
        changed: set[bytes] = set()
        position = end - unread
        for entry in reversed(news):
            if entry.tid > upto:
                break
            position += 1
            if entry.oids is None:
                known = False
            elif entry.source is not reader:
                changed.update(entry.oids)
        return (changed if known else None), position

    @staticmethod
    def _weight(oids: Collection[bytes] | None) -> int:
        return 1 if oids is None else 1 + len(oids)
