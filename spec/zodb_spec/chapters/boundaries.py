"""Boundaries that are missed: connections that were opened with ``synch=False``."""

from __future__ import annotations

from zodb_spec.clause import MUST, id_of, step
from zodb_spec.editions import Edition
from zodb_spec.world import Fact, Name, World


@step("boundary.missed", MUST, rules="ISO-18", since=Edition.C, until=Edition.C)
def missed(world: World, connection: Name) -> Fact[int]:
    """A connection that was opened with ``synch=False`` is not told of boundaries.  It moves to the
    newest state when it is opened, and at the end of a transaction that it has joined; it misses
    every begin, and the end of a transaction in which nothing of it was changed.
    """
    return world.fact(world.connections[connection].snapshot, id_of(missed))
