"""Versions: changes that are kept apart.

A version is a named set of changes that are committed and not yet part of the trunk, which is what
everybody else sees.  A connection belongs to one version, or to the trunk, for life.  It sees the
version's changes, and the trunk where there are none; what it stores goes into the version.  An
object that a version has changed is locked: nobody can change it elsewhere before the version is
committed, to the trunk or into another version, or is given up, that is aborted.

The rule behind all others: of each object the newest record wins, inside its version.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, id_of, step
from zodb_spec.editions import Edition
from zodb_spec.work import Work
from zodb_spec.world import (
    Connection,
    Fact,
    Name,
    Oid,
    Record,
    View,
    World,
)


@step(
    "version.unsupported",
    MUST,
    rules="VER-27",
    error="ValueError",
    since=Edition.C,
    until=Edition.C,
)
def unsupported(world: World, database: Name) -> bool:
    """Over a storage that has no versions a connection can't be opened in one."""
    return not world.databases[database].versions


@step("version.belongs", MUST, rules="VER-2", since=Edition.C, until=Edition.C, needs="versions")
def belongs(world: World, opened: Connection, view: View) -> Connection:
    """A connection belongs to the version in which it was opened, or to the trunk, for life."""
    return opened._replace(view=view)


@step(
    "version.sees-own",
    MUST,
    rules="VER-4 VER-5 VER-31",
    binds="storage",
    since=Edition.C,
    until=Edition.C,
    needs="versions",
)
def sees_own(world: World, version: str, record: Record) -> Record:
    """What a connection in a version commits goes into that version: connections in it show the
    object so.  Those in other versions and in the trunk go on showing what the trunk has.
    """
    return record._replace(version=version)


@step(
    "version.hidden",
    MUST,
    rules="VER-6",
    binds="storage",
    error="KeyError",
    since=Edition.C,
    until=Edition.C,
    needs="versions",
)
def hidden(world: World, connection: Name, oid: Oid) -> bool:
    """An object that was created in a version does not exist elsewhere before the version is
    committed, nor anywhere once it is given up: `get` fails as for an oid that nobody has.
    """
    found = world.connections[connection]
    database = world.databases[found.database]
    return all(
        shown is None or shown[1].value.state is None
        for at in (found.snapshot, database.last)
        for shown in (database.revision(oid, at, found.view.version),)
    ) and any(oid in each.records for each in database.history if each.tid <= found.snapshot)


@step(
    "version.locks",
    MUST,
    rules="VER-8 VER-9",
    binds="storage",
    error="VersionLockError",
    since=Edition.C,
    until=Edition.C,
    needs="versions",
)
def locks(world: World, work: Work) -> bool:
    """An object that a version has changed is locked until the version is committed or given up: a
    commit that would store it in another version, or in the trunk, is refused.  The storage does
    not ask before whether there is a conflict as well; only the connection may know of one that it
    was told of.
    """
    database = world.database_of(work.connection)
    own = {"", world.connections[work.connection].view.version}
    return any(database.holder(oid) not in own for oid in oids_of(world, work))


def oids_of(world: World, work: Work) -> list[Oid]:
    """The oids of what a connection stores, where they are known before."""
    owners = (world.objects[thing].owner.value for thing in work.stores)
    return [*(owner[1] for owner in owners if owner is not None), *work.saved]


@step(
    "version.joins",
    MUST,
    rules="VER-18",
    since=Edition.C,
    until=Edition.C,
    needs="versions",
)
def joins(world: World, manager: Name) -> None:
    """`commitVersion` and `abortVersion` join the transaction that they are given. Until it is
    committed nothing happens, and where it is aborted nothing ever does.
    """


@step(
    "version.committed",
    MUST,
    rules="VER-14 VER-16 VER-18",
    binds="storage",
    since=Edition.C,
    until=Edition.C,
    needs="versions",
)
def committed(world: World, found: Fact[Record], base: int, destination: str) -> Fact[Record]:
    """`commitVersion` takes effect when its transaction is committed: every object that the version
    holds gets a new revision in the trunk, or in the version that is the destination, with what the
    version had.  There is no conflict, which the locks have prevented.
    """
    record = found.value._replace(base=base, version=destination)
    return world.fact(record, id_of(committed))


@step(
    "version.aborted",
    MUST,
    rules="VER-17 VER-18 VER-21",
    binds="storage",
    since=Edition.C,
    until=Edition.C,
    needs="versions",
)
def aborted(
    world: World, found: Fact[Record], base: int, trunk: Fact[Record] | None
) -> Fact[Record]:
    """`abortVersion` takes effect when its transaction is committed: every object that the version
    holds shows again what the trunk had, everywhere, and can be changed there; an object that was
    created in the version does not exist any more.
    """
    state = None if trunk is None else trunk.value.state
    return world.fact(Record(found.value.kind, state, base), id_of(aborted))
