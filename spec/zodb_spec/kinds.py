"""The kinds of persistent objects that the model knows: what the rules make depend on the class."""

from __future__ import annotations

from typing import NamedTuple


class Kind(NamedTuple):
    """A class of persistent objects.

    name        the name of the class
    make        the Python expression that makes one
    newargs     whether it has ``__getnewargs__``, so that references to it carry no class
    resolves    whether it has ``_p_resolveConflict``
    attributes  the attributes that the model uses
    """

    name: str
    make: str
    newargs: bool = False
    resolves: bool = False
    attributes: tuple[str, ...] = ("a", "b")


ROOT_KIND = "PersistentMapping"

KINDS = {
    kind.name: kind
    for kind in (
        Kind("Thing", "Thing()"),
        Kind("Counter", "Counter()", resolves=True, attributes=("n", "a")),
        Kind("Named", "Named('x')", newargs=True),
        Kind(ROOT_KIND, "PersistentMapping()", attributes=("'a'", "'b'", "'c'")),
    )
}
