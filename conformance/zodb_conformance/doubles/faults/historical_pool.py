"""Faults in where historical connections are kept, and in their groups."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from transaction import TransactionManager
from zodb_reference.connections import Connection
from zodb_reference.db import DB
from zodb_reference.oids import p64, u64
from zodb_reference.pool import ConnectionPool
from zodb_reference.reading import RecordReader
from zodb_reference.reports import Reports
from zodb_reference.settings import Settings
from zodb_reference.views import CURRENT, Kind, View

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around


@double("historical.pooled-by-point")
def one_past_is_like_another() -> Fault:
    """Whoever asks for a point gets a closed connection to any.

    The program shows another state than it has asked for.
    """

    def take(correct: Any, pool: ConnectionPool, view: View = CURRENT, **options: Any) -> Any:
        found = correct(pool, view, **options)
        if found is None and view.before is not None:
            for other in [each for each in pool._shelves if each.before is not None]:
                found = found or correct(pool, other, **options)
        return found

    return around(ConnectionPool, "take", take)


def _with_limits(method: str, **limits: float) -> Fault:
    """A method of the pool takes these limits for those of historical connections."""

    def faulty(correct: Any, pool: ConnectionPool, *args: Any) -> Any:
        own = pool.limits[Kind.HISTORICAL]
        pool.limits[Kind.HISTORICAL] = replace(own, **limits)  # type: ignore[arg-type]
        try:
            return correct(pool, *args)
        finally:
            pool.limits[Kind.HISTORICAL] = own

    return around(ConnectionPool, method, faulty)


@double("historical.pool-size")
def the_past_is_kept_for_everybody() -> Fault:
    """Closed historical connections are kept, however many there are.

    A program that looks at many points runs out of memory.
    """
    return _with_limits("surplus", pool_size=1 << 31)


@double("historical.points-apart")
def one_point_at_a_time() -> Fault:
    """Of closed historical connections those are kept that show the same point as the last one.

    A program that compares two points of the past loads everything again and again.
    """

    def give_back(correct: Any, pool: ConnectionPool, connection: Connection) -> Any:
        discarded = []
        for view in [*pool._shelves]:
            if Kind.HISTORICAL == view.kind == connection.view.kind and view != connection.view:
                discarded += pool.drop(view)
        return discarded + correct(pool, connection)

    return around(ConnectionPool, "give_back", give_back)


@double("historical.pool-warning")
def nobody_is_told_of_too_many() -> Fault:
    """That too many historical connections are open is not logged.

    Who forgets to close them learns of it when there is no memory left.
    """
    return _with_limits("add", pool_size=1 << 31)


@double("historical.timeout")
def the_past_is_kept_for_ever() -> Fault:
    """Closed historical connections are kept, however long nobody uses them.

    Their caches stay in memory for points at which nobody will look again.
    """
    return _with_limits("surplus", timeout=float(1 << 31))


@double("historical.cache-size", also="historical.cache-size-in-bytes")
def a_size_holds_for_later_ones() -> Fault:
    """The size that is set for the caches of historical connections holds for new ones alone.

    Those that take too much memory go on doing so.
    """

    def change(correct: Any, pool: ConnectionPool, kind: Kind, **limits: Any) -> None:
        if kind is Kind.HISTORICAL:
            pool.limits[kind] = replace(pool.limits[kind], **limits)
        else:
            correct(pool, kind, **limits)

    return around(ConnectionPool, "change", change)


@double("historical.cache-size-in-bytes")
def bytes_of_the_past_are_not_counted() -> Fault:
    """The size in bytes that is set for the caches of historical connections has no effect.

    To look at the past takes any amount of memory.
    """

    def change(correct: Any, pool: ConnectionPool, kind: Kind, **limits: Any) -> None:
        if kind is Kind.HISTORICAL and "cache_size_bytes" in limits:
            pool.limits[kind] = replace(pool.limits[kind], **limits)
        else:
            correct(pool, kind, **limits)

    return around(ConnectionPool, "change", change)


@double("historical.settings", also="historical.cache-size-in-bytes")
def a_limit_for_the_past_holds_for_all() -> Fault:
    """The size in bytes that is set for historical connections is set for all.

    The caches of the present become too small.
    """

    def set_(correct: Any, database: Settings, size: int) -> None:
        correct(database, size)
        database.setCacheSizeBytes(size)

    return around(Settings, "setHistoricalCacheSizeBytes", set_)


@double("historical.options")
def an_option_is_left_out() -> Fault:
    """The timeout of historical connections is not taken from the options of a database.

    What stands in the configuration of a program has no effect.
    """

    def init(correct: Any, database: DB, *args: Any, **options: Any) -> None:
        options.pop("historical_timeout", None)
        correct(database, *args, **options)

    return around(DB, "__init__", init)


@double("historical.debug-info", also="historical.debug-entries")
def the_past_is_not_reported() -> Fault:
    """The report over all connections leaves the historical ones out.

    Who looks for what takes the memory does not find it.
    """

    def report(correct: Any, database: Reports) -> Any:
        return [each for each in correct(database) if each["before"] is None]

    return around(Reports, "connectionDebugInfo", report)


@double("historical.debug-entries")
def everything_seems_to_be_the_present() -> Fault:
    """The report over all connections does not tell which of them are historical.

    Two connections that show different states look alike.
    """

    def report(correct: Any, database: Reports) -> Any:
        return [{**each, "before": None} for each in correct(database)]

    return around(Reports, "connectionDebugInfo", report)


@double(
    "historical.group",
    also="historical.group-with-a-quiet-database historical.cross-reference",
)
def half_of_a_group_is_in_the_present() -> Fault:
    """The connection to another database that a historical connection gives shows the present.

    Objects of two times are mixed.
    """

    def take(correct: Any, database: DB, view: View = CURRENT, *, lone: bool = False) -> Any:
        return correct(database, CURRENT if lone else view, lone=lone)

    return around(DB, "take_connection", take)


@double("historical.group-with-a-quiet-database")
def a_quiet_database_has_no_past() -> Fault:
    """A point after the last transaction of another database is in the future for that one.

    References to its objects can't be followed.
    """

    def take(correct: Any, database: DB, view: View = CURRENT, *, lone: bool = False) -> Any:
        if view.before is not None and view.before > p64(u64(database.lastTransaction()) + 1):
            raise ValueError("the point is in the future")
        return correct(database, view, lone=lone)

    return around(DB, "take_connection", take)


@double("historical.cross-reference")
def references_lead_out_of_the_past() -> Fault:
    """A reference to an object of another database leads to that object as it is now.

    What is shown at a point never was together.
    """
    kept: list[Connection] = []

    def resolve(correct: Any, reader: RecordReader, reference: Any) -> Any:
        found = correct(reader, reference)
        jar = getattr(found, "_p_jar", None)
        if jar is None or jar.before is None or jar is jar.group.primary:
            return found
        kept.append(jar.db().open(transaction_manager=TransactionManager()))
        return kept[-1].get(found._p_oid)

    return around(RecordReader, "resolve", resolve)
