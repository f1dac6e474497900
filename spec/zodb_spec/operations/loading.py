"""What keeps an object from being loaded."""

from __future__ import annotations

from typing import NamedTuple

from zodb_spec.chapters import current_reads
from zodb_spec.operation import Outcome, refused
from zodb_spec.operations.joining import join
from zodb_spec.world import ADDED, CHANGED, Name, World


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
    if not connection.view.reads_current or found.status.value in (ADDED, CHANGED):
        return READABLE
    answers = current_reads.conflict(world, thing)
    if True not in answers:
        return READABLE
    noted = world.put("connections", owner[0], connection._replace(conflicts=True))
    return Unreadable(
        [refused(join(noted, owner[0]), current_reads.conflict)], is_sure=False not in answers
    )
