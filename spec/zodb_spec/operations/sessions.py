"""What a program does with connections: open, close and refresh them, and mark what it has read."""

from __future__ import annotations

from collections.abc import Sequence

from zodb_spec.chapters import connections, isolation, write_skew
from zodb_spec.clause import id_of
from zodb_spec.operation import Argument, Outcome, Returned, operation, refused, returned
from zodb_spec.operations import choices, endings
from zodb_spec.operations.choices import DATABASE, fresh, in_limbo, usable
from zodb_spec.world import ADDED, CHANGED, Name, World

Outcomes = Sequence[Outcome]
MANAGER = Argument("manager", choices.managers)
CONNECTION = Argument("connection", choices.connections)
MOST_OPEN = 3


def open_connections(world: World) -> list[Name]:
    """The connections that are open."""
    return [name for name, connection in world.connections.items() if connection.is_open.value]


@operation(
    MANAGER,
    fresh("connection"),
    line=lambda world, manager, name: f"{name} = db.open({manager})",
    sensible=lambda world, manager, name: (
        manager in world.managers
        and world.managers[manager].status.value == "usable"
        and name not in world.connections
        and len(open_connections(world)) < MOST_OPEN
    ),
    weight=2,
)
def open_(world: World, manager: Name, name: Name) -> Outcomes:
    """Open a connection: a new one, or one from the pool."""
    made = connections.open_is_bound(world, DATABASE, manager)
    outcomes = [
        returned(
            world.put("connections", name, made),
            connections.open_is_bound,
            Returned("new connection", name),
        )
    ]
    for pooled, found in world.connections.items():
        if not found.is_open.value:
            bound = found._replace(
                manager=manager, is_open=world.fact(True, id_of(connections.open_is_bound))
            )
            again = world.put("connections", pooled, bound)
            point = connections.reopen_catches_up(again, pooled)
            again = endings.move(again, pooled, point, connections.reopen_invalidates)
            outcomes.append(
                returned(again, connections.open_is_bound, Returned("connection", pooled))
            )
    return outcomes


@operation(
    CONNECTION,
    line=lambda world, connection: f"{connection}.close()",
    sensible=lambda world, connection: (
        connection in world.connections and usable(world, world.connections[connection].manager)
    ),
    weight=2,
)
def close(world: World, connection: Name) -> Outcomes:
    """Close a connection."""
    if connections.close_again_is_nothing(world, connection):
        return [returned(world, connections.close_again_is_nothing)]
    if connections.close_joined_refused(world, connection):
        return [refused(world, connections.close_joined_refused)]
    closed = world.connections[connection]._replace(
        is_open=connections.reader_does_not_join(world, connection),
        read_current=frozenset(),
        registered=(),
    )
    outcomes = [
        returned(world.put("connections", connection, closed), connections.reader_does_not_join)
    ]
    if world.connections[connection].read_current:  # it may have joined for the sake of its marks
        outcomes.append(refused(world, connections.close_joined_refused))
    return outcomes


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
