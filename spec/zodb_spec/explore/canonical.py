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

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from zodb_spec.world import (
    CLEAN,
    GHOST,
    LOADED,
    ROOT,
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


class Node(NamedTuple):
    """Something in a world that other things refer to."""

    kind: str
    name: object


class Description(NamedTuple):
    """What something is.

    label    everything about it that is no reference
    refers   what it refers to, in an order that the label explains
    groups   what it refers to where the order carries no meaning
    """

    label: Any
    refers: tuple[Node, ...] = ()
    groups: tuple[tuple[Node, ...], ...] = ()


class Past(NamedTuple):
    """What can still be seen of a history.

    points     the points from which somebody looks at it, oldest first
    revisions  the tids of the revisions that can be seen, by oid, oldest first
    """

    points: tuple[Tid, ...]
    revisions: Mapping[Oid, tuple[Tid, ...]]


def canonical(world: World, *, lengths: bool = False) -> str:
    """The canonical form of a world, as text; it holds for one run of the program.

    lengths: whether worlds whose databases have a different number of transactions are told apart
    """
    described = dict(_descriptions(world))
    for node in [node for found in described.values() for node in _named(found)]:
        described.setdefault(node, Description((node.kind, "nothing")))
    history = [len(found.history) for found in world.databases.values()] if lengths else ""
    return f"{history}{_smallest(described, dict.fromkeys(described, 0))}"


def _named(found: Description) -> Iterator[Node]:
    yield from found.refers
    for group in found.groups:
        yield from group


# What can still be seen of the past.


def _past(world: World, name: Name) -> Past:
    database = world.databases[name]
    written = [item.tid for item in database.history if item.records]
    looking = {found.snapshot for found in world.connections.values() if found.database == name}
    points = sorted({_point(written, at) for at in looking | {database.last}})
    revisions = {}
    for oid in database.oids():
        tids = [item.tid for item in database.history if oid in item.records]
        shown = {tids[index - 1] for at in points if (index := bisect_right(tids, at))}
        revisions[oid] = tuple(sorted(shown))
    return Past(tuple(points), revisions)


def _point(written: list[Tid], at: Tid) -> Tid:
    """The oldest point of a history that shows the same as this one."""
    return written[bisect_right(written, at) - 1]


# What everything is.


def _descriptions(world: World) -> Iterator[tuple[Node, Description]]:
    for name, manager in world.managers.items():
        groups = (_nodes("connection", manager.joined), _nodes("object", manager.limbo))
        yield Node("manager", name), Description(("manager", manager.status.value), (), groups)
    for name in world.databases:
        past = _past(world, name)
        yield from _connections(world, name, past)
        yield from _oids(world, name, past)
    for name, thing in world.objects.items():
        yield Node("object", name), _object(world, thing)
    yield from _savepoints(world)


def _savepoints(world: World) -> Iterator[tuple[Node, Description]]:
    """What can be returned to, in its order, and whether something cannot any more."""
    over = sorted({found.valid.clause for found in world.savepoints.values() if not found.valid[0]})
    yield Node("savepoint", ""), Description(("no savepoints any more", *over))
    valid = [(name, found) for name, found in world.savepoints.items() if found.valid.value]
    for rank, (name, found) in enumerate(valid):
        earlier = sum(other.manager == found.manager for _, other in valid[:rank])
        node = Node("savepoint", name)
        yield node, Description(("savepoint", earlier), (Node("manager", found.manager),))
        for connection, kept in found.members.items():
            yield from _kept(world, node, connection, kept)


def _kept(
    world: World, where: Node, connection: Name, kept: Saved
) -> Iterator[tuple[Node, Description]]:
    """What the savepoints of a connection have stored: each record, and where it is kept."""
    database = world.connections[connection].database
    member = Node("member", (where, connection))
    yield member, Description(("member",), (where, Node("connection", connection)))
    for oid, fact in kept.saved.items():
        state, refers = _state(fact.value.state, database)
        label = ("saved", fact.value.kind, kept.created.get(oid), state)
        node = Node("saved", (where, connection, oid))
        yield node, Description(label, (member, Node("oid", (database, oid)), *refers))


def _nodes(kind: str, names: Iterable[object]) -> tuple[Node, ...]:
    return tuple(Node(kind, name) for name in names)


def _connections(world: World, name: Name, past: Past) -> Iterator[tuple[Node, Description]]:
    database = world.databases[name]
    for each, found in world.connections.items():
        if found.database == name:
            point = bisect_right(past.points, found.snapshot) - 1
            facts = (name, database.resolves, database.empty_recorded, found.is_open.value, point)
            reachable = tuple(
                other
                for other, at in found.horizon.items()
                if at == world.databases[other].last and world.member(each, other) is None
            )
            marked = _nodes("oid", ((name, oid) for oid in found.read_current))
            members = _nodes("connection", world.group(each))
            groups = (_nodes("object", found.registered), marked, members)
            label = ("connection", *facts, found.is_pooled, reachable)
            node = Node("connection", each)
            yield node, Description(label, (Node("manager", found.manager),), groups)
            if found.saved:
                yield from _kept(world, node, each, Saved(found.saved, found.created))


def _oids(world: World, name: Name, past: Past) -> Iterator[tuple[Node, Description]]:
    database = world.databases[name]
    owned = {
        owner[1]
        for found in world.objects.values()
        for owner in (found.owner.value,)
        if owner is not None and world.connections[owner[0]].database == name
    }
    for oid in owned | set(past.revisions):
        revisions = [
            (bisect_left(past.points, tid), *_record(database, name, oid, tid))
            for tid in past.revisions.get(oid, ())
        ]
        label = ("oid", name, oid == ROOT, *(revision[:-1] for revision in revisions))
        refers = tuple(node for revision in revisions for node in revision[-1])
        yield Node("oid", (name, oid)), Description(label, refers)


def _record(
    database: Database, name: Name, oid: Oid, tid: Tid
) -> tuple[str, Any, tuple[Node, ...]]:
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
    owner = (Node("connection", connection), Node("oid", (database, oid)))
    return Description(("object", thing.kind, status, state), owner + refers)


def _state(state: State | None, database: Name) -> tuple[Any, tuple[Node, ...]]:
    """What a state holds, and what it refers to, in the order of its attributes."""
    if state is None:
        return None, ()
    label: list[Any] = []
    refers = []
    for key in sorted(state):
        value = state[key]
        if type(value) is InMemory:
            refers.append(Node("object", value.target))
            label.append((key, "object", value.weak, value.inside))
        elif type(value) is Stored:
            refers.append(Node("oid", (value.database or database, value.oid)))
            label.append((key, "oid", value.weak, value.inside, value.database))
        else:
            label.append((key, type(value).__name__, *value))
    return tuple(label), tuple(refers)


# Counting twins once.


def _smallest(described: Mapping[Node, Description], colours: dict[Node, int]) -> str:
    colours = _refined(described, colours)
    counts = Counter(colours.values())
    if len(counts) == len(colours):
        return _form(described, colours)
    twin = min(colour for colour, count in counts.items() if count > 1)
    return min(
        _smallest(described, {**colours, node: hash((twin, "first"))})
        for node, colour in colours.items()
        if colour == twin
    )


def _refined(described: Mapping[Node, Description], colours: dict[Node, int]) -> dict[Node, int]:
    """Colours that tell apart what the descriptions, seen in these colours, tell apart."""
    colours = {node: hash((colours[node], found.label)) for node, found in described.items()}
    related = [(node, *found[1:]) for node, found in described.items() if any(found[1:])]
    different = len(set(colours.values()))
    while different < len(colours):
        finer = {
            node: hash((colours[node], *_coloured(refers, groups, colours)))
            for node, refers, groups in related
        }
        colours = {**colours, **finer}
        more = len(set(colours.values()))
        if more == different:
            break
        different = more
    return colours


def _form(described: Mapping[Node, Description], colours: dict[Node, int]) -> str:
    """The world with numbers for names."""
    order = sorted(colours, key=colours.__getitem__)
    numbers = {node: number for number, node in enumerate(order)}
    return repr(
        [(described[node].label, *_coloured(*described[node][1:], numbers)) for node in order]
    )


def _coloured(
    refers: tuple[Node, ...], groups: tuple[tuple[Node, ...], ...], colours: Mapping[Node, int]
) -> tuple[tuple[int, ...], ...]:
    return (
        tuple([colours[node] for node in refers]),
        *[tuple(sorted([colours[node] for node in group])) for group in groups],
    )
