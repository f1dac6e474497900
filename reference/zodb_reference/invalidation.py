"""The log of what was committed, from which each connection learns what others have changed."""

import threading
from collections import deque
from collections.abc import Collection
from enum import Enum, auto
from itertools import islice
from typing import NamedTuple

#: What a commit in the trunk reaches: the connections of all versions, and those of none.
EVERYONE = None


class Fate(Enum):
    """What became of an object, as a connection sees it."""

    UNTOUCHED = auto()
    CREATED = auto()  # there was none before
    CHANGED = auto()


class _Entry(NamedTuple):
    tid: bytes
    oids: Collection[bytes] | None  # None: any object may have changed
    audience: Collection[str] | None  # the versions in which it shows; EVERYONE
    created: Collection[bytes]
    renews: bool

    def shows_in(self, version: str) -> bool:
        return self.audience is EVERYONE or version in self.audience

    def weight(self) -> int:
        return 1 if self.oids is None else 1 + len(self.oids)


class InvalidationLog:
    """Commits in the order of their tids, each with the oids that it wrote.

    A reader holds a position, the number of entries that it has read, which starts at 0, and tells
    in which version it is, "" for the trunk. The log is bounded: a reader that has fallen too far
    behind is told that anything may have changed. Storages append from whatever thread commits, so
    every method takes the log's lock, and holding it calls nothing.
    """

    #: How many oids are kept at most, where each commit counts as one more.
    max_oids = 50_000

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: deque[_Entry] = deque()
        self._end = 0  # the number of entries ever appended
        self._oids = 0

    def append(
        self,
        tid: bytes,
        oids: Collection[bytes] | None,
        audience: Collection[str] | None = EVERYONE,
        *,
        created: Collection[bytes] = (),
        renews: bool = False,
    ) -> None:
        """Add the commit `tid`, which must not be less than the last one (CONN-29).

        It shows to the connections in the versions of `audience` (VER-19). Of the `oids`, those in
        `created` are of objects that were not there before. Where it `renews`, everyone else sees
        these objects as they were, but in revisions with another serial, from which they have to
        start when they change them (VER-21).
        """
        entry = _Entry(tid, oids, audience, created, renews)
        with self._lock:
            self._entries.append(entry)
            self._end += 1
            self._oids += entry.weight()
            while self._oids > self.max_oids:
                self._oids -= self._entries.popleft().weight()

    def read(
        self, position: int, upto: bytes, version: str = ""
    ) -> tuple[dict[bytes, bytes] | None, int]:
        """Return what commits up to the tid `upto` changed since `position`, and the new position.

        That is the oids, each with the tid of its last change, or None where any object may have
        changed. Later entries stay unread, so that what is invalidated fits a snapshot at `upto`
        exactly (ISO-3).
        """
        news, start, known = self._since(position)
        changed: dict[bytes, bytes] = {}
        position = start
        for entry in news:
            if entry.tid > upto:
                break
            position += 1
            if not (entry.renews or entry.shows_in(version)):
                continue
            if entry.oids is None:
                known = False
            else:
                changed.update(dict.fromkeys(entry.oids, entry.tid))
        return (changed if known else None), position

    def fate(self, oid: bytes, position: int, version: str = "") -> Fate:
        """Return what the commits since `position` made of an object, as `version` shows it.

        Where that is not known it counts as changed.
        """
        news, _, known = self._since(position)
        for entry in news:
            if entry.shows_in(version) and (entry.oids is None or oid in entry.oids):
                return Fate.CREATED if known and oid in entry.created else Fate.CHANGED
        return Fate.UNTOUCHED if known else Fate.CHANGED

    def _since(self, position: int) -> tuple[list[_Entry], int, bool]:
        """Return the entries since `position`, the position of the first, and if all are there."""
        with self._lock:
            unread = min(self._end - position, len(self._entries))
            known = position + unread == self._end
            news = list(islice(reversed(self._entries), unread))
            start = self._end - unread
        news.reverse()
        return news, start, known
