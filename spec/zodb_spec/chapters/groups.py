"""Groups of connections: one to each database of a collection, for one program.

References lead from one database to another, so a connection that loads one needs a connection to
the other database: not any one, but one that belongs to the same transaction.  So connections come
in groups.  The program opens one of them; the others are opened when they are asked for, or when a
reference leads to them, and from then on they are opened and closed together.
"""

from __future__ import annotations

from zodb_spec.clause import MAY, MUST, example, id_of, step, text
from zodb_spec.editions import CURRENT, Edition
from zodb_spec.world import Connection, Fact, Name, World


@step("group.one-connection-each", MUST, rules="XREF-5", needs="several-databases")
def one_connection_each(world: World, connection: Name, database: Name) -> Name | None:
    """A group has one connection to each database: `get_connection` gives the same one every time
    for as long as the group is open, whichever member is asked.
    """
    return world.member(connection, database)


@step(
    "group.opens-what-is-missing",
    MUST,
    rules="XREF-5 XREF-8",
    since=Edition.A_PRIME,
    needs="several-databases",
    situations="taking-a-group-from-the-pool",
)
def opens_what_is_missing(world: World, connection: Name, database: Name) -> Connection:
    """Where a group has no connection to a database of its collection, `get_connection` opens one.
    It belongs to the group from then on, and works for the transaction manager of the group; in the
    edition of 2005-06-10, for the default one.  It may come from the pool of its database, and
    bring its own group, if the two share no database.

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
        view=asked.view,
    )


@step(
    "group.close-all-or-nothing",
    MUST,
    rules="CONN-14",
    error="ConnectionStateError",
    since=Edition.B,
    needs="several-databases",
    situations="closing-a-group-that-has-joined",
)
def close_all_or_nothing(world: World, connection: Name) -> bool:
    """To close a connection is refused if any member of its group has joined an unfinished
    transaction, and then none of them is closed.
    """
    joined = world.managers[world.connections[connection].manager].joined
    return any(name in joined for name in world.group(connection) if name != connection)


@step(
    "group.closes-together",
    MUST,
    rules="XREF-9 XREF-11",
    since=Edition.B,
    needs="several-databases",
)
def closes_together(world: World, connection: Name) -> Fact[bool]:
    """To close one connection of a group closes all of them, whichever it is.

    A member that stayed open would keep its snapshot, and would serve references to a program that
    has given the group back.
    """
    return world.fact(False, id_of(closes_together))


@example(
    "group.closes-alone",
    MUST,
    rules="XREF-9 XREF-11 CONN-14",
    until=Edition.A_PRIME,
    needs="several-databases",
)
def closes_alone() -> None:
    """To close one connection of a group closes that one, which leaves its group, and the others
    stay open: also if it is the one that was opened first, and if another one has changes.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> other = connection.get_connection("second")
    >>> other.root()["a"] = 1
    >>> connection.close()
    >>> other.root()["a"]
    1
    >>> other.transaction_manager.commit()
    >>> dict(other.root())
    {'a': 1}
    >>> other.get_connection("second") is other
    True
    """


@step(
    "group.reopens-together",
    MUST,
    rules="XREF-9 XREF-10",
    since=Edition.B,
    needs="several-databases",
)
def reopens_together(world: World, connection: Name, manager: Name) -> Connection:
    """A connection that is opened again brings the others of its group with it: they are open, and
    work for the transaction manager under which it was opened.
    """
    fact = world.fact(True, id_of(reopens_together))
    return world.connections[connection]._replace(manager=manager, is_open=fact)


@example("group.one-mapping", MUST, rules="XREF-4", needs="several-databases")
def one_mapping() -> None:
    """`connection.connections` maps the names of databases to the connections of the group. All
    members have the same mapping, so what one of them opens, each of them finds.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> third = open_db(databases=db.databases, database_name="third")
    >>> two = connection.get_connection("second")
    >>> three = two.get_connection("third")
    >>> connection.connections is two.connections is three.connections
    True
    >>> three.connections == {db.database_name: connection, "second": two, "third": three}
    True
    """


@example("group.own-name", MUST, rules="XREF-6", needs="several-databases")
def own_name() -> None:
    """`get_connection` with the name of the connection's own database gives that connection.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> other = connection.get_connection("second")
    >>> connection.get_connection(db.database_name) is connection
    True
    >>> other.get_connection("second") is other
    True
    """


@example("group.unknown-name", MUST, rules="XREF-7", error="KeyError")
def unknown_name() -> None:
    """`get_connection` with a name that no database of the collection has fails, and the group
    stays as it was.

    >>> with raises("KeyError"):
    ...     connection.get_connection("nowhere")
    >>> connection.connections == {db.database_name: connection}
    True
    """


@example(
    "group.same-manager", MUST, rules="XREF-8", since=Edition.A_PRIME, needs="several-databases"
)
def same_manager() -> None:
    """`get_connection` opens a connection under the transaction manager of the one that it is
    asked of, so that one commit stores what was done in all members.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> other = connection.get_connection("second")
    >>> other.transaction_manager is tm
    True
    >>> connection.root()["a"] = other.root()["a"] = 1
    >>> transaction.commit()
    >>> "a" in opened(db).root(), "a" in opened(second).root()
    (False, False)
    >>> tm.commit()
    >>> "a" in opened(db).root(), "a" in opened(second).root()
    (True, True)
    """


@example(
    "group.manager-of-the-thread",
    MUST,
    rules="XREF-5 XREF-8",
    until=Edition.A,
    needs="several-databases",
)
def manager_of_the_thread() -> None:
    """Where a group has no connection to a database of its collection, `get_connection` opens one,
    which belongs to the group from then on. It works for the default manager, that of the calling
    thread, whichever manager the one that is asked works for: so each manager commits its own part.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> other = connection.get_connection("second")
    >>> other.db() is second, other is connection.get_connection("second")
    (True, True)
    >>> other.get_connection(db.database_name) is connection
    True
    >>> connection.root()["a"] = other.root()["a"] = 1
    >>> tm.commit()
    >>> "a" in opened(db).root(), "a" in opened(second).root()
    (True, False)
    >>> transaction.commit()
    >>> "a" in opened(second).root()
    True
    """


@example("group.pooled-with-a-group", MUST, rules="XREF-4 XREF-6", needs="several-databases")
def pooled_with_a_group() -> None:
    """A connection that waits in the pool of its database may have a group of its own, from its
    last use. Whichever connection `get_connection` takes, the group that asks keeps its members
    and has one connection to each database.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> before = second.open(transaction_manager=tm)
    >>> mate = before.get_connection(db.database_name)
    >>> before.close()
    >>> other = connection.get_connection("second")
    >>> connection.connections == {db.database_name: connection, "second": other}
    True
    >>> other.connections is connection.connections
    True
    """


@example(
    "group.pooled-keeps-identity",
    MUST,
    rules="XREF-10 XREF-46",
    since=Edition.B,
    needs="several-databases",
)
def pooled_keeps_identity() -> None:
    """A connection that comes from the pool may have objects in its cache that refer to objects of
    the group it was in. Used in another group, it leads to the objects of this one: to two
    objects for one thing, nobody could make changes that fit together.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> before = second.open(transaction_manager=tm)
    >>> thing = before.get_connection(db.database_name).root()["thing"] = Thing()
    >>> tm.commit()
    >>> before.root()["thing"] = thing
    >>> tm.commit()
    >>> before.close()
    >>> now = connection.get_connection("second")
    >>> now.root()["thing"] is connection.root()["thing"]
    True
    """


@example(
    "group.pooled-is-up-to-date",
    MUST,
    rules="XREF-5 XREF-9 CONN-20",
    since=Edition.B,
    needs="several-databases",
)
def pooled_is_up_to_date() -> None:
    """In whichever way a connection comes back from a pool, alone, into a group or with its group,
    it shows the newest state, also of what it had loaded before.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> writer = opened(second)
    >>> def set_n(n):
    ...     writer.root()["n"] = n
    ...     writer.transaction_manager.commit()
    >>> set_n(1)
    >>> before = second.open(transaction_manager=tm)
    >>> before.root()["n"]
    1
    >>> before.close()
    >>> set_n(2)
    >>> other = connection.get_connection("second")
    >>> other.root()["n"]
    2
    >>> connection.close()
    >>> set_n(3)
    >>> again = db.open(transaction_manager=tm)
    >>> again.get_connection("second").root()["n"]
    3
    """


@example("group.bound-for-life", MUST, rules="XREF-10", since=Edition.B, needs="several-databases")
def bound_for_life() -> None:
    """A connection that was opened by `get_connection` stays with the one that it was opened for,
    also while both are closed. It is not in the pool of its own database: objects in the cache of
    the one refer to objects of the other.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> other = connection.get_connection("second")
    >>> connection.close()
    >>> any(opened(second) is other for _ in range(4))
    False
    """


@example(
    "group.back-to-its-own-pool",
    MUST,
    rules="XREF-10",
    until=Edition.A_PRIME,
    needs="several-databases",
)
def back_to_its_own_pool() -> None:
    """A connection that was opened by `get_connection` goes to the pool of its own database when it
    is closed, as any other does.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> other = connection.get_connection("second")
    >>> other.close()
    >>> second.open(transaction_manager=tm) is other
    True
    """


@example(
    "group.counts-in-its-database",
    MUST,
    rules="XREF-10",
    since=Edition.B,
    needs="several-databases",
)
def counts_in_its_database() -> None:
    """A connection that was opened by `get_connection` counts as one of its own database: what the
    database does with all of its connections, it does with this one as with the others.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> other = connection.get_connection("second")
    >>> thing = other.root()["thing"] = Thing()
    >>> thing.a = 1
    >>> tm.commit()
    >>> same = opened(second).root()["thing"]
    >>> thing.a, same.a
    (1, 1)
    >>> second.cacheMinimize()
    >>> thing._p_changed == same._p_changed
    True
    """


@example(
    "group.closed-from-any-member",
    MAY,
    rules="XREF-11",
    error="ConnectionStateError",
    since=Edition.B,
    needs="several-databases",
)
def closed_from_any_member() -> None:
    """A group may be closed by any of its members, and the one that `close` is called on may go to
    the pool of its own database and take the others with it. The group is closed as a whole in
    any case, and whatever `open` gives after that has a group as it should be.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> other = connection.get_connection("second")
    >>> other.close()
    >>> with raises("ConnectionStateError"):
    ...     connection.root()
    >>> again = second.open(transaction_manager=tm)
    >>> mate = again.get_connection(db.database_name)
    >>> again.connections == {"second": again, db.database_name: mate}
    True
    >>> again = db.open(transaction_manager=tm)
    >>> mate = again.get_connection("second")
    >>> again.connections == {db.database_name: again, "second": mate}
    True
    """


@example(
    "group.explicit-manager",
    MUST,
    rules="CONN-46 XREF-8",
    error="NoTransaction",
    since=CURRENT,
    needs="several-databases",
)
def explicit_manager() -> None:
    """A group can work under an explicit transaction manager. `get_connection` does not begin a
    transaction, in no member a change is accepted outside of one, and a member that joins the
    group in the middle of a transaction takes part in it.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> third = open_db(databases=db.databases, database_name="third")
    >>> explicit = transaction.TransactionManager(explicit=True)
    >>> one = db.open(transaction_manager=explicit)
    >>> two = one.get_connection("second")
    >>> with raises("NoTransaction"):
    ...     explicit.get()
    >>> with raises("NoTransaction"):
    ...     two.add(Thing())
    >>> txn = explicit.begin()
    >>> one.root()["a"] = two.root()["a"] = 1
    >>> three = one.get_connection("third")
    >>> three.root()["a"] = 1
    >>> explicit.commit()
    >>> [opened(database).root()["a"] for database in (db, second, third)]
    [1, 1, 1]
    >>> one.close()
    """


@text("group.one-thread", MUST, rules="CONN-49", binds="caller")
def one_thread() -> None:
    """The connections of a group, and the objects that came from them, are for one thread at a
    time. A program that lets two threads use them at once has to see to it by locks of its own
    that they take turns, over the whole group and not for each connection, since reading an
    object of one may load objects of another.
    """


@example(
    "group.other-thread",
    MUST,
    rules="CONN-37 XREF-8",
    since=Edition.A_PRIME,
    needs="several-databases",
)
def other_thread() -> None:
    """A group belongs to the transaction manager that it was opened under, whichever thread works
    with it. Where another thread, while the owner waits, changes objects of the group, the change
    belongs to the owner's transaction: the other thread's own commit does not store it, and the
    owner's does.

    >>> from concurrent.futures import ThreadPoolExecutor
    >>> second = open_db(databases=db.databases, database_name="second")
    >>> mine = db.open()
    >>> def work():
    ...     mine.root()["a"] = mine.get_connection("second").root()["a"] = 1
    ...     transaction.commit()
    >>> with ThreadPoolExecutor(1) as thread:
    ...     thread.submit(work).result()
    >>> "a" in opened(db).root(), "a" in opened(second).root()
    (False, False)
    >>> transaction.commit()
    >>> "a" in opened(db).root(), "a" in opened(second).root()
    (True, True)
    """
