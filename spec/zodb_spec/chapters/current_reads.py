"""Reading what is current: connections that were opened with ``mvcc=False``, or in a version.

Such a connection never reads a revision that is not current any more.  What another transaction
has changed since its own began, it cannot show as it was, and must not show as it is; so it refuses
to read it, and the transaction has to be tried again.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, step
from zodb_spec.editions import Edition
from zodb_spec.world import GHOST, Name, Oid, World

ABORTED = "version.aborted"
"""The clause by which the trunk gets an object back that a version has held."""


@step(
    "current-read.conflict",
    MUST,
    rules="ISO-14 ISO-15 VER-22",
    error="ReadConflictError",
    since=Edition.C,
    until=Edition.C,
)
def conflict(world: World, thing: Name) -> tuple[bool, ...]:
    """A connection that was opened with ``mvcc=False``, or in a version, never reads a revision
    that is not current.  To load an object that another transaction has changed, since this one
    began, fails. What is loaded already, stays; and what a savepoint has stored of the object may
    be loaded, or not.

    The step gives whether loading it fails, and gives both answers where it may be loaded already.
    """
    owner = world.objects[thing].owner.value
    assert owner is not None
    if not world.connections[owner[0]].view.reads_current:
        return (False,)
    if not is_outdated(world, *owner):
        return (False, True) if _is_back(world, *owner) else (False,)
    is_sure = (
        world.objects[thing].status.value == GHOST
        and owner[1] not in world.connections[owner[0]].saved
        and _is_announced(world, *owner)
    )
    return (True,) if is_sure else (False, True)


def is_outdated(world: World, connection: Name, oid: Oid) -> bool:
    """Whether another revision is current now than that which a connection has in its snapshot."""
    found = world.connections[connection]
    database = world.databases[found.database]
    shown = database.revision(oid, found.snapshot, found.view.version)
    newest = database.revision(oid, database.last, found.view.version)
    return shown is not None and newest is not None and shown[0] != newest[0]


def _is_back(world: World, connection: Name, oid: Oid) -> bool:
    """Whether what a connection shows is current, though it may have been told of something else
    meanwhile: its own version has stored it and is over, or any version was given up that held it.
    """
    found = world.connections[connection]
    database = world.databases[found.database]
    if not database.versions:
        return False
    return any(
        fact.value.version == found.view.version or fact.clause == ABORTED
        for each in database.history
        if each.tid > found.snapshot
        for fact in (each.records.get(oid),)
        if fact is not None
    )


def _is_announced(world: World, connection: Name, oid: Oid) -> bool:
    """Whether the connection has to be told of the newest revision.

    Not where a version was given up in which it has no part: the object is what it was.
    """
    found = world.connections[connection]
    database = world.databases[found.database]
    shown = database.revision(oid, found.snapshot, found.view.version)
    newest = database.revision(oid, database.last, found.view.version)
    assert shown is not None
    assert newest is not None
    return newest[1].clause != ABORTED or shown[1].value.version != ""


@step(
    "current-read.commit-refused",
    MUST,
    rules="ISO-16",
    error="ReadConflictError",
    since=Edition.C,
    until=Edition.C,
)
def commit_refused(world: World, connection: Name) -> bool:
    """After a read conflict the commit of the transaction is refused, also where the program has
    swallowed the error: what it has done since may rest on what it could not read.  So the
    connection takes part in the transaction from then on, and can't be closed before that ends.
    The abort clears the memory of it.
    """
    return world.connections[connection].conflicts
