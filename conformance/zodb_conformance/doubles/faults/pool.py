"""Faults in the pool of connections."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from zodb_reference import pool
from zodb_reference.connections import Connection
from zodb_reference.db import DB
from zodb_reference.groups import Group
from zodb_reference.oids import z64
from zodb_reference.pool import ConnectionPool
from zodb_reference.views import Kind

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, instead


@double(
    "pool.used-again",
    also="""pool.last-in-first-out pool.larger-cache-first pool.surplus-is-discarded
    pool.size-can-change pool.kept-until-its-timeout cache.reset-reaches-the-group""",
)
def every_connection_is_a_new_one() -> Fault:
    """A connection that was closed is never opened again.

    Every request begins with an empty cache, and loads everything anew.
    """
    return around(DB, "give_back", lambda correct, db, connection: db._discard([connection]))


@double(
    "pool.last-in-first-out",
    also="pool.surplus-is-discarded pool.size-can-change pool.used-again",
)
def the_first_one_in_comes_out_first() -> Fault:
    """Of several closed connections, the one that was closed first is opened first.

    All of them are kept in use in turn, each with a cache in which hardly anything is of use.
    """

    def take(correct: Any, self: ConnectionPool, *args: Any, **options: Any) -> Any:
        for shelf in self._shelves.values():
            shelf.closed.reverse()
        try:
            return correct(self, *args, **options)
        finally:
            for shelf in self._shelves.values():
                shelf.closed.reverse()

    return around(ConnectionPool, "take", take)


def sinking(self: ConnectionPool) -> None:
    """Put the connections with the most objects in their caches on top."""
    for shelf in self._shelves.values():
        shelf.closed.sort(key=lambda idle: idle.connection.objects.cache.cache_non_ghost_count)


@double("pool.strictly-last-in-first-out", edition="2006-08-16")
def the_larger_cache_comes_first_in_2006() -> Fault:
    """The closed connection with the most objects in its cache is opened first, which the rules of
    that time do not allow.

    A program that counts on getting back the connection that it has just closed gets another one.
    """

    def take(correct: Any, self: ConnectionPool, *args: Any, **options: Any) -> Any:
        sinking(self)
        return correct(self, *args, **options)

    return around(ConnectionPool, "take", take)


@double("pool.larger-cache-first")
def what_is_small_is_not_kept() -> Fault:
    """A connection with less in its cache than another one that is closed is not kept.

    It has to be made anew when it is needed next.
    """

    def give_back(correct: Any, db: DB, connection: Connection) -> None:
        kept = [idle.connection for shelf in db._pool._shelves.values() for idle in shelf.closed]
        count = connection.objects.cache.cache_non_ghost_count
        if any(each.objects.cache.cache_non_ghost_count > count for each in kept):
            db._discard([connection])
        else:
            correct(db, connection)

    return around(DB, "give_back", give_back)


@double(
    "pool.size-is-no-limit",
    also="pool.warns-beyond-its-size pool.surplus-is-discarded pool.size-can-change",
)
def no_more_are_opened_than_the_size() -> Fault:
    """Beyond twice the size of the pool, `open` fails.

    A program that works well on the machine of its author fails under load.
    """

    def add(correct: Any, self: ConnectionPool, connection: Connection) -> None:
        correct(self, connection)
        if len(self.everyone()) > 2 * self.limits[connection.view.kind].pool_size:
            raise RuntimeError("too many connections")

    return around(ConnectionPool, "add", add)


@double("pool.warns-beyond-its-size", also="pool.size-can-change")
def nobody_is_warned() -> Fault:
    """Nothing is logged, however many connections are open.

    Connections that are never closed show only when memory is full.
    """
    return instead(pool.logger, "log", lambda *args: None)


@double("pool.abandoned-do-not-count")
def abandoned_connections_are_held() -> Fault:
    """The pool holds all connections that it has ever given, also those that nobody uses.

    A program that forgets to close its connections grows until its memory is full.
    """
    held: list[Connection] = []

    def add(correct: Any, self: ConnectionPool, connection: Connection) -> None:
        correct(self, connection)
        held.append(connection)

    return around(ConnectionPool, "add", add)


@double(
    "pool.surplus-is-discarded",
    also="pool.size-can-change pool.discarded-stays-closed pool.discarded-lets-go",
)
def all_closed_connections_are_kept() -> Fault:
    """All connections that were closed are kept, however many there are.

    After one busy hour their caches fill the memory for ever.
    """

    def surplus(correct: Any, self: ConnectionPool) -> Any:
        sizes = {kind: limits.pool_size for kind, limits in self.limits.items()}
        for limits in self.limits.values():
            limits.pool_size = 1 << 30
        try:
            return correct(self)
        finally:
            for kind, size in sizes.items():
                self.limits[kind].pool_size = size

    return around(ConnectionPool, "surplus", surplus)


@double("pool.discarded-stays-closed", also="pool.discarded-lets-go")
def what_was_discarded_answers() -> Fault:
    """A connection that was discarded still gives objects from its cache.

    They are never told of a change, and the program reads what was true once.
    """

    def forget(correct: Any, db: DB, connection: Connection) -> None:
        root = connection.objects.find(z64)
        correct(db, connection)
        connection.get = lambda oid: root  # type: ignore[method-assign]

    return around(DB, "forget", forget)


@double("pool.discarded-lets-go")
def what_was_discarded_keeps_its_cache() -> Fault:
    """A connection that was discarded keeps the objects in its cache.

    Who holds on to it, as a traceback may, keeps all of them in memory.
    """

    def release(correct: Any, connection: Connection) -> None:
        with instead(connection.objects, "start_again", lambda: None):
            correct(connection)

    return around(Connection, "release", release)


@double("pool.size-can-change")
def the_size_of_the_pool_is_fixed() -> Fault:
    """A new size of the pool has no effect.

    An administrator who needs memory at once does not get it.
    """
    return instead(DB, "setPoolSize", lambda db, size: None)


@double("pool.timeout", also="pool.timed-out-is-not-taken")
def the_timeout_is_forgotten() -> Fault:
    """Connections stay in the pool for any time.

    What one busy hour needed is kept for ever.
    """

    def init(correct: Any, self: ConnectionPool, limits: Any) -> None:
        correct(self, limits)
        for each in self.limits.values():
            each.timeout = 1 << 31

    return around(ConnectionPool, "__init__", init)


@double("pool.kept-until-its-timeout")
def a_timeout_keeps_nothing() -> Fault:
    """Where a timeout is set, connections are given up at once when they are closed.

    Every request begins with an empty cache.
    """

    def surplus(correct: Any, pool: ConnectionPool) -> Any:
        limits = pool.limits[Kind.CURRENT]
        if limits.timeout < 1 << 31:
            time.sleep(0.002)
            pool.limits[Kind.CURRENT] = replace(limits, timeout=0.001)
        return correct(pool)

    return around(ConnectionPool, "surplus", surplus)


@double("pool.timed-out-is-not-taken")
def the_next_one_may_be_too_old() -> Fault:
    """The connection that is opened next is not asked how long it has waited.

    It speaks to a server that has ended the session meanwhile.
    """

    def take_connection(correct: Any, db: DB, *args: Any, **options: Any) -> Any:
        for shelf in db._pool._shelves.values():
            if shelf.closed:
                shelf.closed[-1] = shelf.closed[-1]._replace(since=time.monotonic())
        return correct(db, *args, **options)

    return around(DB, "take_connection", take_connection)


@double("pool.closed-twice-pooled-once", also="pool.stale-handle")
def closed_twice_it_is_pooled_twice() -> Fault:
    """A connection that is closed a second time is put into the pool a second time.

    Two threads get the same connection, and each sees what the other is about to do.
    """

    def close(correct: Any, group: Group, member: Connection) -> None:
        was_open = member.opened is not None
        correct(group, member)
        if not was_open:
            member.database.give_back(member)

    return around(Group, "close", close)


def closed_before(connection: Connection) -> bool:
    """Whether a connection is being closed for the second time at least, and take note of it.

    The one that has created the root counts as new: the database is not complete at that time.
    """
    was_closed = vars(connection).get("was_closed", False)
    vars(connection)["was_closed"] = connection.database.is_in_collection()
    return bool(was_closed)


@double("pool.stale-handle")
def a_stale_handle_leaves_the_connection_in_use() -> Fault:
    """To close a connection by a handle of its last user puts it into the pool, and leaves it open
    as well.

    The next one who opens a connection shares it with him who is at work with it.
    """

    def close(correct: Any, connection: Connection) -> None:
        if closed_before(connection) and connection.opened and connection.joined is None:
            connection.database.give_back(connection)
        else:
            correct(connection)

    return around(Connection, "close", close)


@double("pool.stale-handle-of-one-with-changes")
def a_stale_handle_discards_changes() -> Fault:
    """To close a connection by a handle of its last user aborts what its new user has changed.

    The work of one request is lost because another one was closed twice.
    """

    def close(correct: Any, connection: Connection) -> None:
        if closed_before(connection) and connection.joined is not None:
            connection.transaction_manager.abort()
        correct(connection)

    return around(Connection, "close", close)
