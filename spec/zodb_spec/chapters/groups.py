"""Groups: the connections that a program uses together, one to each database of a collection.

References lead from one database to another, so a connection that loads one needs a connection to
the other database: not any one, but one that belongs to the same transaction.  So connections come
in groups.  The program opens one of them; the others are opened when they are asked for, or when a
reference leads to them, and from then on they are opened and closed together.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, id_of, step
from zodb_spec.editions import Edition
from zodb_spec.world import Connection, Fact, Name, World


@step("collection.joined-by-mapping", MUST, rules="XREF-1")
def joined_by_mapping(world: World, database: Name) -> Name:
    """A database that is opened with the mapping of databases of another one belongs to the
    collection of that one, under its own name.
    """
    return world.databases[database].collection


@step("collection.of-its-own", MUST, rules="XREF-3")
def own_collection(world: World, database: Name) -> Name:
    """A database that is opened without a mapping forms a collection of its own: no other database
    belongs to it, whatever their names are.
    """
    return database


@step("group.one-connection-each", MUST, rules="XREF-5")
def one_connection_each(world: World, connection: Name, database: Name) -> Name | None:
    """A group has one connection to each database: `get_connection` gives the same one every time
    for as long as the group is open, whichever member is asked.
    """
    return world.member(connection, database)


@step("group.opens-what-is-missing", MUST, rules="XREF-5 XREF-8")
def opens_what_is_missing(world: World, connection: Name, database: Name) -> Connection:
    """Where a group has no connection to a database of its collection, `get_connection` opens one.
    It belongs to the group from then on, and works for the transaction manager of the group.  It
    may come from the pool of its database, and bring its own group, if the two share no database.

    What it shows is committed, and nothing of it is older than what the database showed when the
    transaction began.
    """
    asked = world.connections[connection]
    id = id_of(opens_what_is_missing)
    return Connection(
        database,
        asked.manager,
        world.fact(True, id),
        (world.fact(world.databases[database].last, id),),
        group=asked.group,
        is_pooled=False,
        horizon=asked.horizon,
    )


@step(
    "group.close-all-or-nothing",
    MUST,
    rules="CONN-14",
    error="ConnectionStateError",
    since=Edition.B,
)
def close_all_or_nothing(world: World, connection: Name) -> bool:
    """To close a connection is refused if any member of its group has joined an unfinished
    transaction, and then none of them is closed.
    """
    joined = world.managers[world.connections[connection].manager].joined
    return any(name in joined for name in world.group(connection) if name != connection)


@step("group.closes-together", MUST, rules="XREF-9 XREF-11", since=Edition.B)
def closes_together(world: World, connection: Name) -> Fact[bool]:
    """To close one connection of a group closes all of them, whichever it is.

    A member that stayed open would keep its snapshot, and would serve references to a program that
    has given the group back.
    """
    return world.fact(False, id_of(closes_together))


@step("group.closes-alone", MUST, rules="XREF-9 CONN-14", until=Edition.A_PRIME)
def closes_alone(world: World, connection: Name) -> Fact[bool]:
    """To close one connection of a group closes that one, and leaves the others open."""
    return world.fact(False, id_of(closes_alone))


@step("group.reopens-together", MUST, rules="XREF-9 XREF-10", since=Edition.B)
def reopens_together(world: World, connection: Name, manager: Name) -> Connection:
    """A connection that is opened again brings the others of its group with it: they are open, and
    work for the transaction manager under which it was opened.
    """
    fact = world.fact(True, id_of(reopens_together))
    return world.connections[connection]._replace(manager=manager, is_open=fact)
