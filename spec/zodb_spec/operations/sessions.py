"""What a program does with connections: open, close and refresh them, and mark what it has read."""

from __future__ import annotations

from collections.abc import Sequence

from zodb_spec.chapters import connections, groups, isolation, savepoints, write_skew
from zodb_spec.clause import in_force
from zodb_spec.editions import CURRENT
from zodb_spec.operation import Argument, Outcome, Returned, operation, refused, returned
from zodb_spec.operations import choices, endings
from zodb_spec.operations.choices import fresh, in_limbo, usable
from zodb_spec.operations.grouping import reopened
from zodb_spec.world import ADDED, CHANGED, Name, World

Outcomes = Sequence[Outcome]
MANAGER = Argument("manager", choices.managers)
CONNECTION = Argument("connection", choices.connections)
MOST_OPEN = 3


def open_groups(world: World) -> set[Name]:
    """The groups of connections that are open."""
    return {found.group for found in world.connections.values() if found.is_open.value}


@operation(
    Argument("database", choices.databases),
    MANAGER,
    fresh("connection"),
    line=lambda world, database, manager, name: (
        f"{name} = {database}.open(transaction_manager={manager})"
    ),
    sensible=lambda world, database, manager, name: (
        database in world.databases
        and manager in world.managers
        and world.managers[manager].status.value == "usable"
        and name not in world.connections
        and len(open_groups(world)) < MOST_OPEN
    ),
    weight=2,
)
def open_(world: World, database: Name, manager: Name, name: Name) -> Outcomes:
    """Open a connection: a new one, or one from the pool."""
    made = connections.open_is_bound(world, database, manager, name)
    outcomes = [
        returned(
            world.put("connections", name, made),
            connections.open_is_bound,
            Returned("new connection", name),
        )
    ]
    for pooled, found in world.connections.items():
        if not found.is_open.value and found.is_pooled and found.database == database:
            again = reopened(world, pooled, manager)
            outcomes.append(
                returned(again, connections.open_is_bound, Returned("connection", pooled))
            )
    return outcomes


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
    world = endings.boundary(
        endings.discard(world, manager), manager, connections.sync_shows_newest
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
    outcomes = [
        returned(world.put("connections", connection, marked), isolation.read_current_refused)
    ]
    if world.objects[thing].status.value != CHANGED:  # or else it may be a ghost
        outcomes.append(refused(world, write_skew.read_current_of_a_ghost))
    return outcomes
