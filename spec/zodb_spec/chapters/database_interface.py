"""The interface of a database: what stands between the storage and the connections.

A program makes a database of a storage, and asks it for connections. What else a database does is
said here: a block of code as one transaction, what is set and asked for, what it reports, and who
is told what passes through it.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, SHOULD, example, text
from zodb_spec.editions import CURRENT


@example("database.name-unnamed", MUST, rules="CONN-57", since=CURRENT)
def name_unnamed() -> None:
    """The name of a database that was not given one is ``unnamed``.

    >>> db.database_name
    'unnamed'
    """


@example("database.transaction-commits", MUST, rules="CONN-55", since=CURRENT)
def transaction_commits() -> None:
    """`with db.transaction() as connection` performs a block as one transaction: it gets an open
    connection, what it has changed is committed at its end, and the connection is closed.

    >>> with db.transaction() as given:
    ...     given.root()["a"] = 1
    ...     early = "a" in opened(db).root()
    >>> with raises("ConnectionStateError"):
    ...     given.root()
    >>> given.db() is db, early, opened(db).root()["a"]
    (True, False, 1)
    """


@example("database.transaction-aborts", MUST, rules="CONN-55", since=CURRENT)
def transaction_aborts() -> None:
    """Where the block raises, its transaction is aborted, the connection is closed, and the error
    goes on to the program.

    >>> thing, failure = Thing(), ZeroDivisionError("for example")
    >>> try:
    ...     with db.transaction() as given:
    ...         given.root()["a"] = 1
    ...         given.add(thing)
    ...         raise failure
    ... except ZeroDivisionError as error:
    ...     caught = error
    >>> with raises("ConnectionStateError"):
    ...     given.root()
    >>> caught is failure, len(opened(db).root()), thing._p_jar, thing._p_oid
    (True, 0, None, None)
    """


@example(
    "database.transaction-can-fail", MUST, rules="CONN-55", error="ConflictError", since=CURRENT
)
def transaction_can_fail() -> None:
    """Where the block ends well and its commit fails, nothing is stored, the error of the commit
    goes on to the program, and the connection is closed as in any other case: nobody else has it.

    >>> with raises("ConflictError"):
    ...     with db.transaction() as given:
    ...         given.root()["a"] = 1
    ...         connection.root()["a"] = 2
    ...         tm.commit()
    >>> with raises("ConnectionStateError"):
    ...     given.root()
    >>> opened(db).root()["a"]
    2
    """


@example("database.transaction-apart", MUST, rules="CONN-55", since=CURRENT)
def transaction_apart() -> None:
    """The transaction of the block is its own: the one that the thread has is neither committed by
    it nor aborted, and the block does not see what that one has changed. Blocks can be nested.

    >>> mine = db.open()
    >>> mine.root()["mine"] = 1
    >>> with db.transaction() as one:
    ...     one.root()["one"] = Thing()
    ...     with db.transaction() as other:
    ...         seen = list(other.root())
    >>> seen, sorted(mine.root()), sorted(opened(db).root())
    ([], ['mine'], ['one'])
    >>> transaction.abort()
    >>> sorted(mine.root())
    ['one']
    """


@example("database.transaction-note", MUST, rules="CONN-55", since=CURRENT)
def transaction_note() -> None:
    """A text that is given is the description of the transaction.

    >>> with db.transaction("spring cleaning") as given:
    ...     described = given.transaction_manager.get().description
    >>> described
    'spring cleaning'
    >>> with db.transaction() as given:
    ...     described = given.transaction_manager.get().description
    >>> described
    ''
    """


@example(
    "database.transaction-loss-is-told",
    SHOULD,
    rules="CONN-55 CONN-52",
    error="Exception",
    since=CURRENT,
)
def transaction_loss_is_told() -> None:
    """Where the database is closed before the block ends, its changes can't be committed. The block
    does not end then as if they had been.

    >>> with raises("Exception"):
    ...     with db.transaction() as given:
    ...         given.root()["a"] = 1
    ...         db.close()
    """


@example("database.settings", MUST, rules="CONN-5 CONN-22")
def settings() -> None:
    """How many connections are expected and how many objects a cache keeps are settings, which can
    be asked for.

    >>> db.setPoolSize(11)
    >>> db.setCacheSize(1234)
    >>> db.getPoolSize(), db.getCacheSize()
    (11, 1234)
    """


@example("database.options", MUST, rules="CONN-5 CONN-22", needs="several-databases")
def options() -> None:
    """The sizes of pool and caches can be given as options when a database is made.

    >>> other = open_db(pool_size=11, cache_size=1234)
    >>> other.getPoolSize(), other.getCacheSize()
    (11, 1234)
    """


@example("database.cache-bytes", MUST, rules="CONN-22", since=CURRENT, needs="several-databases")
def cache_bytes() -> None:
    """The size of a cache can be given in bytes as well, as an option and later; the one is set
    without the other.

    >>> other = open_db(cache_size=1234, cache_size_bytes=1 << 20)
    >>> other.getCacheSize(), other.getCacheSizeBytes()
    (1234, 1048576)
    >>> other.setCacheSizeBytes(1 << 21)
    >>> other.getCacheSize(), other.getCacheSizeBytes()
    (1234, 2097152)
    """


@example("database.minimizes-all-caches", MUST, rules="CONN-59 CONN-23")
def minimizes_all_caches() -> None:
    """`db.cacheMinimize()` makes ghosts in all connections: of all objects that have no changes.
    What has some stays as it is. Connections that are closed, and wait to be opened again, are
    among them.

    >>> connection.root()["thing"] = Thing()
    >>> connection.root()["thing"].a = 1
    >>> tm.commit()
    >>> others = [opened(db), opened(db)]
    >>> waiting = opened(db)
    >>> things = [each.root()["thing"] for each in (connection, *others, waiting)]
    >>> [thing.a for thing in things]
    [1, 1, 1, 1]
    >>> things[2].a = 2
    >>> waiting.close()
    >>> db.cacheMinimize()
    >>> [thing._p_changed for thing in things]
    [None, None, True, None]
    >>> things[0].a, things[2].a
    (1, 2)
    """


@example("database.sweeps-all-caches", MUST, rules="CONN-59 CONN-22")
def sweeps_all_caches() -> None:
    """`db.cacheFullSweep()` looks at every object in the caches of all connections, and leaves no
    more than the size of a cache allows. What has changes stays as it is.

    >>> for number in range(5):
    ...     connection.root()[number] = Thing()
    ...     connection.root()[number].a = number
    >>> tm.commit()
    >>> others = [connection, opened(db)]
    >>> things = [[each.root()[number] for number in range(5)] for each in others]
    >>> [[thing.a for thing in each] for each in things]
    [[0, 1, 2, 3, 4], [0, 1, 2, 3, 4]]
    >>> things[1][0].a = 7
    >>> db.setCacheSize(1)
    >>> db.cacheFullSweep()
    >>> [sum(thing._p_changed is False for thing in each) <= 1 for each in things]
    [True, True]
    >>> things[1][0]._p_changed, things[1][0].a, things[1][4].a
    (True, 7, 4)
    """


@example("database.reports-change-nothing", MUST, rules="CONN-59")
def reports_change_nothing() -> None:
    """A database reports what it holds, and nothing changes by that: no object is loaded, forgotten
    or marked, nobody's snapshot moves, and no transaction is joined.

    >>> root = connection.root()
    >>> root["loaded"], root["ghost"], root["changed"] = Thing(), Thing(), Thing()
    >>> root["a"] = 1
    >>> tm.commit()
    >>> other = opened(db)
    >>> seen = [other.root()[name] for name in ("loaded", "ghost", "changed")]
    >>> seen[0]._p_activate()
    >>> seen[2].a = 1
    >>> root["a"] = 2
    >>> tm.commit()
    >>> reports = [db.cacheDetail(), db.cacheExtremeDetail(), db.cacheDetailSize()]
    >>> reports += [db.cacheSize(), db.connectionDebugInfo()]
    >>> reports += [db.getName(), db.getSize(), db.objectCount(), db.lastTransaction()]
    >>> [each._p_changed for each in seen], other.root()["a"]
    ([False, None, True], 1)
    >>> other.root()["ghost"] is seen[1]
    True
    >>> connection.close()
    >>> other.transaction_manager.commit()
    >>> opened(db).root()["changed"].a
    1
    """


@text("database.figures-are-for-people", MUST, rules="STOR-29", binds="caller")
def figures_are_for_people() -> None:
    """`getName`, `getSize` and `objectCount` tell a person something about a database: what its
    storage is called, about how many bytes it takes, and about how many objects it holds. A program
    draws no conclusions from them: a size may be an estimate, and a count an old one.
    """


@example("database.cache-detail", SHOULD, rules="CONN-59")
def cache_detail() -> None:
    """`db.cacheDetail()` says of which classes the objects are that the caches hold: pairs of the
    name of a class, with its module, and a number, over all connections.

    >>> name = "persistent.mapping.PersistentMapping"
    >>> root = connection.root()
    >>> one = dict(db.cacheDetail())[name]
    >>> others = [opened(db).root(), opened(db).root()]
    >>> dict(db.cacheDetail())[name] - one
    2
    """


@example("database.cache-extreme-detail", SHOULD, rules="CONN-59")
def cache_extreme_detail() -> None:
    """`db.cacheExtremeDetail()` lists every object in every cache: the oid, the class, whether the
    object is a ghost, unchanged or changed, and a number that tells one connection from another.

    >>> thing = connection.root()["thing"] = Thing()
    >>> tm.commit()
    >>> seen = opened(db).root()["thing"]
    >>> thing.a = 1
    >>> found = [each for each in db.cacheExtremeDetail() if each["oid"] == thing._p_oid]
    >>> sorted(str(each["state"]) for each in found)
    ['None', 'True']
    >>> {each["klass"].rpartition(".")[2] for each in found}
    {'Thing'}
    >>> len({each["conn_no"] for each in found})
    2
    """


@example("database.cache-size", MUST, rules="CONN-59")
def cache_size() -> None:
    """`db.cacheSize()` is the number of objects in all caches that are no ghosts.

    >>> connection.root()["thing"] = Thing()
    >>> tm.commit()
    >>> seen = opened(db).root()["thing"]
    >>> loaded = db.cacheSize()
    >>> seen._p_activate()
    >>> db.cacheSize() - loaded
    1
    """


@example("database.cache-detail-size", SHOULD, rules="CONN-59")
def cache_detail_size() -> None:
    """`db.cacheDetailSize()` says for each connection how many objects its cache holds, under the
    key ``size``, and under ``ngsize`` how many of them are no ghosts.

    >>> connection.root()["thing"] = Thing()
    >>> tm.commit()
    >>> seen = opened(db).root()["thing"]
    >>> sizes = [(each["ngsize"], each["size"]) for each in db.cacheDetailSize()]
    >>> sum(loaded for loaded, every in sizes) == db.cacheSize()
    True
    >>> all(loaded <= every for loaded, every in sizes)
    True
    """


@example("database.cache-last-gc-time", SHOULD, rules="CONN-59")
def cache_last_gc_time() -> None:
    """`db.cacheLastGCTime()` is when a cache was last looked through for what it can forget; at
    least it can be asked.

    >>> db.cacheLastGCTime() >= 0
    True
    """


@example("database.connection-debug-info", MUST, rules="CONN-59 CONN-30")
def connection_debug_info() -> None:
    """`db.connectionDebugInfo()` describes each connection that there is, with what `setDebugInfo`
    was told of it, as long as that holds. This is for a person who wonders who has left a
    connection open.

    >>> other = opened(db)
    >>> connection.setDebugInfo("day shift")
    >>> other.setDebugInfo("night shift")
    >>> [name in str(db.connectionDebugInfo()) for name in ("day shift", "night shift")]
    [True, True]
    >>> other.close()
    >>> [name in str(db.connectionDebugInfo()) for name in ("day shift", "night shift")]
    [True, False]
    """


@example("database.connection-debug-entries", SHOULD, rules="CONN-59 CONN-30")
def connection_debug_entries() -> None:
    """Each entry of this report is a mapping. What `setDebugInfo` was told stands under ``info``,
    and since when the connection is open under ``opened``, which is None while it is closed.

    >>> other = opened(db)
    >>> other.setDebugInfo("night shift")
    >>> found = [each for each in db.connectionDebugInfo() if "night shift" in str(each["info"])]
    >>> len(found), found[0]["opened"] is None
    (1, False)
    >>> def number_of_open_ones():
    ...     return sum(each["opened"] is not None for each in db.connectionDebugInfo())
    >>> before = number_of_open_ones()
    >>> other.close()
    >>> before - number_of_open_ones()
    1
    """


@example("database.activity-monitor", SHOULD, rules="CONN-31")
def activity_monitor() -> None:
    """A database can have an activity monitor, and has none at first. It is told of every
    connection that is closed, by its method `closedConnection`, and can ask the connection what
    was loaded and stored.

    >>> class Monitor:
    ...     def __init__(self):
    ...         self.told = []
    ...     def closedConnection(self, connection):
    ...         self.told.append((connection.db(), *connection.getTransferCounts(True)))
    >>> db.getActivityMonitor() is None
    True
    >>> monitor = Monitor()
    >>> db.setActivityMonitor(monitor)
    >>> db.getActivityMonitor() is monitor
    True
    >>> other = opened(db)
    >>> other.root()["thing"] = Thing()
    >>> other.transaction_manager.commit()
    >>> monitor.told
    []
    >>> other.close()
    >>> [(of is db, loads > 0, stores) for of, loads, stores in monitor.told]
    [(True, True, 2)]
    >>> db.setActivityMonitor(None)
    >>> opened(db).close()
    >>> len(monitor.told)
    1
    """


@example("database.activity-monitor-may-fail", SHOULD, rules="CONN-16 CONN-31")
def activity_monitor_may_fail() -> None:
    """A monitor that fails keeps no connection from being closed, as a callback does not: the
    failure is logged, and who closes his connection learns nothing of it.

    >>> class Monitor:
    ...     def closedConnection(self, connection):
    ...         fail()
    >>> db.setActivityMonitor(Monitor())
    >>> other = opened(db)
    >>> manager = other.transaction_manager
    >>> with logged("WARNING") as messages:
    ...     other.close()
    >>> db.setActivityMonitor(None)
    >>> with raises("ConnectionStateError"):
    ...     other.root()
    >>> len(messages) > 0, manager.registeredSynchs()
    (True, False)
    """


@example("database.read-only", MUST, rules="CONN-9", needs="raw-records")
def read_only() -> None:
    """A connection that shows the current state is read-only where its storage is.

    >>> bool(connection.isReadOnly()) == bool(db.storage.isReadOnly())
    True
    >>> with replaced(db.storage, "isReadOnly", lambda method, *arguments: True):
    ...     told = opened(db).isReadOnly()
    >>> bool(told)
    True
    """
