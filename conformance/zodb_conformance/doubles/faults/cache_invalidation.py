"""Faults in what caches are told, and in what empties them."""

from __future__ import annotations

from typing import Any

from zodb_reference.connection_of_2005 import ConnectionOf2005
from zodb_reference.connections import Connection
from zodb_reference.db import DB
from zodb_reference.identity import IdentityMap
from zodb_reference.oids import maxtid, z64
from zodb_reference.participant import Participant

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, instead

INVALID = "walk.invalid-caches"
"""The check in which caches are declared invalid, in company with everything else."""


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


@double("cache.invalidated-refuses-reads", checks=INVALID)
def what_is_loaded_need_not_fit() -> Fault:
    """After an `invalidateCache` objects are loaded as ever, also before the next boundary.

    A program computes with two states of the database at once.
    """
    return instead(
        Participant, "_load_committed", lambda connection, oid: connection._snapshot.load(oid)
    )


@double("cache.invalidated-refuses-commit", checks=INVALID)
def what_was_read_need_not_hold() -> Fault:
    """A commit after an `invalidateCache` stores what was computed from data that is no more.

    What somebody has repaired behind the back of the database is damaged again.
    """
    return instead(Participant, "_require_valid_cache", lambda connection: None)


@double("cache.invalidated-reloads", checks=INVALID)
def the_root_is_thought_to_be_always_valid() -> Fault:
    """With the boundary after an `invalidateCache` everything is loaded again but the root.

    Whoever comes from there does not find what was put in, and finds what was taken out.
    """

    def catch_up(correct: Any, objects: IdentityMap, changes: Any) -> None:
        if changes is None:
            changes = {oid: maxtid for oid in objects.cache.cache_data if oid != z64}
        correct(objects, changes)

    return around(IdentityMap, "catch_up", catch_up)


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


@double("cache.announced-at-the-boundary", edition="2006-08-16")
def an_announcement_takes_effect_at_once() -> Fault:
    """What is announced to a connection is invalidated at once.

    In the middle of its transaction a program loses what it has read, and not only that: the call
    may come from another thread.
    """

    def invalidate(correct: Any, connection: ConnectionOf2005, tid: bytes, oids: Any) -> None:
        correct(connection, tid, oids)
        connection.objects.invalidate(list(oids))

    return around(ConnectionOf2005, "invalidate", invalidate)


@double("cache.announced-while-closed", edition="2006-08-16")
def a_closed_connection_hears_nothing() -> Fault:
    """What is announced to a connection that is closed is forgotten.

    Its next user reads, and changes, what was replaced long ago.
    """

    def invalidate(correct: Any, connection: ConnectionOf2005, tid: bytes, oids: Any) -> None:
        if connection.opened is not None:
            correct(connection, tid, oids)

    return around(ConnectionOf2005, "invalidate", invalidate)


@double("cache.announced-hides-what-comes", edition="2006-08-16")
def what_is_announced_is_shown() -> Fault:
    """An object that was announced is loaded in its newest revision, before the boundary too.

    A program sees half of a transaction that it should not see at all.
    """

    def load(correct: Any, connection: ConnectionOf2005, oid: bytes) -> tuple[bytes, bytes]:
        if connection._announced.before(oid) is None:
            return correct(connection, oid)  # type: ignore[no-any-return]
        record, serial = connection._snapshot.storage.load(oid)
        return record, serial

    return around(ConnectionOf2005, "_load_committed", load)


@double(
    "cache.reset",
    also="cache.reset-spares-open-ones cache.reset-reaches-the-group",
)
def caches_are_never_reset() -> Fault:
    """`resetCaches()` does nothing.

    Objects go on with classes that were replaced.
    """
    return instead(IdentityMap, "start_again", lambda objects: None)


@double("cache.reset-spares-open-ones")
def a_reset_empties_caches_in_use() -> Fault:
    """After `resetCaches()` a connection drops its cache at once, open or not.

    The changes of a transaction that is under way are lost.
    """

    def get(correct: Any, connection: Connection, oid: bytes) -> Any:
        if connection._cache_generation != Connection.cache_generation:
            connection._cache_generation = Connection.cache_generation
            connection.objects.start_again()
        return correct(connection, oid)

    return around(Connection, "get", get)


@double("cache.reset-keeps-the-size")
def a_reset_cache_has_no_limit() -> Fault:
    """The cache with which a connection begins after `resetCaches()` is as large as can be.

    A program that replaces its classes at work grows from that time on.
    """

    def start_again(correct: Any, objects: IdentityMap) -> None:
        correct(objects)
        objects.resize(1 << 30, 0)

    return around(IdentityMap, "start_again", start_again)


@double("cache.reset-reaches-the-group")
def a_reset_is_for_the_first_of_a_group() -> Fault:
    """`resetCaches()` reaches only the connection of a group that was opened by the program.

    Objects of the other databases go on with classes that were replaced.
    """

    def open_(correct: Any, connection: Connection, *args: Any, **options: Any) -> None:
        if connection.group.primary is not connection:
            connection._cache_generation = Connection.cache_generation
        correct(connection, *args, **options)

    return around(Connection, "open", open_)
