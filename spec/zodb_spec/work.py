"""The work of a commit, or of a savepoint: what one connection has to store."""

from __future__ import annotations

from typing import NamedTuple

from zodb_spec.world import Name, Oid, World


class Work(NamedTuple):
    """What a commit or a savepoint of one connection has to store: each object with the clause for
    which it is stored, in an order in which an implementation might store them.

    saved  the oids of what the savepoints of the transaction have stored, and nobody has changed
           since
    """

    connection: Name
    stores: dict[Name, str]
    saved: tuple[Oid, ...] = ()

    def new(self, world: World) -> list[Name]:
        """Those that have no oid yet."""
        return [name for name in self.stores if world.objects[name].owner.value is None]

    def __bool__(self) -> bool:
        """Whether there is anything to store."""
        return bool(self.stores or self.saved)
