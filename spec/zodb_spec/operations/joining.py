"""How a connection comes to take part in a transaction."""

from __future__ import annotations

from zodb_spec.world import Name, World


def join(world: World, connection: Name) -> World:
    """The world in which a connection has joined the current transaction of its manager."""
    name = world.connections[connection].manager
    manager = world.managers[name]
    if connection in manager.joined:
        return world
    return world.put("managers", name, manager._replace(joined=(*manager.joined, connection)))
