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

For the last point the world is told as a graph, see `zodb_spec.explore.twins`.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Hashable, Iterable

from zodb_spec.chapters.current_reads import ABORTED
from zodb_spec.explore.twins import Graph, Node
from zodb_spec.operations.choices import may_have_member
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
    Record,
    Saved,
    State,
    Stored,
    Tid,
    Undo,
    World,
    newest,
)


def canonical(world: World, *, lengths: bool = False, pasts: bool = False) -> bytes:
    """The canonical form of a world; it holds for one run of the program.

    lengths  whether worlds whose databases have a different number of transactions are told apart
    pasts    whether all revisions count that there were since a database was packed, because they
             may come back
    """
    form = _graph(world, pasts).form()
    if lengths:
        form += [len(found.history) for found in world.databases.values()]
    return array("i", form).tobytes()


# What everything is.


def _graph(world: World, pasts: bool) -> Graph:
    graph = Graph()
    points = {name: _database(graph, world, name, pasts) for name in world.databases}
    for name, manager in world.managers.items():
        sizes = len(manager.joined), len(manager.limbo)
        tasks = [
            (each.database, bisect_left(points[each.database], each.tid))
            if type(each) is Undo
            else each
            for each in manager.changes
        ]
        label = ("manager", manager.status.value, *sizes, *tasks)
        groups = (_nodes("connection", manager.joined), _nodes("object", manager.limbo))
        graph.describe(("manager", name), label, (), groups)
    groups_of_connections: dict[Name, list[Node]] = {}
    for name, connection in world.connections.items():
        groups_of_connections.setdefault(connection.group, []).append(("connection", name))
        _connection(graph, world, name, points[connection.database])
    for name, members in groups_of_connections.items():
        graph.describe(("group", name), ("group", len(members)), (), (members,))
    for name, thing in world.objects.items():
        _object(graph, world, name, thing)
    if world.savepoints:
        _savepoints(graph, world)
    return graph


def _nodes(sort: str, names: Iterable[Hashable]) -> list[Node]:
    return [(sort, name) for name in names]


def _database(graph: Graph, world: World, name: Name, pasts: bool) -> list[Tid]:
    """Describe a database and what can still be seen of its history; gives the points from which
    somebody looks at it, oldest first.

    pasts: whether somebody may look from each that there was since it was packed
    """
    database = world.databases[name]
    called = (database.name, world.databases[database.collection].name)
    label: tuple[Hashable, ...] = ("database", *called, *database[2:5])
    graph.describe(("database", name), label)
    written = [item.tid for item in database.history if item.records]
    looking = {found.snapshot for found in world.connections.values() if found.database == name}
    looking.add(database.last)
    if pasts:
        looking.update(tid for tid in written if tid >= database.packed)
    points = sorted({written[bisect_right(written, at) - 1] for at in looking})
    revisions: dict[Oid, list[tuple[Tid, Record]]] = {}
    for item in database.history:
        for oid, fact in item.records.items():
            revisions.setdefault(oid, []).append((item.tid, fact.value))
    for oid, found in revisions.items():
        label = ("oid", database.name, oid == ROOT)
        refers: list[Node] = []
        if database.versions:
            label, refers = _overlaid(name, database, oid, points)
            graph.describe(("oid", name, oid), label, refers)
            continue
        for position, (tid, record) in enumerate(found):
            after = found[position + 1][0] if position + 1 < len(found) else None
            first = bisect_left(points, tid)
            if first < len(points) and (after is None or points[first] < after):
                state, nodes = _state(record.state, name)
                label += (first, record.kind, state)
                refers += nodes
        graph.describe(("oid", name, oid), label, refers)
    for thing in world.objects.values():
        owner = thing.owner.value
        if (
            owner is not None
            and owner[1] not in revisions
            and world.connections[owner[0]].database == name
        ):
            graph.describe(("oid", name, owner[1]), ("oid", database.name, False))
    return points


def _overlaid(
    name: Name, database: Database, oid: Oid, points: list[Tid]
) -> tuple[tuple[Hashable, ...], list[Node]]:
    """What each version shows of an object at each point: the revisions by their rank, and what
    they hold.
    """
    versions = sorted(
        {f.value.version for t in database.history for f in t.records.values()} | {""}
    )
    shown = [database.revision(oid, at, version) for version in versions for at in points]
    revisions = dict(each for each in (*shown, newest(database.history, oid)) if each is not None)
    ranks = {tid: rank for rank, tid in enumerate(sorted(revisions))}
    label: tuple[Hashable, ...] = ("oid", database.name, oid == ROOT, *versions)
    label += tuple(-1 if each is None else ranks[each[0]] for each in shown)
    refers: list[Node] = []
    for tid in ranks:
        fact = revisions[tid]
        state, nodes = _state(fact.value.state, name)
        label += (fact.value.kind, fact.value.version, fact.clause == ABORTED, state)
        refers += nodes
    return label, refers


