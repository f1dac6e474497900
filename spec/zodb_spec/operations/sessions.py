"""What a program does with connections: open, close and refresh them, and mark what it has read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from zodb_spec.chapters import (
    connections,
    groups,
    historical,
    isolation,
    savepoints,
    versions,
    write_skew,
)
from zodb_spec.clause import in_force
from zodb_spec.editions import CURRENT, Edition
from zodb_spec.operation import Argument, Outcome, Returned, operation, refused, returned
from zodb_spec.operations import choices, endings
from zodb_spec.operations.choices import fresh, in_limbo, usable
from zodb_spec.operations.grouping import reopened
from zodb_spec.world import (
    ADDED,
    CHANGED,
    CLEAN,
    GHOST,
    NEVER,
    Connection,
    Name,
    Tid,
    View,
    World,
)

Outcomes = Sequence[Outcome]
DATABASE = Argument("database", choices.databases)
MANAGER = Argument("manager", choices.managers)
CONNECTION = Argument("connection", choices.connections)
MOST_OPEN = 3


def open_groups(world: World) -> set[Name]:
    """The groups of connections that are open."""
    return {found.group for found in world.connections.values() if found.is_open.value}


# Opening.


OPTIONS = {
    "version='red'": View(version="red"),
    "version='blue'": View(version="blue"),
    "mvcc=False": View(mvcc=False),
    "synch=False": View(synch=False),
    "mvcc=False, synch=False": View(mvcc=False, synch=False),
    "version='red', synch=False": View(version="red", synch=False),
}
"""The options of 2006 with which connections are opened."""


def _can_be_opened(world: World, database: Name, manager: Name, name: Name) -> bool:
    return (
        database in world.databases
        and manager in world.managers
        and world.managers[manager].status.value == "usable"
        and name not in world.connections
        and len(open_groups(world)) < MOST_OPEN
    )


@operation(
    DATABASE,
    MANAGER,
    fresh("connection"),
    line=lambda world, database, manager, name: (
        f"{name} = {database}.open(transaction_manager={manager})"
    ),
    sensible=_can_be_opened,
    weight=2,
)
def open_(world: World, database: Name, manager: Name, name: Name) -> Outcomes:
    """Open a connection: a new one, or one from the pool."""
    made = connections.open_is_bound(world, database, manager, name)
    return _opened(world, name, made, connections.open_is_bound)


def _opened(world: World, name: Name, made: Connection, clause: Callable[..., Any]) -> Outcomes:
    """The outcomes of opening: a new connection, or one of those that the pool has of the kind.

    name  that of the connection, if it is a new one
    made  the new one
    """
    outcomes = [
        returned(world.put("connections", name, made), clause, Returned("new connection", name))
    ]
    for pooled, found in world.connections.items():
        if (
            not found.is_open.value
            and found.is_pooled
            and found.database == made.database
            and found.view.shows_as(made.view)
        ):
            again = reopened(world, pooled, made.manager, made.view)
            outcomes.append(returned(again, clause, Returned("connection", pooled)))
    return outcomes


def _points(world: World, database: Name, *before: str) -> list[str]:
    """The transactions of a database that can still be told apart by a program."""
    found = world.databases[database]
    return [str(each.tid) for each in found.history if each.tid >= found.packed]


def _point(option: str, tid: str) -> Tid:
    """The newest transaction that a historical connection shows."""
    return int(tid) if option == "at" else int(tid) - 1


@operation(
    DATABASE,
    MANAGER,
    Argument("option", lambda world, *before: ("at", "before")),
    Argument("tid", _points),
    fresh("connection"),
    line=lambda world, database, manager, option, tid, name: (
        f"{name} = {database}.open("
        f"transaction_manager={manager}, {option}={choices.tid_name(database, int(tid))})"
    ),
    sensible=lambda world, database, manager, option, tid, name: (
        _can_be_opened(world, database, manager, name)
        and option in ("at", "before")
        and max(NEVER + 1, world.databases[database].packed) <= _point(option, tid)
        and int(tid) <= world.databases[database].last
    ),
    weight=0,
    since=CURRENT,
    needs="historical",
)
def open_historical(
    world: World, database: Name, manager: Name, option: str, tid: str, name: Name
) -> Outcomes:
    """Open a connection to the database as it was."""
    opened = connections.open_is_bound(world, database, manager, name)
    view = View(point=f"{option} {tid}")
    made = historical.shows_the_point(world, opened, view, _point(option, tid))
    return _opened(world, name, made, historical.shows_the_point)


@operation(
    DATABASE,
    MANAGER,
    Argument("options", lambda world, *before: tuple(OPTIONS)),
    fresh("connection"),
    line=lambda world, database, manager, options, name: (
        f"{name} = {database}.open(transaction_manager={manager}, {options})"
    ),
    sensible=lambda world, database, manager, options, name: (
        world.edition == Edition.C
        and options in OPTIONS
        and _can_be_opened(world, database, manager, name)
        and not (OPTIONS[options].version and world.databases[database].versions is None)
    ),
    weight=0,
    since=Edition.C,
)
def open_as(world: World, database: Name, manager: Name, options: str, name: Name) -> Outcomes:
    """Open a connection in a version, or with one of the options that affect consistency."""
    view = OPTIONS[options]
    if view.version and versions.unsupported(world, database):
        return [refused(world, versions.unsupported)]
    made = connections.open_is_bound(world, database, manager, name, view)
    if not view.version:
        return _opened(world, name, made, connections.open_is_bound)
    return _opened(world, name, versions.belongs(world, made, view), versions.belongs)


@operation(
    CONNECTION,
    line=lambda world, connection: f"{connection}.close()",
    sensible=lambda world, connection: (
        connection in world.connections
        and usable(world, world.connections[connection].manager)
        and not choices.may_be_taken(world, connection)
        and (
            in_force(groups.closes_together, world.edition) or len(world.group(connection)) == 1
        )  # the others may go on with objects of the one that was closed
    ),
    weight=2,
)
def close(world: World, connection: Name) -> Outcomes:
    """Close a connection, and its group with it."""
    if connections.close_again_is_nothing(world, connection):
        return [returned(world, connections.close_again_is_nothing)]
    if savepoints.close_refused(world, connection):
        return [refused(world, savepoints.close_refused)]
    if connections.close_joined_refused(world, connection):
        return [refused(world, connections.close_joined_refused)]
    if in_force(groups.close_all_or_nothing, world.edition) and groups.close_all_or_nothing(
        world, connection
    ):
        return [refused(world, groups.close_all_or_nothing)]
    outcomes = [returned(_closed(world, connection), connections.reader_does_not_join)]
    if any(world.connections[name].read_current for name in world.group(connection)):
        # it may have joined for the sake of its marks
        outcomes.append(refused(world, connections.close_joined_refused))
    return outcomes


def _closed(world: World, connection: Name) -> World:
    """The world in which a group is closed, because a member of it was."""
    for name in world.group(connection):
        if name == connection:
            is_open = connections.reader_does_not_join(world, name)
        else:
            is_open = groups.closes_together(world, name)
        found = world.connections[name]
        closed = found._replace(
            is_open=is_open,
            read_current=frozenset(),
            registered=(),
            # The pool may hand out the one that was closed, or the one that was opened before.
            is_pooled=found.is_pooled or name == connection,
        )
        world = world.put("connections", name, closed)
    return world


@operation(
    CONNECTION,
    line=lambda world, connection: f"{connection}.sync()",
    sensible=lambda world, connection: (
        connection in world.connections and world.connections[connection].is_open.value
    ),
)
def sync(world: World, connection: Name) -> Outcomes:
    """Abort, and see the newest state."""
    manager = world.connections[connection].manager
    ended = (*world.managers[manager].joined, connection)
    world = endings.boundary(
        endings.discard(world, manager), manager, ended, connections.sync_shows_newest
    )
    return [returned(world, connections.sync_shows_newest)]


@operation(
    CONNECTION,
    Argument(
        "thing",
        lambda world, connection: [
            name
            for name, thing in world.objects.items()
            if thing.owner.value is not None and thing.owner.value[0] == connection
        ],
    ),
    line=lambda world, connection, thing: f"{connection}.readCurrent({thing})",
    sensible=lambda world, connection, thing: (
        connection in world.connections
        and thing in world.objects
        and not in_limbo(world, thing)
        and world.objects[thing].status.value != ADDED
        and (world.objects[thing].owner.value or ("",))[0] == connection
        and world.connections[connection].is_open.value
        and not world.connections[connection].view.point
    ),
    weight=2,
    since=CURRENT,
)
def read_current(world: World, connection: Name, thing: Name) -> Outcomes:
    """Mark an object as read: the commit holds only if it is still current."""
    owner = world.objects[thing].owner.value
    assert owner is not None
    state = world.connections[connection]
    marked = state._replace(read_current=state.read_current | {owner[1]})
    found = world.objects[thing]
    if found.status.value == GHOST:  # it may be loaded for that
        known = found._replace(status=found.status._replace(value=CLEAN))
        world = world.put("objects", thing, known)
    outcomes = [
        returned(world.put("connections", connection, marked), isolation.read_current_refused)
    ]
    if found.status.value != CHANGED:  # or else it may be a ghost
        outcomes.append(refused(world, write_skew.read_current_of_a_ghost))
    return outcomes
