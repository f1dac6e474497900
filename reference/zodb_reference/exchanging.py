"""Objects that have taken the places of others, until the transaction ends."""

import logging
from typing import Any, NamedTuple

from zodb_reference.identity import IdentityMap

logger = logging.getLogger(__name__)


class _Exchange(NamedTuple):
    old: Any
    new: Any
    is_new: bool  # whether the old one had no record at that time
    length: int  # that of the scratch file


class Exchanges:
    """What has taken the place of what in one transaction of one connection (LIFE-51).

    An abort puts all old objects back to their places, and a rollback those that have left them
    since the savepoint. The new ones are unsaved again, with the state that they have.
    """

    def __init__(self, objects: IdentityMap) -> None:
        self._objects = objects
        self._made: list[_Exchange] = []

    def make(self, old: Any, new: Any, serial: bytes, length: int) -> None:
        """Put `new` in the place of `old`, whose serial is given.

        Where an object does not let itself be put there, everything is as before.
        """
        self._made.append(_Exchange(old, new, old._p_oid in self._objects.new, length))
        try:
            self._objects.replace(old, new, serial)
        except Exception:
            self._undo_last()
            raise

    def is_any_since(self, length: int) -> bool:
        """Tell whether something was made since the scratch file had this length."""
        return bool(self._made) and self._made[-1].length >= length

    def undo_since(self, length: int, registered: list[Any]) -> None:
        """Undo what was made since the scratch file had this length.

        The old objects are added to those that have changed, since they may have before. What was
        loaded meanwhile may refer to the new ones.
        """
        for _, new, _, made_at in self._made:
            if made_at >= length:
                try:
                    new._p_activate()  # a savepoint may have kept what it has
                except Exception:
                    logger.exception("the state of %r is lost", new)
        while self.is_any_since(length):
            registered.append(self._made[-1].old)
            self._undo_last()

    def clear(self) -> None:
        """Forget all: the transaction has ended."""
        self._made.clear()

    def _undo_last(self) -> None:
        old, new, is_new, _ = self._made[-1]
        self._objects.restore(old, new, is_new=is_new)
        self._made.pop()
