"""Pools of the past: where historical connections are kept, and what belongs to them.

A connection to the past is worth keeping like any other, for whoever asks for the same point. There
are many points, and each needs a cache of its own, so the pool and the caches of the past have
settings of their own. And a group of connections is in the past as a whole: all its members show
the same point.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, SHOULD, example
from zodb_spec.editions import CURRENT


@example("historical.pooled-by-point", MUST, rules="CONN-44", since=CURRENT, needs="historical")
def pooled_by_point() -> None:
    """A historical connection that is closed is kept, with its cache, for whoever opens the same
    point again, however it is named then. It is never given to somebody who asks for another point,
    or for the current state.

    >>> point = tid_of(connection.root())
    >>> connection.root()["a"] = 1
    >>> tm.commit()
    >>> past = opened(db, at=point)
    >>> held = past.root()
    >>> past.close()
    >>> again = opened(db, before=next_tid(point))
    >>> again.root() is held, list(held)
    (True, [])
    >>> again.close()
    >>> others = [opened(db), opened(db, before=point), opened(db, at=tid_of(connection.root()))]
    >>> [other.get(z64) is held for other in (others[0], others[2])]
    [False, False]
    >>> [other.before for other in others] == [None, point, next_tid(tid_of(connection.root()))]
    True
    """


@example("historical.pool-size", MUST, rules="CONN-44 CONN-5", since=CURRENT, needs="historical")
def pool_size() -> None:
    """How many closed historical connections are kept, for a point or in all, is a setting of their
    own, which does not touch the pool of the others. Where there are too many, the one that was
    closed first is given up.

    >>> db.setPoolSize(5)
    >>> db.setHistoricalPoolSize(1)
    >>> def reopened(**point):
    ...     connections = [opened(db, **point), opened(db, **point)]
    ...     roots = [each.root() for each in connections]
    ...     for each in connections:
    ...         each.close()
    ...     again = [opened(db, **point).root() for each in connections]
    ...     return [any(root is each for each in again) for root in roots]
    >>> reopened(at=tid_of(connection.root()))
    [False, True]
    >>> reopened()
    [True, True]
    """


@example("historical.points-apart", MUST, rules="CONN-44", since=CURRENT, needs="historical")
def points_apart() -> None:
    """What waits for one point does not have to go when somebody opens another one: as long as
    there are not more than the setting allows, all of them are kept.

    >>> db.setHistoricalPoolSize(3)
    >>> points = [tid_of(connection.root())]
    >>> for number in range(2):
    ...     connection.root()["number"] = number
    ...     tm.commit()
    ...     points.append(tid_of(connection.root()))
    >>> waiting = [opened(db, at=point) for point in points]
    >>> roots = [each.root() for each in waiting]
    >>> [root.get("number") for root in roots]
    [None, 0, 1]
    >>> for each in waiting:
    ...     each.close()
    >>> [opened(db, at=point).root() is root for point, root in zip(points, roots)]
    [True, True, True]
    """


@example("historical.pool-warning", MUST, rules="CONN-44 CONN-5", since=CURRENT, needs="historical")
def pool_warning() -> None:
    """That more historical connections are open, at one point or in all, than the setting says is
    logged as a warning, and hinders nothing: all of them work.

    >>> db.setHistoricalPoolSize(2)
    >>> point, past = tid_of(connection.root()), []
    >>> def told():
    ...     with logged("WARNING") as messages:
    ...         past.append(opened(db, at=point))
    ...     return len(messages)
    >>> first, second, third = told(), told(), told()
    >>> third > second, [list(each.root()) for each in past]
    (True, [[], [], []])
    """


@example("historical.timeout", MUST, rules="CONN-44 CONN-6", since=CURRENT, needs="historical")
def timeout() -> None:
    """How long closed historical connections are kept, in seconds, is a setting of their own, too.
    Those that nobody has used for longer are given up when connections are opened.

    >>> import time
    >>> db.setHistoricalTimeout(0.01)
    >>> point = tid_of(connection.root())
    >>> past, current = opened(db, at=point), opened(db)
    >>> roots = past.root(), current.root()
    >>> past.close()
    >>> current.close()
    >>> time.sleep(0.05)
    >>> current = opened(db)
    >>> current.root() is roots[1], opened(db, at=point).root() is roots[0]
    (True, False)
    """


@example("historical.cache-size", MUST, rules="CONN-44 CONN-22", since=CURRENT, needs="historical")
def cache_size() -> None:
    """The caches of historical connections have a size of their own, which holds for those that are
    open, too.

    >>> root = connection.root()
    >>> for number in range(5):
    ...     root[number] = Thing()
    ...     root[number].a = number
    >>> tm.commit()
    >>> past, current = opened(db, at=tid_of(connection.root())), opened(db)
    >>> db.setCacheSize(100)
    >>> def loaded(connection):
    ...     things = [connection.root()[number] for number in range(5)]
    ...     assert [thing.a for thing in things] == [0, 1, 2, 3, 4]
    ...     connection.cacheGC()
    ...     return sum(thing._p_changed is not None for thing in things)
    >>> before = loaded(current)
    >>> db.setHistoricalCacheSize(1)
    >>> loaded(past) <= 1, loaded(current) == before
    (True, True)
    """


@example(
    "historical.cache-size-in-bytes",
    MUST,
    rules="CONN-44 CONN-22",
    since=CURRENT,
    needs="historical",
)
def cache_size_in_bytes() -> None:
    """The size in bytes is one of their own as well: how large the records of the loaded objects
    are together, as far as that can be estimated.

    >>> things = connection.root()["things"] = [Thing() for _ in range(100)]
    >>> for thing in things:
    ...     thing.content = bytes(1_000)
    >>> tm.commit()
    >>> db.setCacheSizeBytes(0)
    >>> past, current = opened(db, at=tid_of(connection.root())), opened(db)
    >>> def loaded(connection):
    ...     things = connection.root()["things"]
    ...     assert [len(thing.content) for thing in things] == [1_000] * 100
    ...     connection.cacheGC()
    ...     return sum(thing._p_changed is not None for thing in things)
    >>> before = loaded(current)
    >>> db.setHistoricalCacheSizeBytes(10_000)
    >>> loaded(past) <= 20, loaded(current) == before
    (True, True)
    """


@example("historical.settings", MUST, rules="CONN-44", since=CURRENT, needs="historical")
def settings() -> None:
    """What is set for historical connections can be asked for, and what is set for the others stays
    as it is: the number of connections, the sizes of their caches in objects and in bytes, and the
    timeout in seconds.

    >>> others = db.getPoolSize(), db.getCacheSize(), db.getCacheSizeBytes()
    >>> db.setHistoricalPoolSize(11)
    >>> db.setHistoricalCacheSize(1234)
    >>> db.setHistoricalCacheSizeBytes(1 << 20)
    >>> db.setHistoricalTimeout(77)
    >>> db.getHistoricalPoolSize(), db.getHistoricalCacheSize()
    (11, 1234)
    >>> db.getHistoricalCacheSizeBytes(), db.getHistoricalTimeout()
    (1048576, 77)
    >>> (db.getPoolSize(), db.getCacheSize(), db.getCacheSizeBytes()) == others
    True
    """


@example(
    "historical.options",
    MUST,
    rules="CONN-44",
    since=CURRENT,
    needs="historical several-databases",
)
def options() -> None:
    """The settings of historical connections are options of a database from the beginning.

    >>> other = open_db(
    ...     historical_pool_size=11, historical_cache_size=1234,
    ...     historical_cache_size_bytes=1 << 20, historical_timeout=77)
    >>> other.getHistoricalPoolSize(), other.getHistoricalCacheSize()
    (11, 1234)
    >>> other.getHistoricalCacheSizeBytes(), other.getHistoricalTimeout()
    (1048576, 77)
    """


@example("historical.debug-info", MUST, rules="CONN-59 CONN-44", since=CURRENT, needs="historical")
def debug_info() -> None:
    """The report over all connections lists the historical ones too.

    >>> past = opened(db, at=tid_of(connection.root()))
    >>> past.setDebugInfo("night shift")
    >>> "night shift" in str(db.connectionDebugInfo())
    True
    """


@example(
    "historical.debug-entries",
    SHOULD,
    rules="CONN-59 CONN-44",
    since=CURRENT,
    needs="historical",
)
def debug_entries() -> None:
    """In the report on connections of a database (`connectionDebugInfo`), the point of a historical
    connection stands under ``before``, and None for every other one.

    >>> point = tid_of(connection.root())
    >>> past = opened(db, before=point)
    >>> points = [each["before"] for each in db.connectionDebugInfo()]
    >>> points.count(point), None in points
    (1, True)
    """


@example(
    "historical.group",
    MUST,
    rules="CONN-45",
    since=CURRENT,
    needs="historical several-databases",
)
def group_of_the_past() -> None:
    """A group is in one time: the connection to another database that a historical connection gives
    shows the same point.

    >>> import time
    >>> second = open_db(databases=db.databases, database_name="second")
    >>> connection.root()["a"] = connection.get_connection("second").root()["a"] = 1
    >>> tm.commit()
    >>> time.sleep(0.05)
    >>> point = max(tid_of(member.root()) for member in connection.connections.values())
    >>> connection.root()["a"] = connection.get_connection("second").root()["a"] = 2
    >>> tm.commit()
    >>> past = opened(db, at=point)
    >>> other = past.get_connection("second")
    >>> other.before == past.before, past.root()["a"], other.root()["a"]
    (True, 1, 1)
    """


@example(
    "historical.group-with-a-quiet-database",
    MUST,
    rules="CONN-45",
    since=CURRENT,
    needs="historical several-databases",
)
def group_with_a_quiet_database() -> None:
    """A database that has had no transaction since the point of a historical connection can join
    the group of that: its state then is its current one, and its connection shows that. The point
    is in the past of the group, and not in the future of one member.

    >>> import time
    >>> second = open_db(databases=db.databases, database_name="second")
    >>> connection.get_connection("second").root()["a"] = 1
    >>> tm.commit()
    >>> time.sleep(0.05)
    >>> connection.root()["a"] = 1
    >>> tm.commit()
    >>> point = tid_of(connection.root())
    >>> connection.root()["a"] = 2
    >>> tm.commit()
    >>> other = opened(db, at=point).get_connection("second")
    >>> other.root()["a"], bool(other.isReadOnly())
    (1, True)
    """


@example(
    "historical.cross-reference",
    MUST,
    rules="XREF-49",
    since=CURRENT,
    needs="historical several-databases",
)
def cross_reference() -> None:
    """A reference to an object of another database leads to that object as of the same point.

    >>> import time
    >>> second = open_db(databases=db.databases, database_name="second")
    >>> thing = connection.get_connection("second").root()["thing"] = Thing()
    >>> thing.a = 1
    >>> tm.commit()
    >>> time.sleep(0.05)
    >>> connection.root()["thing"] = thing
    >>> tm.commit()
    >>> point = tid_of(connection.root())
    >>> time.sleep(0.05)
    >>> thing.a = 2
    >>> tm.commit()
    >>> seen = opened(db, at=point).root()["thing"]
    >>> seen.a, opened(db).root()["thing"].a
    (1, 2)
    >>> seen._p_jar.db() is second, bool(seen._p_jar.isReadOnly())
    (True, True)
    """
