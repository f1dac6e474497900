"""Faults in reading the current state alone: in connections without multi-version reads."""

from __future__ import annotations

from functools import partial
from typing import Any

from zodb_reference.connection_of_2006 import ConnectionOf2006
from zodb_reference.current_reads import OlderSharedSnapshot
from zodb_reference.errors import ReadConflictError
from zodb_reference.groups import Group
from zodb_reference.participant import Participant

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, together

faulty = partial(double, edition="2006-08-16")


@faulty("current-read.and-snapshots", also="current-read.chosen-when-opened current-read.group")
def nobody_reads_the_past() -> Fault:
    """A connection that was opened with multi-version reads reads the current state alone.

    A report that takes a while to make is never done: somebody has always changed something.
    """

    def open_connection(
        correct: Any, connection: ConnectionOf2006, *arguments: Any, **options: Any
    ) -> None:
        correct(connection, *arguments, **options)
        connection._snapshot.reads_current = True

    return around(ConnectionOf2006, "open", open_connection)


@faulty("current-read.stays-a-ghost")
def the_second_try_succeeds() -> Fault:
    """An object that could not be read is read when the program tries again.

    What it holds then does not fit what was read before.
    """

    def load_committed(correct: Any, connection: ConnectionOf2006, oid: bytes) -> Any:
        tried = vars(connection).setdefault("tried", set())
        if connection._failed is None:
            tried.clear()
        elif oid in tried:
            return connection._snapshot.load_current(oid)
        tried.add(oid)
        return correct(connection, oid)

    return around(ConnectionOf2006, "_load_committed", load_committed)


@faulty("current-read.refused-for-good", also="current-read.savepoint")
def changes_are_stored_all_the_same() -> Fault:
    """A read conflict of which the program takes no notice has no consequence, if there are changes
    to store.

    They may have been worked out from two states of the database.
    """

    def require_all_read(correct: Any, connection: ConnectionOf2006, transaction: Any) -> None:
        if not connection._registered and connection._scratch is None:
            correct(connection, transaction)

    return around(ConnectionOf2006, "_require_all_read", require_all_read)


@faulty("current-read.refused-for-good")
def an_abort_does_not_help() -> Fault:
    """After a read conflict that the program has swallowed, the connection commits nothing more.

    The work that is done again is refused again, until the process is started anew.
    """

    def require_all_read(correct: Any, connection: ConnectionOf2006, transaction: Any) -> None:
        known = vars(connection)
        if connection._failed is transaction and connection._registered:
            known["refuses"] = True
        if known.get("refuses"):
            connection._failed = transaction
        correct(connection, transaction)

    return around(ConnectionOf2006, "_require_all_read", require_all_read)


@faulty("current-read.announced")
def only_commits_count() -> Fault:
    """What was announced by `invalidate` is read, where nobody has committed it here.

    A program that learns of changes elsewhere mixes two states.
    """

    def invalidate(correct: Any, connection: ConnectionOf2006, *news: Any) -> None:
        if not connection._snapshot.reads_current:
            correct(connection, *news)

    return around(ConnectionOf2006, "invalidate", invalidate)


@faulty(
    "current-read.swallowed-by-a-reader",
    also="current-read.not-independent current-read.in-a-version",
)
def a_reader_may_commit() -> Fault:
    """A read conflict of which the program takes no notice has no consequence for a connection that
    has changed nothing.

    Others store what was worked out from its objects.
    """

    def fail(correct: Any, connection: ConnectionOf2006, oid: bytes) -> None:
        if connection._registered:
            correct(connection, oid)

    return around(ConnectionOf2006, "_fail", fail)


@faulty("current-read.savepoint")
def a_savepoint_washes_conflicts_off() -> Fault:
    """A savepoint makes the connection forget that something could not be read.

    A program that makes savepoints to save memory stores what it should not.
    """

    def savepoint(correct: Any, connection: ConnectionOf2006) -> Any:
        made = correct(connection)
        connection._failed = None
        return made

    return around(Participant, "savepoint", savepoint)


