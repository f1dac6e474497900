"""How far an exploration goes among databases and connections."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from zodb_spec.clause import Part
from zodb_spec.explore.canonical import canonical
from zodb_spec.explore.exploring import Limits
from zodb_spec.world import ADDED, ROOT, UNSAVED, World


@dataclass(frozen=True)
class Bounds(Limits):
    """The bounds of worlds with connections, beside those of all worlds.

    objects       how many objects there may be beside the root: stored, or in the program's hands
    connections   how many connections there may be, open or closed
    savepoints    how many savepoints there may be to which one can return
    transactions  how many transactions a database may have, or None
    """

    objects: int = 1
    connections: int = 2
    savepoints: int = 2
    transactions: int | None = None
    part: ClassVar[Part] = "connection"

    @cached_property
    def brings_back(self) -> bool:
        """Whether revisions that nobody shows any more may come back."""
        return any(operation.needs == "undo" for operation in self.table())

    def allow(self, world: World) -> bool:
        """Whether a world is within the bounds."""
        stored = sum(
            len([oid for oid in database.oids() if oid != ROOT])
            for database in world.databases.values()
        )
        new = sum(thing.status.value in (UNSAVED, ADDED) for thing in world.objects.values())
        new += sum(len(found.created) for found in world.connections.values())
        savepoints = sum(found.valid.value for found in world.savepoints.values())
        lengths = [len(database.history) for database in world.databases.values()]
        return (
            stored + new <= self.objects
            and len(world.connections) <= self.connections
            and savepoints <= self.savepoints
            and (self.transactions is None or max(lengths) <= self.transactions)
        )

    def form(self, world: World) -> bytes:
        """Its canonical form."""
        return canonical(world, lengths=self.transactions is not None, pasts=self.brings_back)
