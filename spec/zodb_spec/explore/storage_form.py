"""The canonical form of a storage's world: two worlds have the same one if they differ in nothing
but names.

Everything that is ever given a name in a script has the number of a step in it: oids, tids, what
stands for a transaction, and its description, instances, and how far a counter has counted.  All of
these are nodes of a graph, and known by where they stand alone; the rest is told as it is.  So this
module need not know what a world is made of: it goes through the fields of whatever it finds.

* A name that stands at one place, or at several, is told of these places: ``store.history.2.tid``.
* What stands in a mapping below a name is told of that name, with the names that it holds itself.
* Fields that say why something is so, and not what it is, are left out.

Every revision can be read until the storage is packed, so nothing else of a history is left out.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Hashable, Mapping, Set
from typing import Any

from zodb_spec.explore.twins import Graph, Node
from zodb_spec.protocol.world import NEVER, ROOT, World

REASONS = frozenset({"clause", "latest", "spared", "step"})
"""The fields that say why, by the name of a clause, or since when."""

SAME_FOR_ALL = frozenset({ROOT, NEVER})
"""The names that are given to nothing else."""

Path = tuple[Hashable, ...]


def canonical(world: World) -> bytes:
    """The canonical form of a world; it holds for one run of the program."""
    told = _Telling()
    told.tell(world, (), None)
    return array("i", told.graph().form()).tobytes()


def is_name(value: str) -> bool:
    """Whether a text is a name, in place of which there could be another one."""
    return value not in SAME_FOR_ALL and any(map(str.isdecimal, value))


class _Telling:
    """What is told of each node, and to which others it refers, in the same order."""

    def __init__(self) -> None:
        self.told: defaultdict[Node, list[Hashable]] = defaultdict(list)
        self.refers: defaultdict[Node, list[Node]] = defaultdict(list)

    def tell(self, value: Any, path: Path, owner: Node | None) -> None:
        """Tell what stands at a place.

        owner: the node of which it is told; None where the place belongs to the world itself
        """
        if isinstance(value, str) and is_name(value):
            if owner is None:
                self.told[_node(value)].append(path)
            else:
                self.told[owner].append((*path, "a name"))
                self.refers[owner].append(_node(value))
        elif isinstance(value, tuple):
            names = getattr(value, "_fields", range(len(value)))
            self._note(owner, (*path, len(value)))
            for name, each in zip(names, value, strict=True):
                if name not in REASONS:
                    self.tell(each, (*path, name), owner)
        elif isinstance(value, Mapping):
            self._note(owner, (*path, len(value)))
            for key, each in value.items():
                self._entry(key, each, path, owner)
        elif isinstance(value, Set):
            self._note(owner, (*path, len(value)))
            for key in value:
                self._entry(key, None, path, owner)
        else:
            self._note(owner, (*path, value))

    def _note(self, owner: Node | None, what: Path) -> None:
        self.told[owner or ("world",)].append(what)

    def _entry(self, key: str, value: Any, path: Path, owner: Node | None) -> None:
        """Tell what stands in a mapping, or in a set, below a key."""
        node = _node(key)
        if owner is not None:
            node = ("entry", path, owner, key)
            self.refers[node] += [owner, _node(key)]
        self.told[node].append((*path, "below"))
        self.tell(value, path, node)

    def graph(self) -> Graph:
        """All of it as a graph."""
        graph = Graph()
        for node, told in self.told.items():
            label = node[1] if node[0] == "text" else node[0]
            graph.describe(node, (label, *told), self.refers[node])
        return graph


def _node(name: str) -> Node:
    """The node for a name, or for a text that is the same for all."""
    return ("name" if is_name(name) else "text", name)
