"""Faults in how connections and transaction managers keep in step."""

from __future__ import annotations

from typing import Any

from zodb_reference.connections import Connection
from zodb_reference.oids import p64, u64
from zodb_reference.participant import Participant
from zodb_reference.snapshot import SharedSnapshot

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, instead, together

OF_2006 = "2006-08-16"


@double("boundary.reaches-every-connection", also="boundary.sync-is-for-all")
def boundaries_reach_the_connection_that_was_opened_last() -> Fault:
    """Of the connections of one manager, the one that was opened last is told of the transactions.

    A program that keeps two of them for two purposes works on an old state with one.
    """

    def open_(correct: Any, connection: Connection, manager: Any = None, **options: Any) -> None:
        correct(connection, manager, **options)
        vars(connection.transaction_manager)["last"] = connection

    def told(correct: Any, connection: Connection, txn: Any) -> None:
        if vars(connection.transaction_manager).get("last", connection) is connection:
            correct(connection, txn)

    return together(
        around(Connection, "open", open_),
        around(Connection, "newTransaction", told),
        around(Connection, "afterCompletion", told),
    )


@double("boundary.explicit-begin")
def an_explicit_manager_begins_but_once() -> Fault:
    """With a manager in explicit mode, a connection moves where the first transaction begins, and
    stays there.

    A server that uses this mode shows what there was when it was started.
    """

    def pass_boundary(correct: Any, connection: Connection) -> None:
        if not (connection._explicit and vars(connection).get("moved") is connection.opened):
            correct(connection)
        vars(connection)["moved"] = connection.opened

    return around(Connection, "_pass_boundary", pass_boundary)


@double("boundary.opened-inside")
def a_late_connection_shows_what_there_was_at_the_beginning() -> Fault:
    """A connection that is opened while its manager has a transaction in progress shows the state
    as of the beginning of that.

    What the program was told to look for, by a message from another program perhaps, is not there.
    """

    def new_transaction(correct: Any, connection: Connection, txn: Any) -> None:
        correct(connection, txn)
        snapshot: Any = connection._snapshot
        if connection._is_opening:
            snapshot._point = vars(txn).get("begun_at", snapshot._point)
            snapshot._before = p64(u64(snapshot._point) + 1)
        else:
            vars(txn)["begun_at"] = snapshot._point

    return around(Connection, "newTransaction", new_transaction)


@double("boundary.opened-inside-is-told", also="boundary.opening-inside-does-not-sync")
def a_late_connection_waits_for_the_next_beginning() -> Fault:
    """A connection that is opened while its manager has a transaction in progress is not told of
    the end of that.

    Its changes of the next transaction, if the program does not begin it explicitly, are made from
    an old state, and fail.
    """

    def new_transaction(correct: Any, connection: Connection, txn: Any) -> None:
        correct(connection, txn)
        vars(connection)["since"] = txn if connection._is_opening else None

    def after_completion(correct: Any, connection: Connection, txn: Any) -> None:
        if vars(connection).get("since") is not txn or connection.joined:
            correct(connection, txn)

    return together(
        around(Connection, "newTransaction", new_transaction),
        around(Connection, "afterCompletion", after_completion),
    )


@double("boundary.closing-leaves-the-manager")
def a_closed_connection_stays_with_its_manager() -> Fault:
    """A connection that is closed stays registered with its manager, beside any later one.

    In the pool of a server, each connection ends up following the transactions of all threads.
    """
    return instead(Connection, "_unfollow", lambda connection, manager: None)


@double("boundary.cleared-manager")
def a_cleared_manager_keeps_connections_open() -> Fault:
    """A connection cannot be closed when its manager does not know it any more.

    A test that clears the managers leaves connections behind that nobody can get rid of.
    """
    return instead(
        Connection, "_unfollow", lambda connection, manager: manager.unregisterSynch(connection)
    )


@double("boundary.sync-is-for-all", also="boundary.begin-syncs-the-storage")
def sync_is_for_one_connection() -> Fault:
    """`sync` drops the changes of the connection that is asked, and moves that one.

    Beside it, another connection of the same transaction goes on with what should be gone.
    """

    def sync(correct: Any, connection: Connection) -> None:
        connection.abort(connection.joined)
        connection._pass_boundary()

    return around(Connection, "sync", sync)


@double("boundary.begin-syncs-the-storage", also="boundary.opening-inside-syncs")
def the_storage_is_never_asked_to_sync() -> Fault:
    """The storage is not asked to catch up with what it may learn from elsewhere.

    Over a server, a transaction that is begun does not show what others have just committed.
    """
    return instead(SharedSnapshot, "sync", lambda snapshot: None)


@double("boundary.begin-syncs-the-storage")
def the_storage_is_asked_at_the_end_too() -> Fault:
    """The storage is asked to catch up when a transaction has ended, and when the next one begins.

    Over a server, each transaction waits twice.
    """

    def after_completion(correct: Any, participant: Participant, txn: Any) -> None:
        participant._snapshot.sync()
        correct(participant, txn)

    return around(Participant, "afterCompletion", after_completion)


@double(
    "boundary.every-one-syncs-the-storage",
    also="boundary.opening-inside-does-not-sync",
    edition=OF_2006,
)
def the_storage_is_asked_where_a_transaction_begins() -> Fault:
    """The storage is asked to catch up where a transaction begins, and not where one ends.

    A program of that time does not say where one begins: it ends the last, and shows an old state.
    """
    ending: list[Any] = []

    def after_completion(correct: Any, participant: Participant, txn: Any) -> None:
        ending.append(txn)
        try:
            correct(participant, txn)
        finally:
            ending.pop()

    def sync(correct: Any, snapshot: Any) -> None:
        if not ending:
            correct(snapshot)

    return together(
        around(Participant, "afterCompletion", after_completion),
        around(SharedSnapshot, "sync", sync),
    )


@double("boundary.opening-inside-syncs")
def an_opening_never_asks_the_storage() -> Fault:
    """A connection that is opened while its manager has a transaction in progress does not have the
    storage catch up.

    A program that begins its transactions before it opens connections never sees the newest state.
    """

    def new_transaction(correct: Any, participant: Participant, txn: Any) -> None:
        if participant._is_opening:
            participant._pass_boundary()
        else:
            correct(participant, txn)

    return around(Participant, "newTransaction", new_transaction)


@double("boundary.opening-inside-does-not-sync", edition=OF_2006)
def an_opening_asks_the_storage() -> Fault:
    """A connection that is opened while its manager has a transaction in progress has the storage
    catch up.

    In that edition, programs that open a connection for each page they show wait for nothing.
    """

    def new_transaction(correct: Any, participant: Participant, txn: Any) -> None:
        if participant._is_opening:
            participant._snapshot.sync()
        correct(participant, txn)

    return around(Participant, "newTransaction", new_transaction)
