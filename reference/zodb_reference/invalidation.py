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
    CREATED = auto()  # there was none before, and it is as it was made
    CHANGED = auto()


class News(NamedTuple):
    """What a commit has changed, and for whom.

    `oids` are those that it wrote, None where any object may have changed. It shows to the
    connections in the versions of `audience` (VER-19). `created` are the oids of objects that were
    not there before. Where it `renews`, everyone else sees these objects as they were, but in
    revisions with another serial, from which they have to start when they change them (VER-21).
    """

    oids: Collection[bytes] | None
    audience: Collection[str] | None = EVERYONE
    created: Collection[bytes] = ()
    renews: bool = False

    def shows_in(self, version: str) -> bool:
        """Tell whether it shows to the connections in `version`, "" for the trunk."""
        return self.audience is EVERYONE or version in self.audience


class _Entry(NamedTuple):
    tid: bytes
    news: News

    def weight(self) -> int:
        return 1 if self.news.oids is None else 1 + len(self.news.oids)


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

    def append(self, tid: bytes, news: News) -> None:
        """Add what the commit `tid` has changed; no tid may be less than the one before (CONN-29).

        One commit may be several news, each for an audience of its own.
        """
        entry = _Entry(tid, news)
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
        entries, start, known = self._since(position)
        changed: dict[bytes, bytes] = {}
        position = start
        for tid, news in entries:
            if tid > upto:
                break
            position += 1
            if not (news.renews or news.shows_in(version)):
                continue
            if news.oids is None:
                known = False
            else:
                changed.update(dict.fromkeys(news.oids, tid))
        return (changed if known else None), position

    def fate(self, oid: bytes, position: int, version: str = "") -> Fate:
        """Return what the commits since `position` made of an object, as `version` shows it.

        Where that is not known it counts as changed.
        """
        entries, _, known = self._since(position)
        found = Fate.UNTOUCHED if known else Fate.CHANGED
        for _, news in entries:
            if news.shows_in(version) and (news.oids is None or oid in news.oids):
                if not known or oid not in news.created:
                    return Fate.CHANGED
                found = Fate.CREATED
        return found

    def _since(self, position: int) -> tuple[list[_Entry], int, bool]:
        """Return the entries since `position`, the position of the first, and if all are there."""
        with self._lock:
            unread = min(self._end - position, len(self._entries))
            known = position + unread == self._end
            entries = list(islice(reversed(self._entries), unread))
            start = self._end - unread
        entries.reverse()
        return entries, start, known
