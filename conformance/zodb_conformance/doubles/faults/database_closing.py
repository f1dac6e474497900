"""Faults in the end of a database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from zodb_reference.connections import Connection
from zodb_reference.db import DB, connection
from zodb_reference.db_of_2005 import DBOf2005
from zodb_reference.groups import Group

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, instead


@double(
    "database.closing-ends-transactions",
    also="database.closing-frees-managers database.closes-its-storage",
)
def the_others_are_not_told() -> Fault:
    """To close a database aborts the changes of its connections, and not their transactions.

    What another data manager has done in the same transaction is committed without them.
    """

    def abort(group: Group, members: list[Any]) -> None:
        for each in members:
            if each.joined is not None:
                each.abort(each.joined)

    return instead(Group, "_abort", abort)


@double("database.closing-frees-managers")
def who_was_there_can_not_go_on() -> Fault:
    """To close a database dooms the transactions that its managers begin next.

    A program that has several databases can't commit to any.
    """

    def abort(correct: Any, group: Group, members: list[Any]) -> None:
        correct(group, members)
        members[0].transaction_manager.get().doom()

    return around(Group, "_abort", abort)


@double("database.closing-spares-nobody")
def the_past_stays_open() -> Fault:
    """Historical connections stay open when the database is closed.

    They work, or fail anywhere, as the storage likes.
    """

    def shut_down(correct: Any, database: DB, connection: Connection) -> None:
        if connection.before is None:
            correct(database, connection)

    return around(DB, "_shut_down", shut_down)


@double("database.closes-its-storage")
def the_storage_is_closed_first() -> Fault:
    """The storage is closed before the connections are.

    What they still have to say to it fails.
    """

    def close(correct: Any, database: DB) -> None:
        if database.is_open():
            database.storage.close()
        correct(database)

    return around(DB, "close", close)


@double("database.closed-twice")
def each_close_aborts() -> Fault:
    """To close a database again aborts what its managers do by then.

    Work with other databases is lost.
    """

    def close(correct: Any, database: DB) -> None:
        managers = vars(database).setdefault("managers", [])
        for manager in managers:
            manager.abort()
        everyone = database._pool.everyone()
        managers += [each.transaction_manager for each in everyone if each.opened is not None]
        correct(database)

    return around(DB, "close", close)


@double(
    "database.closed-opens-nothing",
    also="database.closed-says-so database.closes-with-its-connection"
    " database.closes-with-its-connection-refused database.connection-function",
)
def a_closed_database_opens_connections() -> Fault:
    """A database that was closed opens connections as before.

    The program works with a file that somebody else may have opened by now.
    """

    def close(correct: Any, database: DB) -> None:
        correct(database)
        database.require_open = lambda: None  # type: ignore[method-assign]

    return around(DB, "close", close)


@double("database.closed-says-so")
def to_open_what_is_closed_is_an_accident() -> Fault:
    """To open a connection to a closed database fails by an error that nobody meant.

    The person who gets it looks for a fault in the library.
    """

    def require() -> None:
        raise AttributeError("'DB' object has no attribute '_storage'")

    def close(correct: Any, database: DB) -> None:
        correct(database)
        database.require_open = require  # type: ignore[method-assign]

    return around(DB, "close", close)


@double(
    "database.closing-leaves-connections",
    also="collection.closed-keeps-its-name database.commit-after-closing",
    edition="2006-08-16",
)
def connections_end_with_their_database() -> Fault:
    """To close a database closes its connections, and takes it out of its collection.

    A program that still reads what it has loaded breaks down.
    """
    return instead(DBOf2005, "close", DB.close)


@double("database.commit-after-closing", edition="2006-08-16")
def nothing_is_stored_and_nobody_told() -> Fault:
    """A commit over a closed storage returns, and has stored nothing.

    The program goes on as if all were well.
    """

    def pretend(connection: Connection, transaction: Any) -> None:
        for obj in connection._registered:
            obj._p_changed = False

    def close(correct: Any, database: DBOf2005) -> None:
        correct(database)
        for each in database._pool.everyone():
            phases = "tpc_begin", "commit", "tpc_vote", "tpc_finish"
            vars(each).update(dict.fromkeys(phases, partial(pretend, each)))

    return around(DBOf2005, "close", close)


@double("collection.closed-keeps-its-name", edition="2006-08-16")
def a_name_is_free_again() -> Fault:
    """A database that was closed leaves its collection.

    A program that looks there for its databases does not find it.
    """

    def close(correct: Any, database: DBOf2005) -> None:
        correct(database)
        database.databases.pop(database.database_name, None)

    return around(DBOf2005, "close", close)


@double("database.connection-function")
def the_function_leaves_the_database_open() -> Fault:
    """The function `connection` gives a connection like any other.

    The files of the database stay open, and nobody has it to close it.
    """

    def connect(*arguments: Any, **options: Any) -> Any:
        return DB(*arguments, **options).open()

    @contextmanager
    def planted() -> Iterator[None]:
        correct = connection.__code__
        connection.__code__ = connect.__code__
        try:
            yield
        finally:
            connection.__code__ = correct

    return planted()
