"""The cache of a connection: what it keeps in memory, and what it lets go of.

A connection keeps the objects that were used last, with their states, because they are likely to be
used again; the others become ghosts, which are loaded when somebody asks. How much it keeps is the
program's choice, and it may keep less: nothing that a program computes depends on it. What was
changed is never let go of, for there is nothing yet to load it from.

That an object has become a ghost shows in `_p_changed`, which is None then, and whose reading does
not load it.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, SHOULD, example, id_of, step
from zodb_spec.editions import CURRENT, Edition
from zodb_spec.world import CLEAN, GHOST, LOADED, Name, Object, World


@step("cache.reducing-is-invisible", MUST, rules="CONN-22 LIFE-35")
def reducing_is_invisible(world: World, thing: Name) -> Object:
    """To reduce a cache, by `cacheGC`, by giving it another size, or by going over all of it, makes
    no difference to what a program reads: what has changed, or was added, stays as it is, and
    everything else is the same object as before, which may have to be loaded again.
    """
    id = id_of(reducing_is_invisible)
    found = world.objects[thing]
    state = world.fact(found.state.value, id)
    if found.status.value == GHOST:  # it may have been loaded since, and need not be one again
        return found._replace(state=state)
    status = CLEAN if found.status.value == LOADED else found.status.value
    return found._replace(status=world.fact(status, id), state=state)


@example("cache.gc-keeps-to-the-size", MUST, rules="CONN-22", needs="several-databases")
def gc_keeps_to_the_size() -> None:
    """`connection.cacheGC()` makes ghosts of objects until no more are loaded than the
    `cache_size` of the database.

    >>> small = open_db(cache_size=5)
    >>> connection = opened(small)
    >>> things = connection.root()["things"] = [Thing() for _ in range(20)]
    >>> connection.transaction_manager.commit()
    >>> for thing in things:
    ...     thing._p_activate()
    >>> connection.cacheGC()
    >>> sum(thing._p_changed is not None for thing in things) <= 5
    True
    """


@example("cache.gc-least-recently-used", MUST, rules="CONN-22", needs="several-databases")
def gc_least_recently_used() -> None:
    """The objects of which `cacheGC` makes ghosts are those that have not been used for the longest
    time.

    >>> small = open_db(cache_size=5)
    >>> connection = opened(small)
    >>> things = connection.root()["things"] = [Thing() for _ in range(20)]
    >>> for n, thing in enumerate(things):
    ...     thing.n = n
    >>> connection.transaction_manager.commit()
    >>> used = things[10:] + things[:10]
    >>> for thing in things:
    ...     thing._p_activate()
    >>> [thing.n for thing in used] == [*range(10, 20), *range(10)]
    True
    >>> connection.cacheGC()
    >>> loaded = [thing for thing in used if thing._p_changed is not None]
    >>> [id(thing) for thing in loaded] == [id(thing) for thing in used[20 - len(loaded):]]
    True
    """


@example("cache.gc-spares-changes", MUST, rules="CONN-22", needs="several-databases")
def gc_spares_changes() -> None:
    """Here it is seen that `cacheGC` does not touch what was changed or added and is not committed
    yet, however much that is.

    >>> small = open_db(cache_size=1)
    >>> connection = opened(small)
    >>> changed = connection.root()["changed"] = [Thing() for _ in range(5)]
    >>> connection.transaction_manager.commit()
    >>> added = connection.root()["added"] = [Thing() for _ in range(5)]
    >>> for n, thing in enumerate(changed + added):
    ...     thing.n = n
    >>> for thing in added:
    ...     connection.add(thing)
    >>> connection.cacheGC()
    >>> [thing.n for thing in changed + added] == list(range(10))
    True
    >>> connection.transaction_manager.commit()
    >>> root = opened(small).root()
    >>> [thing.n for thing in root["changed"] + root["added"]] == list(range(10))
    True
    """


@example("cache.size-honoured", SHOULD, rules="CONN-22", needs="several-databases")
def size_honoured() -> None:
    """At the end of each transaction, whether it was committed or aborted, a connection reduces its
    cache to its size by itself.

    >>> small = open_db(cache_size=5)
    >>> connection = opened(small)
    >>> things = connection.root()["things"] = [Thing() for _ in range(20)]
    >>> loaded = lambda: sum(thing._p_changed is not None for thing in things)
    >>> connection.transaction_manager.commit()
    >>> loaded() <= 5
    True
    >>> for thing in things:
    ...     thing._p_activate()
    >>> connection.transaction_manager.abort()
    >>> loaded() <= 5
    True
    """


@example("cache.sync-reduces", SHOULD, rules="CONN-22 CONN-21", needs="several-databases")
def sync_reduces() -> None:
    """`connection.sync()` reduces the cache of the connection to its size as well.

    >>> small = open_db(cache_size=5)
    >>> connection = opened(small)
    >>> things = connection.root()["things"] = [Thing() for _ in range(20)]
    >>> connection.transaction_manager.commit()
    >>> for thing in things:
    ...     thing._p_activate()
    >>> connection.sync()
    >>> sum(thing._p_changed is not None for thing in things) <= 5
    True
    """


@example("cache.size-in-bytes", MUST, rules="CONN-22", since=CURRENT, needs="several-databases")
def size_in_bytes() -> None:
    """`cache_size_bytes` is the size of the cache in another measure: how large the records of the
    loaded objects are together, as far as that can be estimated. `cacheGC` keeps to it as well.

    >>> small = open_db(cache_size_bytes=10_000)
    >>> connection = opened(small)
    >>> things = connection.root()["things"] = [Thing() for _ in range(100)]
    >>> for thing in things:
    ...     thing.content = bytes(1_000)
    >>> connection.transaction_manager.commit()
    >>> other = opened(small)
    >>> seen = other.root()["things"]
    >>> sizes = [len(thing.content) for thing in seen]
    >>> other.cacheGC()
    >>> sum(thing._p_changed is not None for thing in seen) <= 20
    True
    """


@example("cache.size-can-change", MUST, rules="CONN-22")
def size_can_change() -> None:
    """`db.setCacheSize(size)` gives all caches another size: those of connections that are open,
    of those that wait in the pool, and of those that are still to come.

    >>> things = connection.root()["things"] = [Thing() for _ in range(20)]
    >>> tm.commit()
    >>> connections = [connection, opened(db)]
    >>> pooled = opened(db)
    >>> pooled.close()
    >>> db.setCacheSize(5)
    >>> def loaded(connection):
    ...     things = connection.root()["things"]
    ...     for thing in things:
    ...         thing._p_activate()
    ...     connection.cacheGC()
    ...     return sum(thing._p_changed is not None for thing in things)
    >>> [loaded(each) <= 5 for each in [*connections, opened(db), opened(db)]]
    [True, True, True, True]
    """


@example("cache.bytes-can-change", MUST, rules="CONN-22", since=CURRENT)
def bytes_can_change() -> None:
    """`db.setCacheSizeBytes(size)` does the same for the size in bytes.

    >>> things = connection.root()["things"] = [Thing() for _ in range(100)]
    >>> for thing in things:
    ...     thing.content = bytes(1_000)
    >>> tm.commit()
    >>> pooled = opened(db)
    >>> pooled.close()
    >>> db.setCacheSizeBytes(10_000)
    >>> def loaded(connection):
    ...     things = connection.root()["things"]
    ...     for thing in things:
    ...         thing._p_activate()
    ...     connection.cacheGC()
    ...     return sum(thing._p_changed is not None for thing in things)
    >>> [loaded(each) <= 20 for each in (connection, opened(db), opened(db))]
    [True, True, True]
    """


@example("cache.opening-spares-others", SHOULD, rules="CONN-22", since=CURRENT)
def opening_spares_others() -> None:
    """To open a connection does not reduce the caches of those that are open: an object does not
    become a ghost while its program is at work with it, unless the program asks for that. So what
    is computed is not computed again, and a change that nobody was told of is not lost before the
    program tells.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.values = []
    >>> tm.commit()
    >>> db.setCacheSize(0)
    >>> thing.values.append(1)
    >>> other = opened(db)
    >>> other.close()
    >>> other = opened(db)
    >>> thing.values
    [1]
    """


@example("cache.minimize", MUST, rules="CONN-23")
def minimize() -> None:
    """`connection.cacheMinimize()` makes a ghost of every object that has no changes, however
    large the cache may be. They are loaded again when they are used.

    >>> root = connection.root()
    >>> things = root["things"] = [Thing() for _ in range(20)]
    >>> for n, thing in enumerate(things):
    ...     thing.n = n
    >>> tm.commit()
    >>> [thing.n for thing in things] == list(range(20))
    True
    >>> connection.cacheMinimize()
    >>> {thing._p_changed for thing in [root, *things]}
    {None}
    >>> [thing.n for thing in things] == list(range(20))
    True
    """


@example("cache.minimize-spares-changes", MUST, rules="CONN-23")
def minimize_spares_changes() -> None:
    """`cacheMinimize` leaves alone what was changed or added and is not committed yet.

    >>> changed = connection.root()["changed"] = Thing()
    >>> tm.commit()
    >>> changed.n = 1
    >>> added = Thing()
    >>> connection.add(added)
    >>> added.n = 2
    >>> connection.cacheMinimize()
    >>> changed.n, added.n
    (1, 2)
    >>> tm.commit()
    >>> other = opened(db)
    >>> other.root()["changed"].n, other.get(added._p_oid).n
    (1, 2)
    """


@example("cache.objects-may-refuse", MUST, rules="CONN-23 CONN-22", needs="several-databases")
def objects_may_refuse() -> None:
    """An object may refuse to become a ghost, by its `_p_deactivate`. It stays loaded, and the
    others become ghosts as if it were not there: `cacheMinimize` and `cacheGC` look at each object
    once and come to an end.

    >>> small = open_db(cache_size=1)
    >>> connection = opened(small)
    >>> root = connection.root()
    >>> clinging = root["clinging"] = [Clinging() for _ in range(5)]
    >>> things = root["things"] = [Thing() for _ in range(5)]
    >>> connection.transaction_manager.commit()
    >>> def left_by(reduce):
    ...     for each in clinging + things:
    ...         each._p_activate()
    ...     reduce()
    ...     return {each._p_changed for each in clinging}, {each._p_changed for each in things}
    >>> left_by(connection.cacheMinimize)
    ({False}, {None})
    >>> left_by(connection.cacheGC)[0]
    {False}
    """


@example("cache.identity-survives", MUST, rules="CONN-23 LIFE-30")
def identity_survives() -> None:
    """An object that the program holds stays the one object of its oid, as a ghost too, whatever is
    done to the cache.

    >>> import gc
    >>> thing = connection.root()["thing"] = Thing()
    >>> tm.commit()
    >>> def same_after(reduce):
    ...     reduce()
    ...     unreachable = gc.collect()
    ...     return connection.get(thing._p_oid) is connection.root()["thing"] is thing
    >>> [same_after(each) for each in (connection.cacheGC, connection.cacheMinimize)]
    [True, True]
    """


@example(
    "cache.minimize-reaches-the-group",
    MUST,
    rules="CONN-24 CONN-23",
    since=CURRENT,
    needs="several-databases",
)
def minimize_reaches_the_group() -> None:
    """`cacheMinimize` acts on all connections of the group, whichever of them it is called on.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> members = [connection, connection.get_connection("second")]
    >>> things = [Thing(), Thing()]
    >>> for member, thing in zip(members, things):
    ...     member.root()["thing"] = thing
    >>> tm.commit()
    >>> def left_by(member):
    ...     for thing in things:
    ...         thing._p_activate()
    ...     member.cacheMinimize()
    ...     return [thing._p_changed for thing in things]
    >>> [left_by(member) for member in members]
    [[None, None], [None, None]]
    """


@example(
    "cache.gc-reaches-the-group",
    MUST,
    rules="CONN-24 CONN-22",
    since=CURRENT,
    needs="several-databases",
)
def gc_reaches_the_group() -> None:
    """`cacheGC` acts on all connections of the group, whichever of them it is called on. Each keeps
    to the size of its own database.

    >>> small = open_db(databases=db.databases, database_name="small", cache_size=5)
    >>> member = connection.get_connection("small")
    >>> things = member.root()["things"] = [Thing() for _ in range(20)]
    >>> tm.commit()
    >>> for thing in things:
    ...     thing._p_activate()
    >>> connection.cacheGC()
    >>> sum(thing._p_changed is not None for thing in things) <= 5
    True
    """


@example(
    "cache.one-connection-alone", MUST, rules="CONN-24", until=Edition.C, needs="several-databases"
)
def one_connection_alone() -> None:
    """`cacheMinimize` and `cacheGC` act on the connection that they are called on, and on no other
    of its group.

    >>> small = open_db(databases=db.databases, database_name="small", cache_size=5)
    >>> member = connection.get_connection("small")
    >>> things = member.root()["things"] = [Thing() for _ in range(20)]
    >>> member.transaction_manager.commit()
    >>> for thing in things:
    ...     thing._p_activate()
    >>> loaded = [thing._p_changed for thing in things]
    >>> connection.cacheGC()
    >>> connection.cacheMinimize()
    >>> [thing._p_changed for thing in things] == loaded
    True
    """


@example("cache.full-sweep", SHOULD, rules="CONN-25")
def full_sweep() -> None:
    """`connection.cacheFullSweep()` goes over the whole cache of the connection, and leaves nothing
    loaded that has no changes.

    >>> root = connection.root()
    >>> changed, same = root["changed"], root["same"] = Thing(), Thing()
    >>> tm.commit()
    >>> same._p_activate()
    >>> changed.n = 1
    >>> connection.cacheFullSweep()
    >>> same._p_changed, root._p_changed, changed.n
    (None, None, 1)
    """


@example("cache.closing-reduces", MUST, rules="CONN-17", needs="several-databases")
def closing_reduces() -> None:
    """`close` reduces the cache to its size: nobody knows for how long the connection will wait to
    be opened again.

    >>> small = open_db(cache_size=5)
    >>> connection = opened(small)
    >>> things = connection.root()["things"] = [Thing() for _ in range(20)]
    >>> connection.transaction_manager.commit()
    >>> for thing in things:
    ...     thing._p_activate()
    >>> connection.close()
    >>> sum(thing._p_changed is not None for thing in things) <= 5
    True
    """


@example("cache.kept-over-closing", MUST, rules="CONN-17 CONN-3")
def kept_over_closing() -> None:
    """Of what the cache has room for, `close` frees nothing: connections are used again, and what
    one user has loaded is likely to be useful to the next.

    >>> things = connection.root()["things"] = [Thing() for _ in range(20)]
    >>> tm.commit()
    >>> db.setCacheSize(100)
    >>> for thing in things:
    ...     thing._p_activate()
    >>> connection.cacheGC()
    >>> loaded = [thing._p_changed for thing in things]
    >>> connection.close()
    >>> [thing._p_changed for thing in things] == loaded
    True
    """