@faulty("current-read.own-commit")
def a_connection_is_in_its_own_way() -> Fault:
    """What a connection has committed itself is a read conflict for it.

    A program can't use again what it has just stored.
    """

    def load(correct: Any, snapshot: OlderSharedSnapshot, oid: bytes) -> Any:
        if snapshot.reads_current and oid in vars(snapshot).get("stored", ()):
            raise ReadConflictError("it was changed, by this connection", oid=oid)
        return correct(snapshot, oid)

    def finish(correct: Any, snapshot: OlderSharedSnapshot, meta: Any, written: Any) -> Any:
        vars(snapshot).setdefault("stored", set()).update(written)
        return correct(snapshot, meta, written)

    return together(
        around(OlderSharedSnapshot, "load", load), around(OlderSharedSnapshot, "finish", finish)
    )


@faulty("current-read.chosen-when-opened", also="current-read.group")
def a_connection_reads_as_it_was_first_opened() -> Fault:
    """A connection from the pool reads as it was told to when it was opened for the first time.

    Whether a program sees the past depends on who has used its connection before.
    """

    def open_connection(
        correct: Any, connection: ConnectionOf2006, *arguments: Any, **options: Any
    ) -> None:
        options["mvcc"] = vars(connection).setdefault("first_mvcc", options.get("mvcc", True))
        correct(connection, *arguments, **options)

    return around(ConnectionOf2006, "open", open_connection)


@faulty("current-read.independent")
def what_is_independent_is_read_as_it_was() -> Fault:
    """An object that says it can be read in any revision is read in an old one.

    The connection was opened for the current state alone, and shows another.
    """

    def load_current(correct: Any, snapshot: OlderSharedSnapshot, oid: bytes) -> Any:
        if snapshot._fate(oid).name == "CHANGED":
            record, serial, _ = snapshot.storage.loadBefore(oid, snapshot._require_before())
            return record, serial
        return correct(snapshot, oid)

    return around(OlderSharedSnapshot, "load_current", load_current)


@faulty("current-read.not-independent")
def to_be_able_to_say_so_is_enough() -> Fault:
    """An object that has the method `_p_independent` is read, whatever that gives.

    Objects for which it matters when they are read can't say so.
    """

    def load_committed(correct: Any, connection: ConnectionOf2006, oid: bytes) -> Any:
        if hasattr(connection.objects.find(oid), "_p_independent"):
            return connection._snapshot.load_current(oid)
        return correct(connection, oid)

    return around(ConnectionOf2006, "_load_committed", load_committed)


@faulty("current-read.in-a-version")
def a_version_is_read_as_the_trunk_was() -> Fault:
    """A connection in a version that is asked for past states reads those of the trunk.

    What the version holds is not shown, and is overwritten in conflict with itself.
    """

    def open_connection(
        correct: Any, connection: ConnectionOf2006, *arguments: Any, **options: Any
    ) -> None:
        correct(connection, *arguments, **options)
        connection._snapshot.reads_current = not options.get("mvcc", True)

    return around(ConnectionOf2006, "open", open_connection)


def opened_otherwise(option: str) -> Fault:
    """The fault that what a group opens is opened as if nothing was said of an option."""

    def open_for(correct: Any, group: Group, member: Any, other: Any) -> None:
        options = {name: value for name, value in member.options.items() if name != option}
        other.open(member.transaction_manager, **options)

    return around(Group, "_open_for", open_for)


@faulty("current-read.group")
def a_group_reads_two_states() -> Fault:
    """What `get_connection` opens reads past states, whatever the connection that asks does.

    Objects of two databases are read that have never been there at one time.
    """
    return opened_otherwise("mvcc")


@faulty("current-read.group-without-boundaries")
def half_a_group_is_told_of_boundaries() -> Fault:
    """What `get_connection` opens is told of boundaries, whatever the connection that asks is.

    In the thread for which this was opened, objects change while they are used.
    """
    return opened_otherwise("synch")
