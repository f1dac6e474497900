"""Faults in what a connection without synch is told of, and what not."""

from __future__ import annotations

from typing import Any

from zodb_reference.connection_of_2006 import ConnectionOf2006
from zodb_reference.connections import Connection

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, instead, together

OF_2006 = "2006-08-16"


@double("boundary.missed", also="current-read.conflict", edition=OF_2006, checks="walk.options")
def a_connection_without_synch_is_told_of_every_begin() -> Fault:
    """A connection that was opened with ``synch=False`` moves at every begin of its manager.

    A thread that works with it finds its objects changed because another thread has begun.
    """

    def follow(correct: Any, connection: ConnectionOf2006, manager: Any) -> None:
        Connection._follow(connection, manager)

    def unfollow(correct: Any, connection: ConnectionOf2006, manager: Any) -> None:
        Connection._unfollow(connection, manager)

    return together(
        around(ConnectionOf2006, "_follow", follow),
        around(ConnectionOf2006, "_unfollow", unfollow),
    )


@double(
    "isolation.boundary-shows-newest",
    also="isolation.boundary-invalidates",
    edition=OF_2006,
    checks="walk.options",
)
def a_connection_without_synch_stays_for_good() -> Fault:
    """A connection that was opened with ``synch=False`` does not even move at the end of a
    transaction that it has joined.

    It commits what conflicts with nothing that it can see, and never sees anything else.
    """
    return instead(ConnectionOf2006, "_after_end_of", lambda connection, transaction: None)
