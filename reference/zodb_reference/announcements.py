"""What a connection is told of changes by calls of its own methods, until it takes note of them.

The storage side has told of them already, or will: this is for whoever knows more, and tells it to
one connection (CONN-26 to 28).
"""

import threading
from collections.abc import Iterable


class Announcements:
    """Changes that were announced to one connection since its last boundary, by any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._oids: set[bytes] = set()
        self._first_tid: bytes | None = None
        self._everything = False

    def add(self, tid: bytes, oids: Iterable[bytes]) -> None:
        """Learn that the transaction `tid` has changed these objects."""
        news = frozenset(oids)
        with self._lock:
            self._oids |= news
            if self._first_tid is None or tid < self._first_tid:
                self._first_tid = tid

    def add_everything(self) -> None:
        """Learn that any object may have changed."""
        with self._lock:
            self._everything = True

    def is_everything(self) -> bool:
        """Tell whether any object may have changed."""
        return self._everything

    def before(self, oid: bytes) -> bytes | None:
        """Return the first tid that was announced, if the object is among what was; else None."""
        with self._lock:
            return self._first_tid if oid in self._oids else None

    def take(self) -> set[bytes] | None:
        """Return the oids that were announced, None where any object may have changed; forget it.

        What is announced from now on is for the next boundary.
        """
        with self._lock:
            oids = None if self._everything else self._oids
            self._oids, self._first_tid, self._everything = set(), None, False
        return oids
