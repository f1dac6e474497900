"""What keeps an object from being loaded."""

from __future__ import annotations

from typing import NamedTuple

from zodb_spec.chapters import cache_invalidation, current_reads
from zodb_spec.operation import Outcome, refused
from zodb_spec.operations.joining import join
from zodb_spec.world import ADDED, CHANGED, GHOST, Name, Oid, World


class Unreadable(NamedTuple):
    """The outcomes in which an object cannot be loaded, and whether there are no others."""

    outcomes: list[Outcome]
    is_sure: bool


READABLE = Unreadable([], is_sure=False)


def read_conflicts(world: World, thing: Name) -> Unreadable:
    """What becomes of an operation that needs the state of an owned object, where its connection
    may not read it.
    """
    found = world.objects[thing]
    owner = found.owner.value
    assert owner is not None
    connection = world.connections[owner[0]]
    if found.status.value in (ADDED, CHANGED):
        return READABLE
    if connection.invalid:
        is_sure = found.status.value == GHOST and owner[1] not in connection.saved
        return Unreadable([_not_loaded(world, owner[0])], is_sure=is_sure)
    if not connection.view.reads_current:
        return READABLE
    answers = current_reads.conflict(world, thing)
    if True not in answers:
        return READABLE
    return Unreadable(
        [refused(_noted(world, owner[0]), current_reads.conflict)], is_sure=False not in answers
    )


def unfindable(world: World, connection: Name, oid: Oid) -> list[Outcome]:
    """The outcomes in which an object cannot be found, because its class would have to be read
    from its record.
    """
    if not world.connections[connection].invalid or world.held(connection, oid) is not None:
        return []
    return [_not_loaded(world, connection)]


def _not_loaded(world: World, connection: Name) -> Outcome:
    """The outcome in which a connection loads nothing, because its cache was declared invalid."""
    clause = cache_invalidation.invalidated_refuses_reads
    assert clause(world, connection)
    reads_current = world.connections[connection].view.reads_current
    return refused(_noted(world, connection) if reads_current else world, clause)


def _noted(world: World, connection: Name) -> World:
    """The world in which a connection that reads what is current could not do so."""
    found = world.connections[connection]._replace(conflicts=True)
    return join(world.put("connections", connection, found), connection)
