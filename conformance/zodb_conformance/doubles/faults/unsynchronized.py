"""Faults of connections that are opened with ``synch=False``."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any
from unittest.mock import patch

import transaction
from zodb_reference.committing import Commit
from zodb_reference.connection_of_2006 import ConnectionOf2006
from zodb_reference.connections import Connection
from zodb_reference.databasework import DatabaseWork
from zodb_reference.oids import z64

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, instead

OF_2006 = "2006-08-16"


@double(
    "boundary.unsynchronized-reader",
    also="""boundary.unsynchronized-undo boundary.unsynchronized-stays-stale
    boundary.unsynchronized-opening boundary.unsynchronized-in-another-thread""",
    edition=OF_2006,
)
def synch_is_ignored() -> Fault:
    """A connection follows its manager, whatever it was opened with.

    Threads that hand connections to each other see one move while they use it.
    """

    def open_(
        correct: Any, connection: Any, manager: Any = None, *, synch: bool = True, **options: Any
    ) -> None:
        correct(connection, manager, **options)

    return around(ConnectionOf2006, "open", open_)


@double("boundary.unsynchronized-undo", edition=OF_2006)
def an_undo_reaches_those_who_are_not_told() -> Fault:
    """What the database undoes is a boundary for all connections that have changed nothing.

    A program that relies on a state that stands still works with two of them.
    """

    def tpc_finish(correct: Any, work: Any, txn: Any) -> None:
        correct(work, txn)
        for connection in work.database._pool.everyone():
            if connection.opened is not None and connection.joined is None:
                connection._pass_boundary()

    return around(DatabaseWork, "tpc_finish", tpc_finish)


@double(
    "boundary.unsynchronized-writer", also="boundary.unsynchronized-stays-stale", edition=OF_2006
)
def who_is_not_told_misses_its_own_boundaries() -> Fault:
    """A connection that is not told of boundaries misses those of its own transactions too.

    Once it has been in a conflict it is in the same one for ever.
    """
    return instead(ConnectionOf2006, "_after_end_of", lambda connection, txn: None)


@double("boundary.unsynchronized-stays-stale", edition=OF_2006)
def who_is_not_told_is_never_late() -> Fault:
    """What a connection changes that is not told of boundaries counts as made from the newest
    state.

    It overwrites what others have stored since its opening, and nobody finds out.
    """

    def put(correct: Any, commit: Any, oid: bytes, serial: bytes, record: bytes) -> None:
        connection = commit._connection
        if serial != z64 and not connection.options["synch"]:
            serial = connection.db().storage.getTid(oid)
        correct(commit, oid, serial, record)

    return around(Commit, "put", put)


@double("boundary.unsynchronized-opening", edition=OF_2006)
def who_is_not_told_goes_on_where_it_was() -> Fault:
    """A connection that comes out of the pool, and is not told of boundaries, shows the state that
    it showed when it was closed.

    What a page shows depends on the connection that the server happens to take.
    """

    def open_(
        correct: Any, connection: Any, manager: Any = None, *, synch: bool = True, **options: Any
    ) -> None:
        used = vars(connection).get("used", False)
        with (
            nullcontext()
            if synch or not used
            else patch.object(connection, "_pass_boundary", lambda: None)
        ):
            correct(connection, manager, synch=synch, **options)
        vars(connection)["used"] = True

    return around(ConnectionOf2006, "open", open_)


@double("boundary.unsynchronized-sync", also="boundary.unsynchronized-undo", edition=OF_2006)
def sync_tells_the_manager_alone() -> Fault:
    """`sync` begins a transaction of the manager, which tells those who are told.

    A connection that is not, and only reads, cannot be brought to the newest state at all.
    """
    return instead(ConnectionOf2006, "sync", Connection.sync)


@double("boundary.unsynchronized-in-another-thread", edition=OF_2006)
def who_is_not_told_belongs_to_the_thread_that_opened_it() -> Fault:
    """A connection that was opened without a manager, and with ``synch=False``, is bound to the
    manager of the thread that has opened it.

    What another thread changes through it, and commits, is not stored.
    """

    def open_(correct: Any, connection: Any, manager: Any = None, **options: Any) -> None:
        correct(connection, manager or transaction.manager.manager, **options)

    return around(ConnectionOf2006, "open", open_)
