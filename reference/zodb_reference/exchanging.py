"""Objects that have taken the places of others, until the transaction ends."""

import logging
from typing import Any, NamedTuple

from zodb_reference.identity import IdentityMap

logger = logging.getLogger(__name__)


class _Exchange(NamedTuple):
    old: Any
    new: Any
    length: int  # that of the scratch file at that time


class Exchanges:
    """What has taken the place of what in one transaction of one connection (LIFE-51).

    An abort puts all old objects back to their places, and a rollback those that have left them
    since the savepoint. The new ones are unsaved again, with the state that they have.
    """

    def __init__(self, objects: IdentityMap) -> None:
        self._objects = objects
        self._made: list[_Exchange] = []

    def make(self, old: Any, new: Any, serial: bytes, length: int) -> None:
        """Put `new` in the place of `old`, whose serial is given."""
        self._objects.replace(old, new, serial)
        self._made.append(_Exchange(old, new, length))

    def undo_since(self, length: int) -> list[Any]:
        """Undo what was made since the scratch file had this length; return the old objects."""
        back = []
        while self._made and self._made[-1].length >= length:
            old, new, _ = self._made[-1]
            try:
                new._p_activate()  # a savepoint may have kept what it has
            except Exception:
                logger.exception("the state of %r is lost", new)
            self._objects.restore(old, new)
            self._made.pop()
            back.append(old)
        return back

    def clear(self) -> None:
        """Forget all: the transaction has ended."""
        self._made.clear()
