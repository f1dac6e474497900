"""Tuples with named fields of which changed ones are made quickly.

Every step of the model makes several, mostly of large tuples in which one field changes, and
`_replace` of the standard library takes twice as long for that as it has to.
"""

from __future__ import annotations

from typing import Any, TypeVar

Fields = TypeVar("Fields", bound=tuple[Any, ...])


def quick(cls: type[Fields]) -> type[Fields]:
    """Give a class of tuples with named fields a `_replace` that is quick.

    That one raises KeyError where there is no field of a name that it is given.
    """
    names: tuple[str, ...] = cls._fields  # type: ignore[attr-defined]  # each of them has it
    places = {name: place for place, name in enumerate(names)}
    make = tuple.__new__

    def replace(self: Fields, /, **changes: Any) -> Fields:
        fields = list(self)
        for name, value in changes.items():
            fields[places[name]] = value
        return make(type(self), fields)

    cls._replace = replace  # type: ignore[attr-defined]
    return cls
