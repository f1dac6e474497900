"""Faults in reading what is current: in connections without multi-version reads."""

from __future__ import annotations

from functools import partial
from typing import Any
from weakref import WeakSet

from zodb_reference.connection_of_2006 import ConnectionOf2006
from zodb_reference.current_reads import OlderSharedSnapshot
from zodb_reference.errors import ReadConflictError

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, instead, together

faulty = partial(double, edition="2006-08-16", checks="walk.options")


@faulty("current-read.conflict", also="isolation.one-committed-state")
def what_is_current_is_read_whatever_was_read_before() -> Fault:
    """A connection without multi-version reads reads what has changed since the transaction began.

    It sees a state of the database that there has never been.
    """

    def load(correct: Any, snapshot: OlderSharedSnapshot, oid: bytes) -> Any:
        return snapshot.load_current(oid) if snapshot.reads_current else correct(snapshot, oid)

    return around(OlderSharedSnapshot, "load", load)


@faulty("current-read.commit-refused")
def a_read_conflict_has_no_consequence() -> Fault:
    """A transaction in which something could not be read is committed.

    What it stores may have been worked out from two states of the database.
    """
    return instead(ConnectionOf2006, "_require_all_read", lambda connection, transaction: None)


@faulty("current-read.commit-refused")
def a_read_conflict_is_never_forgotten() -> Fault:
    """A connection that has met a read conflict can't be used for a commit any more.

    To abort and try again, which is what is to be done, does not help.
    """
    failed: WeakSet[ConnectionOf2006] = WeakSet()

    def fail(correct: Any, connection: ConnectionOf2006, oid: bytes) -> None:
        failed.add(connection)
        correct(connection, oid)

    def require_all_read(correct: Any, connection: ConnectionOf2006, transaction: Any) -> None:
        correct(connection, transaction)
        if connection in failed:
            raise ReadConflictError("there has been one")

    return together(
        around(ConnectionOf2006, "_fail", fail),
        around(ConnectionOf2006, "_require_all_read", require_all_read),
    )
