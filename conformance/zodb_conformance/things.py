"""The classes of which the suite makes persistent objects.

Each stands alone (a witness quotes its source), and each exists for one property that the rules
speak of.
"""

from __future__ import annotations

import enum
from typing import Any, NamedTuple

from persistent import Persistent


class Thing(Persistent):
    """A persistent object with nothing special about it."""


class Named(Persistent):
    """A persistent object that is made by ``__new__`` with an argument, so references to it carry
    no class.
    """

    name: str

    def __new__(cls, name: str) -> Named:  # noqa: D102  # the class says it
        self: Named = Persistent.__new__(cls)
        self.name = name
        return self

    def __getnewargs__(self) -> tuple[str]:
        return (self.name,)


class Counter(Persistent):
    """A counter whose conflicts can be resolved: both increments count."""

    n = 0

    def _p_resolveConflict(
        self, old: dict[str, Any], committed: dict[str, Any], new: dict[str, Any]
    ) -> dict[str, Any]:
        merged = dict(committed)
        merged["n"] = committed.get("n", 0) + new.get("n", 0) - old.get("n", 0)
        return merged


class Independent(Persistent):
    """An object that says it can be read in any revision, whatever else was read."""

    def _p_independent(self) -> bool:
        return True


class Dependent(Persistent):
    """An object that could say it can be read in any revision, and says it can not."""

    def _p_independent(self) -> bool:
        return False


# Values that are not persistent: subclasses of built-in types, and classes of one's own.


class ListSubclass(list[Any]):
    """A list of another type."""


class DictSubclass(dict[str, Any]):
    """A dictionary of another type."""


class IntSubclass(int):
    """A number of another type."""


class TextSubclass(str):
    """A text of another type."""


class Point(NamedTuple):
    """A named tuple."""

    x: int
    y: float


class Colour(enum.Enum):
    """An enumeration."""

    RED = 1
    GREEN = "green"


class Holder:
    """An ordinary object with attributes."""

    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)
