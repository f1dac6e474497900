"""The work of a commit: what one connection has to store."""

from __future__ import annotations

from typing import NamedTuple

from zodb_spec.world import Name, World


class Work(NamedTuple):
    """What a commit of one connection has to store: each object with the clause for which it is
    stored, in an order in which an implementation might store them.
    """

    connection: Name
    stores: dict[Name, str]

    def new(self, world: World) -> list[Name]:
        """Those that have no oid yet."""
        return [name for name in self.stores if world.objects[name].owner.value is None]
