"""Invalidated caches: those that do not hold any longer.

As a rule a connection learns by itself what others have committed, object by object, at the
boundaries between transactions. Here stands what is left: data that has changed in ways that nobody
can list, the calls by which connections were told in older editions, and classes that were
replaced.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, example, id_of, step
from zodb_spec.editions import Edition
from zodb_spec.world import GHOST, Name, Object, World


@example(
    "cache.invalidated-at-the-boundary",
    MUST,
    rules="CONN-26",
    since=Edition.C,
    needs="cache-invalidation",
)
def invalidated_at_the_boundary() -> None:
    """`db.invalidateCache()` says that the stored data has changed in ways that nobody can list.
    Here it is seen that it reaches all objects in the caches of all connections. They are invalid
    from the next boundary between transactions on, and are loaded again when they are used.

    >>> other = opened(db)
    >>> thing = connection.root()["thing"] = Thing()
    >>> tm.commit()
    >>> other.sync()
    >>> same = other.root()["thing"]
    >>> thing._p_activate(), same._p_activate()
    (None, None)
    >>> db.invalidateCache()
    >>> tm.abort()
    >>> started = other.transaction_manager.begin()
    >>> thing._p_changed, same._p_changed, connection.root()._p_changed, other.root()._p_changed
    (None, None, None, None)
    """


@step(
    "cache.invalidated-refuses-reads",
    MUST,
    rules="CONN-27",
    error="ReadConflictError",
    since=Edition.C,
    needs="cache-invalidation",
)
def invalidated_refuses_reads(world: World, connection: Name) -> bool:
    """Between `invalidateCache` and the next boundary a connection that is open loads nothing: to
    read what is not in memory fails with a `ReadConflictError`. What it would show need not fit to
    what the program has read before.  What is in memory, may be read; and what a savepoint has
    stored may be loaded, or not.
    """
    return world.connections[connection].invalid


@step(
    "cache.invalidated-refuses-commit",
    MUST,
    rules="CONN-27",
    error="ConflictError",
    since=Edition.C,
    needs="cache-invalidation",
)
def invalidated_refuses_commit(world: World, connection: Name) -> bool:
    """A transaction with changes that has met an `invalidateCache` can't be committed: the commit
    fails with a conflict, and nothing is stored. The next transaction may try again. Where a
    connection has joined and has changed nothing, its caches may be reason enough to refuse.
    """
    return world.connections[connection].invalid


@step(
    "cache.invalidated-reloads",
    MUST,
    rules="CONN-26 CONN-27",
    since=Edition.C,
    needs="cache-invalidation",
)
def invalidated_reloads(world: World, thing: Name) -> Object:
    """With the first boundary after an `invalidateCache`, or the next opening, every object of the
    connection is a ghost. It is loaded again when it is used, which works from then on.
    """
    id = id_of(invalidated_reloads)
    return world.objects[thing]._replace(status=world.fact(GHOST, id), state=world.fact(None, id))


@example(
    "cache.invalidated-while-closed",
    MUST,
    rules="CONN-26 CONN-27",
    since=Edition.C,
    needs="cache-invalidation",
)
def invalidated_while_closed() -> None:
    """Here it is seen that a connection which is closed at the time of an `invalidateCache` has
    nothing valid in its cache when it is opened again, and can be used at once.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.n = 1
    >>> tm.commit()
    >>> thing._p_activate()
    >>> connection.close()
    >>> db.invalidateCache()
    >>> again = opened(db)
    >>> thing._p_changed is None
    True
    >>> again.root()["thing"].n
    1
    """


@example(
    "cache.invalidated-alone",
    MUST,
    rules="CONN-26 CONN-27",
    since=Edition.C,
    needs="cache-invalidation",
    until=Edition.C,
)
def invalidated_alone() -> None:
    """`connection.invalidateCache()` does to one connection what that of the database does to all.

    >>> other = opened(db)
    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.n = 1
    >>> tm.commit()
    >>> other.sync()
    >>> same = other.root()["thing"]
    >>> read = thing.n, same.n
    >>> connection.invalidateCache()
    >>> connection.root()._p_deactivate()
    >>> with raises("ReadConflictError"):
    ...     connection.root()["thing"]
    >>> same._p_deactivate()
    >>> same.n
    1
    >>> tm.abort()
    >>> thing._p_changed is None
    True
    """


@example("cache.announced-at-the-boundary", MUST, rules="CONN-28", until=Edition.C)
def announced_at_the_boundary() -> None:
    """`connection.invalidate(tid, oids)` is how the database tells a connection what was changed
    elsewhere, by the transaction `tid`; `oids` is a mapping with oids as its keys, or a set. It
    takes effect at the next boundary between transactions and not before.

    >>> root = connection.root()
    >>> one, two, three = root["one"], root["two"], root["three"] = Thing(), Thing(), Thing()
    >>> tm.commit()
    >>> started = tm.begin()
    >>> for thing in one, two, three:
    ...     thing._p_activate()
    >>> connection.invalidate(db.lastTransaction(), {one._p_oid: 1})
    >>> connection.invalidate(db.lastTransaction(), {two._p_oid})
    >>> [thing._p_changed for thing in (one, two, three)]
    [False, False, False]
    >>> tm.abort()
    >>> one._p_changed, two._p_changed
    (None, None)
    """


@example("cache.announced-while-closed", MUST, rules="CONN-28", until=Edition.C)
def announced_while_closed() -> None:
    """A connection is told of changes while it is closed as well. What it was told takes effect
    when it is opened again.

    >>> thing = connection.root()["thing"] = Thing()
    >>> tm.commit()
    >>> thing._p_activate()
    >>> connection.close()
    >>> connection.invalidate(db.lastTransaction(), {thing._p_oid: 1})
    >>> again = opened(db)
    >>> thing._p_changed is None
    True
    """


@example("cache.announced-hides-what-comes", MUST, rules="CONN-28", until=Edition.C)
def announced_hides_what_comes() -> None:
    """Until that boundary, the connection shows what there was before the transaction that was
    announced, also of objects that it has to load. To be told of one twice does no harm.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.n = 1
    >>> tm.commit()
    >>> started = tm.begin()
    >>> thing._p_deactivate()
    >>> other = opened(db)
    >>> other.root()["thing"].n = 2
    >>> other.transaction_manager.commit()
    >>> connection.invalidate(other.root()["thing"]._p_serial, {thing._p_oid: 1})
    >>> thing.n
    1
    >>> tm.abort()
    >>> thing.n
    2
    """


@example("cache.reset", MUST, rules="CONN-48", needs="cache-reset")
def reset() -> None:
    """`resetCaches()`, a function of the module of the connections, makes every connection of the
    process drop its cache when it is opened the next time, and begin with an empty one. What the
    program has kept belongs to nothing any longer. This is for programs that load the code of their
    classes anew: objects that exist would go on with the old classes.

    >>> root = connection.root()
    >>> thing = root["thing"] = Thing()
    >>> thing.n = 1
    >>> tm.commit()
    >>> connection.close()
    >>> resetCaches()
    >>> again = opened(db)
    >>> again.root() is root, again.root()["thing"] is thing
    (False, False)
    >>> again.root()["thing"].n
    1
    """


@example("cache.reset-spares-open-ones", MUST, rules="CONN-48", needs="cache-reset")
def reset_spares_open_ones() -> None:
    """A connection that is open goes on with its cache after `resetCaches()`, changes included. It
    drops it when it is opened again after that.

    >>> root = connection.root()
    >>> thing = root["thing"] = Thing()
    >>> tm.commit()
    >>> thing.n = 1
    >>> resetCaches()
    >>> connection.root() is root, connection.get(thing._p_oid) is thing
    (True, True)
    >>> tm.commit()
    >>> connection.close()
    >>> again = opened(db)
    >>> again.root() is root, again.root()["thing"] is thing, again.root()["thing"].n
    (False, False, 1)
    """


@example(
    "cache.reset-keeps-the-size",
    MUST,
    rules="CONN-48 CONN-22",
    needs="cache-reset several-databases",
)
def reset_keeps_the_size() -> None:
    """The cache with which a connection begins after `resetCaches()` has the size of the one that
    it has dropped.

    >>> small = open_db(cache_size=5)
    >>> connection = opened(small)
    >>> connection.root()["things"] = [Thing() for _ in range(20)]
    >>> connection.transaction_manager.commit()
    >>> connection.close()
    >>> resetCaches()
    >>> again = opened(small)
    >>> things = again.root()["things"]
    >>> for thing in things:
    ...     thing._p_activate()
    >>> again.cacheGC()
    >>> sum(thing._p_changed is not None for thing in things) <= 5
    True
    """


@example(
    "cache.reset-reaches-the-group",
    MUST,
    rules="CONN-48 XREF-9",
    since=Edition.B,
    needs="cache-reset several-databases",
)
def reset_reaches_the_group() -> None:
    """A group that is opened again after `resetCaches()` begins with empty caches in all of its
    connections.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> root = connection.get_connection("second").root()
    >>> connection.close()
    >>> resetCaches()
    >>> again = opened(db)
    >>> again.get_connection("second").root() is root
    False
    """
