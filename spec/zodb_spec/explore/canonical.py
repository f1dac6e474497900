"""The canonical form of a world: two worlds have the same one if no program can tell them apart.

A small world has many twins, which differ only in what a program calls its objects, which oids and
tids were used, or what happened before anything that can still be seen.  An exploration that
visited each of them would never end; so worlds are compared in a form in which

* step numbers and the ids of clauses are gone, and so is what holds for one step only: whether an
  object that nobody changed is loaded, and which objects the caches hold;
* of the history only that is left which somebody can still see: the revisions that the snapshot of
  a connection shows, and the newest ones.  A change that is under way was made from the revision
  that its snapshot shows, by law.  Tids, which carry nothing but order, become positions among the
  snapshots;
* managers, connections, objects and oids have no names: each is known by what it is and by what it
  refers to.

The last point is graph canonisation, done here as usual: everything gets a colour from what it is,
then from its colour and those of what it refers to, until nothing more can be told apart; where
twins remain, each is tried as the first of them, and the smallest form wins.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from zodb_spec.editions import Edition
from zodb_spec.world import (
    CLEAN,
    GHOST,
    LOADED,
    ROOT,
    Connection,
    Database,
    InMemory,
    Name,
    Object,
    Oid,
    Saved,
    State,
    Stored,
    Tid,
    World,
)

Node = tuple[Hashable, ...]
"""Something in a world that other things refer to: its sort, and what it is called."""


class Description(NamedTuple):
    """What something is.

    label    everything about it that is no reference
    refers   what it refers to, in an order that the label explains
    groups   what it refers to where the order carries no meaning
    """

    label: Any
    refers: Sequence[Node] = ()
    groups: tuple[Sequence[Node], ...] = ()


class Past(NamedTuple):
    """What can still be seen of a history.

    points     the points from which somebody looks at it, oldest first
    revisions  the tids of the revisions that can be seen, by oid, oldest first
    """

    points: tuple[Tid, ...]
    revisions: Mapping[Oid, Sequence[Tid]]


class Graph(NamedTuple):
    """The descriptions of a world, with numbers for nodes and for labels.

    labels  the number of each node's label
    refers  the nodes to which each refers in order
    groups  the nodes to which each refers without order
    """

    labels: list[int]
    refers: list[list[int]]
    groups: list[list[list[int]]]


_labels: dict[Any, int] = {}
"""The labels that there were in this run of the program, with their numbers: there are few."""

END = -1
"""What ends a list of nodes in the canonical form."""


def canonical(world: World, *, lengths: bool = False) -> bytes:
    """The canonical form of a world; it holds for one run of the program.

    lengths: whether worlds whose databases have a different number of transactions are told apart
    """
    graph = _numbered(dict(_descriptions(world)))
    form = _smallest(graph, graph.labels)
    if lengths:
        form += [len(found.history) for found in world.databases.values()]
    return array("i", form).tobytes()


def _numbered(described: dict[Node, Description]) -> Graph:
    numbers = {node: number for number, node in enumerate(described)}
    graph = Graph([], [], [])
    for found in described.values():
        graph.labels.append(_labels.setdefault(found.label, len(_labels)))
        graph.refers.append([numbers.setdefault(node, len(numbers)) for node in found.refers])
        graph.groups.append(
            [[numbers.setdefault(node, len(numbers)) for node in each] for each in found.groups]
        )
    for node in list(numbers)[len(described) :]:  # it is referred to, and not there
        graph.labels.append(_labels.setdefault((node[0], "nothing"), len(_labels)))
        graph.refers.append([])
        graph.groups.append([])
    return graph


# What can still be seen of the past.


def _past(world: World, name: Name) -> Past:
    database = world.databases[name]
    written = [item.tid for item in database.history if item.records]
    looking = {found.snapshot for found in world.connections.values() if found.database == name}
    looking.add(database.last)
    points = sorted({written[bisect_right(written, at) - 1] for at in looking})
    stored: dict[Oid, list[Tid]] = {}
    for item in database.history:
        for oid in item.records:
            stored.setdefault(oid, []).append(item.tid)
    revisions = {}
    for oid, tids in stored.items():
        shown = {tids[index - 1] for at in points if (index := bisect_right(tids, at))}
        revisions[oid] = sorted(shown)
    return Past(tuple(points), revisions)


# What everything is.


def _descriptions(world: World) -> Iterator[tuple[Node, Description]]:
    for name, manager in world.managers.items():
        groups = (_nodes("connection", manager.joined), _nodes("object", manager.limbo))
        yield ("manager", name), Description(("manager", manager.status.value), (), groups)
    for name, database in world.databases.items():
        called = (database.name, world.databases[database.collection].name)
        label = ("database", *called, database.resolves, database.empty_recorded)
        yield ("database", name), Description(label)
        past = _past(world, name)
        yield from _connections(world, name, past)
        yield from _oids(world, name, past)
    for name, thing in world.objects.items():
        yield ("object", name), _object(world, thing)
    if world.savepoints:
        yield from _savepoints(world)


def _savepoints(world: World) -> Iterator[tuple[Node, Description]]:
    """What can be returned to, in its order, and whether something cannot any more."""
    over = sorted({found.valid.clause for found in world.savepoints.values() if not found.valid[0]})
    yield ("savepoint",), Description(("no savepoints any more", *over))
    valid = [(name, found) for name, found in world.savepoints.items() if found.valid.value]
    for rank, (name, found) in enumerate(valid):
        earlier = sum(other.manager == found.manager for _, other in valid[:rank])
        node = ("savepoint", name)
        yield node, Description(("savepoint", earlier), [("manager", found.manager)])
        for connection, kept in found.members.items():
            yield from _kept(world, node, connection, kept)


def _kept(
    world: World, where: Node, connection: Name, kept: Connection | Saved
) -> Iterator[tuple[Node, Description]]:
    """What the savepoints of a connection have stored: each record, and where it is kept."""
    database = world.connections[connection].database
    member = ("member", where, connection)
    yield member, Description("member", [where, ("connection", connection)])
    for oid, fact in kept.saved.items():
        state, refers = _state(fact.value.state, database)
        label = ("saved", fact.value.kind, kept.created.get(oid), state)
        node = ("saved", where, connection, oid)
        yield node, Description(label, [member, ("oid", database, oid), *refers])


def _nodes(sort: str, names: Iterable[Hashable]) -> list[Node]:
    return [(sort, name) for name in names]


def _connections(world: World, name: Name, past: Past) -> Iterator[tuple[Node, Description]]:
    database = world.databases[name]
    for each, found in world.connections.items():
        if found.database == name:
            point = bisect_right(past.points, found.snapshot) - 1
            reachable = _reachable(world, each) if len(world.databases) > 1 else ()
            marked: list[Node] = [("oid", name, oid) for oid in found.read_current]
            members = _nodes("connection", world.group(each))
            groups = (_nodes("object", found.registered), marked, members)
            facts = (database.name, found.is_open.value, point, found.is_pooled, *reachable)
            node = ("connection", each)
            yield node, Description(("connection", *facts), [("manager", found.manager)], groups)
            if found.saved:
                yield from _kept(world, node, each, found)


def _reachable(world: World, connection: Name) -> tuple[str, ...]:
    """The databases to which the group may open another connection and know what it shows."""
    found = world.connections[connection]
    if not found.is_open.value:
        return ()
    may_leave = world.edition < Edition.B
    return tuple(
        sorted(
            world.databases[other].name
            for other, at in found.horizon.items()
            if at == world.databases[other].last
            and (may_leave or world.member(connection, other) is None)
        )
    )


def _oids(world: World, name: Name, past: Past) -> Iterator[tuple[Node, Description]]:
    database = world.databases[name]
    owned = {
        owner[1]
        for found in world.objects.values()
        for owner in (found.owner.value,)
        if owner is not None and world.connections[owner[0]].database == name
    }
    for oid in owned.union(past.revisions):
        label: list[Any] = ["oid", database.name, oid == ROOT]
        refers: list[Node] = []
        for tid in past.revisions.get(oid, ()):
            kind, state, nodes = _record(database, name, oid, tid)
            label.append((bisect_left(past.points, tid), kind, state))
            refers += nodes
        yield ("oid", name, oid), Description(tuple(label), refers)


def _record(database: Database, name: Name, oid: Oid, tid: Tid) -> tuple[str, Any, list[Node]]:
    found = database.revision(oid, tid)
    assert found is not None
    return (found[1].value.kind, *_state(found[1].value.state, name))


def _object(world: World, thing: Object) -> Description:
    status = CLEAN if thing.status.value in (GHOST, LOADED) else thing.status.value
    if thing.owner.value is None:
        state, refers = _state(thing.state.value, "")
        return Description(("object", thing.kind, status, state), refers)
    connection, oid = thing.owner.value
    database = world.connections[connection].database
    state, refers = _state(thing.state.value, database)
    owner = [("connection", connection), ("oid", database, oid)]
    return Description(("object", thing.kind, status, state), owner + refers)


def _state(state: State | None, database: Name) -> tuple[Any, list[Node]]:
    """What a state holds, and what it refers to, in the order of its attributes."""
    label: list[Any] = []
    refers: list[Node] = []
    if state is None:
        return None, refers
    for key in sorted(state):
        value = state[key]
        if type(value) is InMemory:
            refers.append(("object", value.target))
            label.append((key, "object", value.weak, value.inside))
        elif type(value) is Stored:
            refers.append(("oid", value.database or database, value.oid))
            label.append((key, "oid", value.weak, value.inside, value.database != ""))
        else:
            label.append((key, type(value).__name__, *value))
    return tuple(label), refers


# Counting twins once.


def _smallest(graph: Graph, colours: list[int]) -> list[int]:
    colours = _refined(graph, colours)
    if len(set(colours)) == len(colours):
        return _form(graph, colours)
    twin = min(colour for colour, count in Counter(colours).items() if count > 1)
    first = hash((twin, "first"))
    return min(
        _smallest(graph, [*colours[:node], first, *colours[node + 1 :]])
        for node, colour in enumerate(colours)
        if colour == twin
    )


def _refined(graph: Graph, colours: list[int]) -> list[int]:
    """Colours that tell apart what the descriptions, seen in these colours, tell apart."""
    different = len(set(colours))
    while different < len(colours):
        finer = [
            hash((colour, *[colours[node] for node in refers]))
            for colour, refers in zip(colours, graph.refers, strict=True)
        ]
        for node, groups in enumerate(graph.groups):
            if groups:
                seen = [tuple(sorted([colours[other] for other in each])) for each in groups]
                finer[node] = hash((finer[node], *seen))
        colours = finer
        more = len(set(colours))
        if more == different:
            break
        different = more
    return colours


def _form(graph: Graph, colours: list[int]) -> list[int]:
    """The world with numbers for names, each node ended by one that no node has."""
    order = sorted(range(len(colours)), key=colours.__getitem__)
    numbers = [0] * len(order)
    for number, node in enumerate(order):
        numbers[node] = number
    form = []
    for node in order:
        form.append(graph.labels[node])
        form += [numbers[other] for other in graph.refers[node]]
        for each in graph.groups[node]:
            form.append(END)
            form += sorted([numbers[other] for other in each])
        form.append(END)
    return form
