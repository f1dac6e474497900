"""Faults at the edge of snapshot isolation: in what it leaves open, and how `readCurrent` closes
it.
"""

from __future__ import annotations

from typing import Any

from zodb_reference.committing import Commit
from zodb_reference.connections import Connection
from zodb_reference.errors import ConflictError, ReadConflictError
from zodb_reference.snapshot import SharedSnapshot

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, together


@double("isolation.write-skew-is-possible")
def everything_that_is_loaded_is_checked() -> Fault:
    """A commit is refused if any object has changed that the transaction has loaded.

    Transactions that read much, and write a little, never succeed on a busy database.
    """

    def setstate(correct: Any, connection: Connection, obj: Any) -> None:
        correct(connection, obj)
        connection._read_current[obj._p_oid] = obj._p_serial

    return around(Connection, "setstate", setstate)


@double("isolation.conflict-by-the-vote")
def a_conflict_is_raised_in_the_second_phase() -> Fault:
    """A conflict is remembered, and raised only when the commit should be finished.

    Others who take part in the transaction have finished by then, and nothing can undo it.
    """
    return conflicts_come_late()


def conflicts_come_late() -> Fault:
    """The fault that a write conflict is kept, and raised when the commit should be finished."""

    def commit(correct: Any, connection: Connection, txn: Any) -> None:
        try:
            correct(connection, txn)
        except ReadConflictError:
            raise
        except ConflictError as error:
            vars(connection)["late"] = error

    def tpc_finish(correct: Any, connection: Connection, txn: Any) -> None:
        late = vars(connection).pop("late", None)
        if late is not None:
            raise late
        correct(connection, txn)

    return together(
        around(Connection, "commit", commit), around(Connection, "tpc_finish", tpc_finish)
    )


@double("isolation.no-torn-read")
def what_is_loaded_late_is_newer() -> Fault:
    """An object is loaded in its newest revision, and not as of the snapshot.

    A transaction sees one half of another one.
    """

    def load(correct: Any, snapshot: SharedSnapshot, oid: bytes) -> Any:
        correct(snapshot, oid)
        return snapshot._storage.load(oid)

    return around(SharedSnapshot, "load", load)


@double("isolation.serializable-with-read-current")
def a_mark_on_a_loaded_object_is_ignored() -> Fault:
    """`readCurrent` takes note of ghosts only: what is loaded is thought to be known.

    The decision that was taken on the object no longer holds when it is stored.
    """

    def read_current(correct: Any, connection: Connection, obj: Any) -> None:
        if obj._p_jar is not connection or obj._p_changed is not False:
            correct(connection, obj)

    return around(Connection, "readCurrent", read_current)


@double("isolation.read-current-of-a-ghost")
def a_mark_on_a_ghost_checks_nothing() -> Fault:
    """`readCurrent` accepts a ghost, and has no serial that the commit could check.

    Whether the check takes place depends on what the cache has discarded.
    """

    def read_current(correct: Any, connection: Connection, obj: Any) -> None:
        if obj._p_changed is not None:
            correct(connection, obj)

    return around(Connection, "readCurrent", read_current)


@double("isolation.read-current-of-a-stranger")
def a_mark_on_a_stranger_is_ignored() -> Fault:
    """`readCurrent` accepts an object of another connection, and does nothing with it.

    The program believes that it is safe.
    """

    def read_current(correct: Any, connection: Connection, obj: Any) -> None:
        if obj._p_jar is connection:
            correct(connection, obj)

    return around(Connection, "readCurrent", read_current)


@double("isolation.read-current-and-written")
def what_is_stored_and_marked_is_checked_twice() -> Fault:
    """The mark of an object that is stored is checked as well.

    A conflict that the class could merge is refused.
    """

    def check_current(correct: Any, commit: Commit, read: dict[bytes, bytes]) -> None:
        for oid, serial in read.items():
            commit._snapshot.check_current(oid, serial, commit._meta)

    return around(Commit, "check_current", check_current)


@double("isolation.read-current-ends-at-the-boundary")
def marks_are_kept_for_the_next_transaction() -> Fault:
    """What was marked by `readCurrent` in one transaction is checked in the next one, too.

    Transactions fail that had nothing to do with the object.
    """

    def pass_boundary(correct: Any, connection: Connection) -> None:
        marks = dict(connection._read_current)
        correct(connection)
        connection._read_current.update(marks)

    return around(Connection, "_pass_boundary", pass_boundary)