def _connection(graph: Graph, world: World, name: Name, points: list[Tid]) -> None:
    found = world.connections[name]
    label = (
        "connection",
        world.databases[found.database].name,
        found.is_open.value,
        bisect_right(points, found.snapshot),
        found.is_pooled,
        (found.view.point.partition(" ")[0], *found.view[1:]),
        found.conflicts,
        found.invalid,
        len(found.registered),
        len(found.read_current),
        len(found.replaced),
        len(found.left_over),
        *(_reachable(world, name) if len(world.databases) > 1 else ()),
        *(("apart", *_known_apart(world, name)) if len(world.databases) > 1 else ()),
    )
    marked, replaced, left_over = (
        [("oid", found.database, oid) for oid in oids]
        for oids in (found.read_current, found.replaced, found.left_over)
    )
    refers = (("manager", found.manager), ("group", found.group))
    node = ("connection", name)
    groups = (_nodes("object", found.registered), marked, replaced, left_over)
    graph.describe(node, label, refers, groups)
    if found.saved:
        _kept(graph, world, node, name, found)


def _reachable(world: World, connection: Name) -> list[str]:
    """The databases to which the group may open another connection and know what it shows."""
    found = world.connections[connection]
    if not found.is_open.value:
        return []
    return sorted(
        world.databases[other].name
        for other, at in found.horizon.items()
        if at == world.databases[other].last and world.member(connection, other) is None
    )


def _known_apart(world: World, connection: Name) -> list[str]:
    """The databases to which its group has no connection for sure."""
    return sorted(
        world.databases[other].name
        for other in world.databases
        if world.member(connection, other) is None and not may_have_member(world, connection, other)
    )


def _object(graph: Graph, world: World, name: Name, thing: Object) -> None:
    status = CLEAN if thing.status.value in (GHOST, LOADED) else thing.status.value
    if thing.status.value == GHOST and _is_strict(world, thing):
        status = GHOST
    owner: tuple[Node, ...] = ()
    database = ""
    if thing.owner.value is not None:
        connection, oid = thing.owner.value
        database = world.connections[connection].database
        owner = (("connection", connection), ("oid", database, oid))
    state, refers = _state(thing.state.value, database)
    graph.describe(("object", name), ("object", thing.kind, status, state), (*owner, *refers))


def _is_strict(world: World, thing: Object) -> bool:
    """Whether it matters that an object is not loaded: to load it later may be refused."""
    owner = thing.owner.value
    if owner is None:
        return False
    connection = world.connections[owner[0]]
    return (
        connection.view.reads_current
        or connection.invalid
        or any(each.replaced or each.left_over for each in world.connections.values())
    )


def _savepoints(graph: Graph, world: World) -> None:
    """Describe what can be returned to, in its order, and whether something cannot any more."""
    over = sorted({found.valid.clause for found in world.savepoints.values() if not found.valid[0]})
    graph.describe(("savepoint",), ("no savepoints any more", *over))
    valid = [(name, found) for name, found in world.savepoints.items() if found.valid.value]
    for rank, (name, found) in enumerate(valid):
        earlier = sum(other.manager == found.manager for _, other in valid[:rank])
        node = ("savepoint", name)
        graph.describe(node, ("savepoint", earlier), [("manager", found.manager)])
        for connection, kept in found.members.items():
            _kept(graph, world, node, connection, kept)


def _kept(
    graph: Graph, world: World, where: Node, connection: Name, kept: Connection | Saved
) -> None:
    """Describe what the savepoints of a connection have stored: each record, and where it is
    kept.
    """
    database = world.connections[connection].database
    member = ("member", where, connection)
    current = world.connections[connection].replaced
    replaced = [
        ("oid", database, oid) for oid, when in kept.replaced.items() if current.get(oid) == when
    ]
    owner = (where, ("connection", connection))
    graph.describe(member, ("member", len(replaced)), owner, (replaced,))
    for oid, fact in kept.saved.items():
        state, refers = _state(fact.value.state, database)
        label = ("saved", fact.value.kind, kept.created.get(oid), state)
        node = ("saved", where, connection, oid)
        graph.describe(node, label, (member, ("oid", database, oid), *refers))


def _state(state: State | None, database: Name) -> tuple[Hashable, list[Node]]:
    """What a state holds, and what it refers to, in the order of its attributes."""
    label: list[Hashable] = []
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
