"""How a connection opens and closes together with others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from zodb_spec.chapters import connections, groups
from zodb_spec.clause import id_of
from zodb_spec.operations import endings
from zodb_spec.world import USUAL, Name, View, World


def reopened(
    world: World,
    pooled: Name,
    manager: Name,
    view: View = USUAL,
    members: Sequence[Name] | None = None,
) -> World:
    """The world in which a connection from the pool is open again.

    view     how it is opened, with the point and the version that it has for life
    members  those that open with it, itself included; by default all of its group
    """
    bound = world.connections[pooled]._replace(
        manager=manager,
        is_open=world.fact(True, id_of(connections.open_is_bound)),
        view=view,
    )
    world = world.put("connections", pooled, bound)
    for name in world.group(pooled) if members is None else members:
        if name != pooled:
            together = groups.reopens_together(world, name, manager)
            together = together._replace(is_pooled=False, view=view)
            world = world.put("connections", name, together)
        point = endings.point_of(world, name, connections.reopen_catches_up)
        world = endings.move(world, name, point, connections.reopen_invalidates)
    return world


def with_member(
    world: World, connection: Name, database: Name, name: Name
) -> Iterator[tuple[World, Name]]:
    """The worlds in which a group has got a connection to a database to which it had none, and that
    connection: a new one, or one from the pool.  One that has members of its own brings them along;
    where the group has others for the same databases, it leaves them behind.

    name  that of the connection, if it is a new one
    """
    made = groups.opens_what_is_missing(world, connection, database)
    yield world.put("connections", name, made), name
    asked = world.connections[connection]
    mine = {world.connections[each].database for each in world.group(connection)}
    for pooled, found in world.connections.items():
        if found.is_open.value or not found.is_pooled or found.database != database:
            continue
        if not found.view.shows_as(asked.view):
            continue
        members = world.group(pooled)
        if mine & {world.connections[each].database for each in members}:
            members = [pooled]
        after = reopened(world, pooled, asked.manager, asked.view, members)
        for each in members:
            joined = after.connections[each]._replace(group=asked.group, is_pooled=False)
            after = after.put("connections", each, joined)
        yield after, pooled
