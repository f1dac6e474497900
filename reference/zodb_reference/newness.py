"""Which objects are new in a transaction, and whether it is settled where they belong.

A new object that two databases reach could land in either. So the connection that owns it remembers
until the transaction ends whether it was told to, by `add`, or has only come across it while
storing another one. In the second case no other database may refer to the object (XREF-20 to 26).
"""

from collections.abc import Iterable, Iterator
from enum import Enum, auto
from itertools import islice

from zodb_reference.editions import Newness


class _Origin(Enum):
    ADDED = auto()
    REACHED = auto()
    SAVED = auto()


class NewObjects:
    """The oids that one connection has given in the transaction under way.

    Iterating gives them in the order in which they were given.
    """

    def __init__(self, newness: Newness) -> None:
        self._newness = newness
        self._origins: dict[bytes, _Origin] = {}

    def add(self, oid: bytes) -> None:
        """Take it that the program wants the object here."""
        self._origins[oid] = _Origin.ADDED

    def adopt(self, oid: bytes) -> None:
        """Take it that the object was reached while another one was stored."""
        self._origins[oid] = _Origin.REACHED

    def take_in(self, oid: bytes) -> None:
        """Take it that the object was imported, and is stored: nobody has guessed (XREF-28)."""
        self._origins[oid] = _Origin.SAVED

    def store(self, oid: bytes) -> None:
        """Learn that an object is about to be stored, whether new or not.

        This counts in the edition of 2005-06-16 alone, to which an object that was added is as new
        as any other from then on (XREF-23).
        """
        if self._newness is Newness.UNTIL_SAVEPOINT and self._origins.get(oid) is _Origin.ADDED:
            self._origins[oid] = _Origin.REACHED

    def pass_savepoint(self) -> None:
        """Learn that a savepoint is complete, in all databases (XREF-21)."""
        if self._newness is Newness.UNTIL_SAVEPOINT:
            for oid, origin in self._origins.items():
                if origin is _Origin.REACHED:
                    self._origins[oid] = _Origin.SAVED

    def is_implicit(self, oid: bytes) -> bool:
        """Tell whether it would be a guess that the object belongs here."""
        return self._newness is not Newness.NEVER and self._origins.get(oid) is _Origin.REACHED

    def mark(self) -> int:
        """Return what a savepoint has to remember: how many there are by now."""
        return len(self._origins)

    def since(self, mark: int) -> list[bytes]:
        """Return the oids that were given after `mark`, in this order."""
        return list(islice(self._origins, mark, None))

    def forget(self, oids: Iterable[bytes]) -> None:
        """Take it that these objects are not new here any more: they are unsaved (SAVE-32)."""
        for oid in oids:
            self._origins.pop(oid, None)

    def clear(self) -> None:
        """Forget all, at the end of the transaction."""
        self._origins.clear()

    def __contains__(self, oid: bytes) -> bool:
        return oid in self._origins

    def __iter__(self) -> Iterator[bytes]:
        return iter(list(self._origins))
