"""New objects, and the database that they come to belong to.

A new object belongs to no database.  It comes to belong to the one from which it is reached when
objects are stored; that is what a program means nearly always, and it need not say it.  Where a new
object can be reached from two databases, what the program means can't be known, and an object that
was stored in the wrong one can't be moved.  So it is refused, and never guessed; the program says
what it means by adding the object to one of the connections, or by committing before it makes the
second link.
"""

from __future__ import annotations

from collections.abc import Sequence

from zodb_spec.chapters.cross_references import is_together
from zodb_spec.chapters.reach import foreign
from zodb_spec.clause import MUST, example, id_of, step
from zodb_spec.editions import CURRENT, Edition
from zodb_spec.work import Work
from zodb_spec.world import ADDED, Fact, Name, Oid, World


@step("new-object.lands-with-referrer", MUST, rules="XREF-30", needs="several-databases")
def lands_with_referrer(world: World, work: Work, oid: Oid) -> Fact[tuple[Name, Oid]]:
    """A new object that can be reached from one database alone comes to belong to that one: to the
    connection that stores the object through which it is reached.
    """
    return world.fact((work.connection, oid), id_of(lands_with_referrer))


@step(
    "new-object.ambiguous-refused",
    MUST,
    rules="XREF-20 XREF-22 XREF-29",
    error="InvalidObjectReference",
    since=Edition.A_PRIME,
    needs="several-databases",
)
def ambiguous_refused(world: World, works: Sequence[Work]) -> bool:
    """A commit, or a savepoint, is refused if it would store objects of two databases that both
    reach one new object, and the program has not added it to either.

    It makes no difference which of the two is stored first.
    """
    return shared(world, works)


def shared(world: World, works: Sequence[Work]) -> bool:
    """Whether several of the works would store one new object."""
    seen: set[Name] = set()
    for work in works:
        new = set(work.new(world))
        if seen & new:
            return True
        seen |= new
    return False


@example(
    "new-object.first-to-store-has-it",
    MUST,
    rules="XREF-20",
    until=Edition.A,
    needs="several-databases",
)
def first_to_store_has_it() -> None:
    """A new object that two databases reach is accepted, and lands in the one that is stored first.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> other = second.open(transaction_manager=tm)
    >>> thing = connection.root()["thing"] = other.root()["thing"] = Thing()
    >>> tm.commit()
    >>> thing._p_jar is min(connection, other, key=lambda member: member.sortKey())
    True
    >>> home = thing._p_jar.db()
    >>> [opened(database).root()["thing"]._p_jar.db() is home for database in (db, second)]
    [True, True]
    """


@step(
    "new-object.stays-ambiguous",
    MUST,
    rules="XREF-21 XREF-25 XREF-26 SAVE-32",
    error="InvalidObjectReference",
    since=Edition.B,
    needs="several-databases",
)
def stays_ambiguous(world: World, work: Work) -> bool:
    """An object counts as new to the end of the transaction in which it was first stored.  Once a
    savepoint has stored it with one database without its having been added, a reference from
    another database is refused for the rest of the transaction, also if it was added or unlinked
    later.  To return to a savepoint before that erases it.

    A savepoint is no commitment: which database the object ends up in is not settled before the
    commit, and the program would otherwise depend on an accident of the order in which it worked.
    """
    return any(
        world.connections[other].created.get(oid, False)
        for _, (other, oid) in foreign(world, work)
        if is_together(world, work.connection, other)
    )


@step(
    "new-object.savepoint-decides",
    MUST,
    rules="XREF-21 XREF-25 XREF-26 SAVE-32",
    since=Edition.A_PRIME,
    until=Edition.A_PRIME,
    needs="several-databases",
)
def savepoint_decides(world: World, connection: Name, thing: Name) -> None:
    """A savepoint that stores a new object settles which database it belongs to: from then on
    objects of the others may refer to it.
    """


@step(
    "new-object.add-decides",
    MUST,
    rules="XREF-23 XREF-24",
    since=Edition.B,
    needs="several-databases",
)
def add_decides(world: World, thing: Name) -> None:
    """An object that the program has added to one connection may be referred to from every database
    of the collection in the same transaction.  That lasts over savepoints and later changes, and
    holds for this object only: what is reached from it and was not added is ambiguous as before.
    """


def was_added(world: World, thing: Name) -> bool:
    """Whether an object was added in the running transaction."""
    found = world.objects[thing]
    if found.status.value == ADDED:
        return True
    assert found.owner.value is not None
    connection, oid = found.owner.value
    return world.connections[connection].created.get(oid) is False


@example(
    "new-object.add-decides-nothing",
    MUST,
    rules="XREF-23",
    error="InvalidObjectReference",
    since=Edition.A_PRIME,
    until=Edition.A_PRIME,
    needs="several-databases",
)
def add_decides_nothing() -> None:
    """An object that the program has added is new like any other once it is stored: if the database
    to which it was added is stored first, a reference from another one is refused.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> other = connection.get_connection("second")
    >>> thing = connection.root()["thing"] = other.root()["thing"] = Thing()
    >>> min(connection, other, key=lambda member: member.sortKey()).add(thing)
    >>> with raises("InvalidObjectReference"):
    ...     tm.commit()
    """


@example(
    "new-object.add-decides-for-one",
    MUST,
    rules="XREF-23 XREF-20",
    error="InvalidObjectReference",
    since=Edition.B,
    needs="several-databases",
)
def add_decides_for_one() -> None:
    """To add an object says nothing of the new objects that are reached from it: where these can be
    reached from another database as well, they are ambiguous until they are added, too.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> other = connection.get_connection("second")
    >>> def link():
    ...     thing = connection.root()["thing"] = other.root()["thing"] = Thing()
    ...     thing.part = other.root()["part"] = Thing()
    ...     connection.add(thing)
    ...     return thing.part
    >>> part = link()
    >>> with raises("InvalidObjectReference"):
    ...     tm.commit()
    >>> tm.abort()
    >>> connection.add(link())
    >>> tm.commit()
    >>> seen = opened(second).root()
    >>> seen["part"] is seen["thing"].part, seen["part"]._p_jar.db() is db
    (True, True)
    """


@example(
    "new-object.rollback-erases-the-guess",
    MUST,
    rules="SAVE-32 SAVE-14",
    since=CURRENT,
    needs="several-databases",
)
def rollback_erases_the_guess() -> None:
    """An object that a savepoint has stored with one database, and that a rollback to an earlier
    one has disowned, is as new as it was before: it may be stored with another database in the same
    transaction.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> other = connection.get_connection("second")
    >>> connection.root()["a"] = other.root()["a"] = 1
    >>> before = tm.savepoint()
    >>> thing = connection.root()["thing"] = Thing()
    >>> savepoint = tm.savepoint()
    >>> before.rollback()
    >>> other.root()["thing"] = thing
    >>> tm.commit()
    >>> thing._p_jar is other, "thing" in connection.root()
    (True, False)
    """


@step(
    "new-object.commit-decides",
    MUST,
    rules="XREF-27 XREF-31",
    since=Edition.A_PRIME,
    needs="several-databases",
)
def commit_decides(world: World, connection: Name, oid: Oid) -> None:
    """An object that was stored by a commit belongs to its database, and may be referred to from
    every other one in the next transaction.  It does not move, whatever refers to it later.
    """
