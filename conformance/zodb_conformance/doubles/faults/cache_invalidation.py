"""Faults in what caches are told, and in what empties them."""

from __future__ import annotations

from typing import Any

from zodb_reference.connection import Connection
from zodb_reference.db import DB
from zodb_reference.identity import IdentityMap
from zodb_reference.participant import Participant

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, instead


@double("cache.invalidated-at-the-boundary", also="cache.invalidated-while-closed")
def what_is_loaded_stays_valid() -> Fault:
    """`invalidateCache` of the database does nothing to what is in the caches.

    A program goes on with data that is no more.
    """
    return around(
        IdentityMap,
        "catch_up",
        lambda correct, objects, changes: correct(objects, {} if changes is None else changes),
    )


@double("cache.invalidated-refuses-reads")
def what_is_loaded_need_not_fit() -> Fault:
    """After an `invalidateCache` objects are loaded as ever, also before the next boundary.

    A program computes with two states of the database at once.
    """
    return instead(
        Participant, "_load_committed", lambda connection, oid: connection._snapshot.load(oid)
    )


@double("cache.invalidated-refuses-commit")
def what_was_read_need_not_hold() -> Fault:
    """A commit after an `invalidateCache` stores what was computed from data that is no more.

    What somebody has repaired behind the back of the database is damaged again.
    """
    return instead(Participant, "_require_valid_cache", lambda connection: None)


@double("cache.invalidated-while-closed")
def closed_connections_are_left_out() -> Fault:
    """`invalidateCache` of the database does not reach the connections in the pool.

    They show data that is no more to whoever opens them next.
    """

    def invalidate(db: DB) -> None:
        for each in db._pool.everyone():
            if each.opened is not None:
                each.invalidateCache()

    return instead(DB, "invalidateCache", invalidate)


@double("cache.invalidated-alone", edition="2006-08-16")
def one_invalid_cache_invalidates_all() -> Fault:
    """`invalidateCache` of one connection reaches all connections of its database.

    All transactions under way fail because of one.
    """

    def invalidate(correct: Any, connection: Connection) -> None:
        for each in connection.database._pool.everyone():
            correct(each)

    return around(Connection, "invalidateCache", invalidate)
