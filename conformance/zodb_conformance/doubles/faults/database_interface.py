"""Faults in what a database does beside opening connections."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import transaction
from transaction import TransactionManager
from zodb_reference.connections import Connection
from zodb_reference.db import DB
from zodb_reference.errors import ConnectionStateError
from zodb_reference.reports import Reports
from zodb_reference.settings import Settings
from zodb_reference.snapshot import Snapshot

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, instead


@double("database.name-unnamed")
def a_database_without_a_name_is_called_main() -> Fault:
    """A database that was not given a name has another one than everybody's.

    References to its objects are lost when another implementation opens it.
    """

    def init(correct: Any, database: DB, *args: Any, **options: Any) -> None:
        correct(database, *args, **{"database_name": "main"} | options)

    return around(DB, "__init__", init)


@double("database.transaction-commits")
def who_succeeds_leaves_it_open() -> Fault:
    """The connection of a block that ends well stays open.

    A program that works in blocks opens more and more connections.
    """

    @contextmanager
    def block(database: DB, note: str | None = None) -> Iterator[Connection]:
        connection = database.open(transaction_manager=TransactionManager())
        manager = connection.transaction_manager
        manager.begin().note(note)
        try:
            yield connection
            manager.commit()
            _tell_loss(connection)
        except BaseException:
            manager.abort()
            connection.close()
            raise

    return instead(DB, "transaction", block)


@double("database.transaction-aborts")
def a_block_that_fails_is_committed() -> Fault:
    """What a block has changed before it failed is committed.

    Half of the work is stored.
    """

    @contextmanager
    def block(database: DB, note: str | None = None) -> Iterator[Connection]:
        manager = TransactionManager()
        connection = database.open(transaction_manager=manager)
        manager.begin().note(note)
        try:
            try:
                yield connection
            finally:
                manager.commit()
            _tell_loss(connection)
        finally:
            manager.abort()
            connection.close()

    return instead(DB, "transaction", block)


@double("database.transaction-can-fail")
def who_fails_to_commit_leaves_it_open() -> Fault:
    """Where the commit of a block fails, its connection stays open.

    Every conflict costs a connection.
    """

    @contextmanager
    def block(database: DB, note: str | None = None) -> Iterator[Connection]:
        manager = TransactionManager()
        connection = database.open(transaction_manager=manager)
        manager.begin().note(note)
        try:
            yield connection
        except BaseException:
            manager.abort()
            connection.close()
            raise
        manager.commit()
        connection.close()
        _tell_loss(connection)

    return instead(DB, "transaction", block)


@double("database.transaction-loss-is-told")
def a_loss_is_not_told() -> Fault:
    """A block whose database was closed ends as if all were well.

    Its changes are lost, and nobody knows.
    """

    @contextmanager
    def block(correct: Any, database: DB, note: str | None = None) -> Iterator[Connection]:
        given = None
        try:
            with correct(database, note) as given:
                yield given
        except ConnectionStateError:
            if given is None or not given.lost_changes:
                raise

    return around(DB, "transaction", block)


def _tell_loss(connection: Connection) -> None:
    if connection.lost_changes:
        raise ConnectionStateError("the database was closed before the block ended")


@double("database.transaction-apart")
def a_block_is_the_thread_s() -> Fault:
    """A block uses the transaction of the thread.

    What the program was doing is lost.
    """

    @contextmanager
    def block(correct: Any, database: DB, note: str | None = None) -> Iterator[Connection]:
        transaction.begin()
        with correct(database, note) as connection:
            yield connection

    return around(DB, "transaction", block)


@double("database.transaction-note")
def a_note_is_left_out() -> Fault:
    """The note of a block is not the description of its transaction.

    The log says nothing of what was done.
    """

    def block(correct: Any, database: DB, note: str | None = None) -> Any:
        return correct(database, note if "creation" in (note or "") else None)

    return around(DB, "transaction", block)


@double(
    "database.closes-with-its-connection",
    also="database.closes-with-its-connection-refused database.connection-function",
)
def the_last_one_leaves_the_light_on() -> Fault:
    """The database that was opened for one connection stays open when that is closed.

    The file stays locked.
    """
    return instead(DB, "open_then_close_db_when_connection_closes", lambda self: self.open())


@double("database.closes-with-its-connection-refused")
def the_only_connection_closes_at_once() -> Fault:
    """The database that was opened for one connection is closed with it, though it has changes.

    The changes are lost.
    """

    def open_(database: DB) -> Connection:
        connection = database.open()
        connection.close = database.close  # type: ignore[method-assign]
        return connection

    return instead(DB, "open_then_close_db_when_connection_closes", open_)


@double("database.settings")
def what_is_set_is_forgotten() -> Fault:
    """To set how many connections are expected has no effect.

    The warnings go on.
    """
    return instead(Settings, "setPoolSize", lambda self, size: None)


@double("database.options")
def pool_size_is_no_option() -> Fault:
    """How many connections are expected is not taken from the options of a database.

    What stands in the configuration of a program has no effect.
    """

    def init(correct: Any, database: DB, *args: Any, **options: Any) -> None:
        options.pop("pool_size", None)
        correct(database, *args, **options)

    return around(DB, "__init__", init)


@double("database.cache-bytes")
def bytes_are_objects() -> Fault:
    """A size in bytes that is set later holds for objects as well.

    The cache forgets hardly anything.
    """

    def set_(correct: Any, database: Settings, size: int) -> None:
        correct(database, size)
        database.setCacheSize(size)

    return around(Settings, "setCacheSizeBytes", set_)


@double("database.minimizes-all-caches")
def only_one_cache_is_minimized() -> Fault:
    """`cacheMinimize` empties the cache of one connection.

    The memory that the others take is not given back.
    """

    def minimize(database: DB) -> None:
        largest = max(database._pool.everyone(), key=lambda each: len(each.objects.cache))
        largest.objects.cache.minimize()

    return instead(DB, "cacheMinimize", minimize)


@double("database.minimizes-all-caches")
def what_waits_is_not_minimized() -> Fault:
    """`cacheMinimize` leaves the caches of connections alone that are closed.

    After a busy hour they have most of the memory, and keep it.
    """

    def minimize(database: DB) -> None:
        for connection in database._pool.everyone():
            if connection.opened is not None:
                connection.objects.cache.minimize()

    return instead(DB, "cacheMinimize", minimize)


@double("database.sweeps-all-caches")
def one_cache_is_swept() -> Fault:
    """`cacheFullSweep` sweeps the cache of one connection.

    The others stay as large as they were.
    """

    def sweep(database: DB) -> None:
        largest = max(database._pool.everyone(), key=lambda each: len(each.objects.cache))
        largest.objects.sweep()

    return instead(DB, "cacheFullSweep", sweep)


@double("database.reports-change-nothing", also="database.cache-extreme-detail")
def to_look_is_to_load() -> Fault:
    """The report over all objects loads them, to say more of each.

    To look what takes the memory takes more of it.
    """

    def report(correct: Any, database: Reports) -> Any:
        for connection in database._pool.everyone():
            for _, obj in connection.objects.cached():
                if connection.opened is not None:
                    obj._p_activate()
        return correct(database)

    return around(Reports, "cacheExtremeDetail", report)


@double("database.cache-detail")
def a_class_counts_once() -> Fault:
    """The report over classes counts each class once.

    Nobody sees which of them takes the memory.
    """

    def report(correct: Any, database: Reports) -> Any:
        return [(name, 1) for name, _ in correct(database)]

    return around(Reports, "cacheDetail", report)


@double("database.cache-extreme-detail")
def ghosts_are_not_reported() -> Fault:
    """The report over all objects leaves out ghosts.

    A cache that is full of them looks empty.
    """

    def report(correct: Any, database: Reports) -> Any:
        return [each for each in correct(database) if each["state"] is not None]

    return around(Reports, "cacheExtremeDetail", report)


@double("database.cache-size", also="database.cache-detail-size")
def ghosts_count() -> Fault:
    """The size of the caches counts ghosts too.

    The caches look larger than they may be, and are not.
    """

    def size(database: Reports) -> int:
        return sum(len(each.objects.cache) for each in database._pool.everyone())

    return instead(Reports, "cacheSize", size)


@double("database.cache-detail-size")
def what_is_loaded_is_called_otherwise() -> Fault:
    """The report over the sizes of the caches has another key for what is loaded.

    A page that shows the report fails.
    """

    def report(correct: Any, database: Reports) -> Any:
        return [{"loaded": each.pop("ngsize"), **each} for each in correct(database)]

    return around(Reports, "cacheDetailSize", report)


@double("database.cache-last-gc-time")
def nobody_knows_when_it_was() -> Fault:
    """To ask when a cache was looked through fails.

    A page with all the reports can't be shown.
    """

    def report(correct: Any, database: Reports) -> Any:
        raise AttributeError("cache_last_gc_time")

    return around(Reports, "cacheLastGCTime", report)


@double("database.connection-debug-info", also="database.connection-debug-entries")
def nobody_sees_who_it_is() -> Fault:
    """The report over all connections does not tell what `setDebugInfo` was told of one.

    Who finds one that was left open does not learn by whom.
    """

    def report(correct: Any, database: Reports) -> Any:
        return [{**each, "info": ""} for each in correct(database)]

    return around(Reports, "connectionDebugInfo", report)


@double("database.connection-debug-entries")
def nobody_sees_what_is_open() -> Fault:
    """The report over all connections does not tell which are open.

    Who looks for one that was left open does not find it.
    """

    def report(correct: Any, database: Reports) -> Any:
        return [{**each, "opened": None} for each in correct(database)]

    return around(Reports, "connectionDebugInfo", report)


@double("database.activity-monitor")
def the_counts_are_cleared_too_early() -> Fault:
    """When the activity monitor is told of a connection, its counts are cleared already.

    Nothing seems to be loaded or stored.
    """

    def note(correct: Any, database: Reports, connection: Connection) -> None:
        connection.getTransferCounts(True)
        correct(database, connection)

    return around(Reports, "note_closing", note)


@double("database.activity-monitor-may-fail")
def a_monitor_that_fails_is_heard() -> Fault:
    """An activity monitor that fails keeps connections from being closed.

    Who only wants to count breaks what he counts.
    """

    def note(correct: Any, database: Reports, connection: Connection) -> None:
        monitor = database.getActivityMonitor()
        if monitor is not None:
            monitor.closedConnection(connection)

    return around(Reports, "note_closing", note)


@double("database.read-only")
def every_connection_is_read_only() -> Fault:
    """A connection says that it takes no changes, whatever its storage does.

    A program that asks first stores nothing.
    """
    return instead(Snapshot, "is_read_only", lambda self: True)


@double("database.read-only")
def nobody_asks_the_storage() -> Fault:
    """A connection to the current state says that it takes changes, whatever its storage does.

    A program that asks first is surprised by its commit.
    """
    return instead(Snapshot, "is_read_only", lambda self: False)
