"""Faults in opening and closing: what a connection brings along from the one who had it before."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from transaction.interfaces import TransactionFailedError
from zodb_reference.connections import Connection
from zodb_reference.errors import ConnectionStateError

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, together


@double("connection.open-is-bound")
def a_pooled_connection_stays_with_its_manager() -> Fault:
    """A connection that is opened for a third time works for the manager that it was opened under
    before.

    The commit of the program that has it now stores nothing, and the commit of another one stores
    half of what this one is doing.
    """

    def open_(correct: Any, connection: Connection, manager: Any = None) -> None:
        known = vars(connection).setdefault("managers", [])
        known.append(manager)
        correct(connection, known[-2] if len(known) > 2 else manager)

    return around(Connection, "open", open_)


@double("connection.reopen-catches-up", also="connection.reopen-invalidates")
def a_pooled_connection_shows_its_old_snapshot() -> Fault:
    """A connection that is opened again shows the state that it showed when it was closed.

    A web server answers with old pages, depending on which connection it happens to get.
    """

    def open_(correct: Any, connection: Connection, manager: Any = None) -> None:
        connection_is_new = "used" not in vars(connection)
        vars(connection)["used"] = True
        if connection_is_new:
            correct(connection, manager)
        else:
            with around(Connection, "_pass_boundary", lambda *_: None):
                correct(connection, manager)

    return around(Connection, "open", open_)


@double("connection.reopen-invalidates")
def a_closed_connection_hears_of_no_commit() -> Fault:
    """A connection that is opened again has the newest snapshot, and old objects in its cache: it
    has missed what was committed while it was closed.

    Objects that were in memory are old, others are new; the program works on a mixture that never
    was.
    """

    def open_(correct: Any, connection: Connection, manager: Any = None) -> None:
        snapshot: Any = connection._snapshot
        snapshot._position = snapshot._shared.log._end
        correct(connection, manager)

    return around(Connection, "open", open_)


@double("connection.close-joined-refused", also="savepoint.close-refused")
def closing_forgets_the_transaction() -> Fault:
    """A connection with changes can be closed: it discards them, and the commit that follows
    succeeds.

    The program has been told that its work is stored.
    """

    def close(correct: Any, connection: Connection) -> None:
        if connection._joined is not None:
            connection._discard_changes()
        correct(connection)

    return around(Connection, "close", close)


@double("connection.reader-does-not-join", also="connection.close-joined-refused")
def reading_joins_the_transaction() -> Fault:
    """A connection joins the transaction as soon as it loads an object.

    Whoever only reads takes part in every commit, is made to wait for the storage, and can't close
    the connection before the transaction ends.
    """

    def setstate(correct: Any, connection: Connection, obj: Any) -> None:
        correct(connection, obj)
        with suppress(TransactionFailedError):
            connection._join()

    return around(Connection, "setstate", setstate)


@double("connection.close-again-is-nothing")
def closing_twice_fails() -> Fault:
    """To close a connection that is closed raises an error.

    Cleaning up after an error, which is where programs close twice, fails and hides that error.
    """

    def close(correct: Any, connection: Connection) -> None:
        if connection.opened is None:
            raise ConnectionStateError(f"{connection!r} is closed already")
        correct(connection)

    return around(Connection, "close", close)


@double("connection.closed-refuses-use")
def a_closed_connection_gives_what_it_has_in_memory() -> Fault:
    """`get` works on a closed connection for objects that are in its cache.

    A forgotten connection seems to work, and shares its objects with whoever opens it next.
    """

    def get(correct: Any, connection: Connection, oid: bytes) -> Any:
        found = connection.objects.find(oid) if connection.opened is None else None
        return correct(connection, oid) if found is None else found

    return around(Connection, "get", get)


@double("connection.closed-refuses-change")
def a_closed_connection_takes_changes() -> Fault:
    """An object of a closed connection can be changed.

    The change belongs to no transaction: it is lost, or seen by whoever opens the connection next.
    """

    def register(correct: Any, connection: Connection, obj: Any) -> None:
        if connection.opened is not None:
            correct(connection, obj)

    return around(Connection, "register", register)


@double("connection.closed-may-serve-loaded")
def closing_empties_objects_that_look_loaded() -> Fault:
    """A connection that is closed empties its objects and leaves them looking loaded.

    To read one neither fails nor gives what it held: attributes are missing that are stored.
    """

    def close(correct: Any, connection: Connection) -> None:
        was_open = connection.opened is not None
        correct(connection)
        if was_open:
            loaded = dict(connection.objects.cache.lru_items())
            vars(connection)["emptied"] = list(loaded)
            for obj in loaded.values():
                held = vars(obj)
                held.get("data", held).clear()

    def open_(correct: Any, connection: Connection, manager: Any = None) -> None:
        connection.objects.invalidate(vars(connection).pop("emptied", ()))
        correct(connection, manager)

    return together(around(Connection, "close", close), around(Connection, "open", open_))


@double("connection.sync-shows-newest", also="isolation.boundary-invalidates")
def sync_only_aborts() -> Fault:
    """`sync` aborts the transaction, and leaves the snapshot where it is.

    A program that waits for a change of another one, and calls `sync` in a loop, waits for ever.
    """

    def pass_boundary(correct: Any, connection: Connection) -> None:
        if not vars(connection).get("in_sync"):
            correct(connection)

    def sync(correct: Any, connection: Connection) -> None:
        vars(connection)["in_sync"] = True
        try:
            correct(connection)
        finally:
            del vars(connection)["in_sync"]

    return together(
        around(Connection, "_pass_boundary", pass_boundary), around(Connection, "sync", sync)
    )
