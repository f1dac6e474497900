"""References across databases.

An object of one database can refer to an object of another one of the same collection as if there
were no border.  What the reference leads to is found through the group of the connection that holds
the reference, so that a program sees both databases in one transaction, and every object once.

What is refused here is refused because it could not be honoured later: an object of another group
belongs to somebody else's transaction, and a database outside of the collection has no name by
which it could be found again.
"""

from __future__ import annotations

from zodb_spec.chapters.reach import foreign
from zodb_spec.clause import MUST, id_of, step
from zodb_spec.editions import Edition
from zodb_spec.work import Work
from zodb_spec.world import Fact, InMemory, Name, Oid, Stored, World


def is_together(world: World, connection: Name, other: Name) -> bool:
    """Whether the databases of two connections are different ones of one collection."""
    one, two = world.connections[connection].database, world.connections[other].database
    return one != two and world.databases[one].collection == world.databases[two].collection


@step(
    "xref.other-group-refused",
    MUST,
    rules="XREF-12",
    error="InvalidObjectReference",
    since=Edition.A_PRIME,
    needs="several-databases",
)
def other_group_refused(world: World, work: Work) -> bool:
    """A reference to an object of a connection that was opened separately is refused at the commit,
    or at a savepoint, even if its database belongs to the same collection and it works for the same
    transaction manager.

    The two see the databases through snapshots that have nothing to do with each other; the object
    has to be loaded through the group of the one that refers to it.
    """
    group = world.connections[work.connection].group
    return any(
        is_together(world, work.connection, other) and world.connections[other].group != group
        for _, (other, _) in foreign(world, work)
    )


@step(
    "xref.separate-accepted",
    MUST,
    rules="XREF-12 XREF-13 XREF-18",
    until=Edition.A,
    needs="several-databases",
)
def separate_accepted(world: World, connection: Name, other: Name) -> None:
    """An object may refer to an object of any connection to any database of its collection, however
    the two were opened, and for whichever transaction manager they work.
    """


@step(
    "xref.outside-refused",
    MUST,
    rules="XREF-16",
    error="InvalidObjectReference",
    needs="several-databases",
)
def outside_refused(world: World, work: Work) -> bool:
    """A reference to an object of a database that does not belong to the collection is refused at
    the commit, or at a savepoint, and nothing is stored.

    No name leads from here to there: whoever reads the reference could not find the object.
    """
    return any(
        world.connections[other].database != world.connections[work.connection].database
        and not is_together(world, work.connection, other)
        for _, (other, _) in foreign(world, work)
    )


@step("xref.accepted", MUST, rules="XREF-14 XREF-15 XREF-19", needs="several-databases")
def accepted(world: World, reference: InMemory, oid: Oid, database: Name) -> Stored:
    """An object may refer to an object of another database of its collection.  The reference is
    stored as one across databases, by the name of the database and the oid, and leads to that very
    object when it is read again.
    """
    return Stored(oid, reference.weak, reference.inside, database)


@step("xref.leads-to-the-group", MUST, rules="XREF-15 XREF-46", needs="several-databases")
def leads_to_the_group(world: World, connection: Name, database: Name) -> Name | None:
    """A reference across databases gives the object that is owned by the connection of the group to
    that database, which is opened where there is none yet.  So whatever leads to an object inside a
    group, from whichever database, leads to the identical one.

    In the edition of 2005-06-10 that holds of what is loaded; as long as the object that refers
    stays in memory, it may refer to one of another group.
    """
    return world.member(connection, database)


@step("xref.changes-go-home", MUST, rules="XREF-45", needs="several-databases")
def changes_go_home(world: World, work: Work) -> Fact[Name]:
    """What changed is stored in the database that the object belongs to, in the same transaction,
    whichever way the program came to the object.
    """
    return world.fact(world.connections[work.connection].database, id_of(changes_go_home))
