"""The pool: what becomes of a connection that was closed, and how many there are.

To make a connection costs little, and to fill its cache costs much. So a database keeps the
connections that were closed, and opens them again. Which of them a program has got, the examples
tell by the root that is in its cache, and not by the connection itself: an implementation may hand
out another handle each time that it opens one.
"""

from __future__ import annotations

from zodb_spec.clause import MAY, MUST, SHOULD, example
from zodb_spec.editions import CURRENT, Edition


@example("pool.used-again", MUST, rules="CONN-3")
def used_again() -> None:
    """A connection that was closed is opened again when the next one is asked for, with the objects
    in its cache: what the program has kept of it is the same as before.

    >>> thing = connection.root()["thing"] = Thing()
    >>> tm.commit()
    >>> connection.close()
    >>> again = opened(db)
    >>> again.root()["thing"] is thing
    True
    """


@example("pool.last-in-first-out", MUST, rules="CONN-3")
def last_in_first_out() -> None:
    """Of several connections that were closed, and have equally much in their caches, the one that
    was closed last is opened first: what it has in its cache is the most likely to be of use.

    >>> db.setPoolSize(7)
    >>> waiting = [opened(db) for _ in range(3)]
    >>> roots = [each.root() for each in waiting]
    >>> for each, root in zip(waiting, roots):
    ...     read = len(root)
    ...     each.close()
    >>> number = {id(root): n for n, root in enumerate(roots)}
    >>> [number.get(id(opened(db).root())) for _ in roots]
    [2, 1, 0]
    """


@example("pool.strictly-last-in-first-out", MUST, rules="CONN-4", until=Edition.C)
def strictly_last_in_first_out() -> None:
    """Of several connections that were closed, the one that was closed last is opened first, also
    if it has nothing in its cache.

    >>> db.setPoolSize(7)
    >>> waiting = [opened(db) for _ in range(3)]
    >>> roots = [each.root() for each in waiting]
    >>> for each, root in zip(waiting, roots):
    ...     read = len(root)
    >>> waiting[2].cacheMinimize()
    >>> for each in waiting:
    ...     each.close()
    >>> number = {id(root): n for n, root in enumerate(roots)}
    >>> [number.get(id(opened(db).root())) for _ in roots]
    [2, 1, 0]
    """


@example("pool.larger-cache-first", MAY, rules="CONN-4", since=CURRENT)
def larger_cache_first() -> None:
    """A connection that has less in its cache than others which were closed before may have to wait
    until these are opened again. So one that was opened for a moment only, and has nothing in its
    cache, does not keep the others from being used, and all of them from growing. Each of them
    comes to its turn in any case.

    >>> db.setPoolSize(7)
    >>> larger, smaller = opened(db), opened(db)
    >>> roots = [larger.root(), smaller.root()]
    >>> read = len(roots[0])
    >>> smaller.cacheMinimize()
    >>> larger.close()
    >>> smaller.close()
    >>> found = [opened(db).root() for _ in roots]
    >>> {id(root) for root in found} == {id(root) for root in roots}
    True
    """


@example("pool.size-is-no-limit", MUST, rules="CONN-5", needs="several-databases")
def size_is_no_limit() -> None:
    """`pool_size` is how many connections the program expects to need at once. It is not a limit:
    `open` never waits and never fails because of it, and gives each caller a connection of its own.

    >>> small = open_db(pool_size=2)
    >>> many = [opened(small) for _ in range(7)]
    >>> roots = [each.root() for each in many]
    >>> len({id(root) for root in roots})
    7
    """


@example("pool.warns-beyond-its-size", MUST, rules="CONN-5", needs="several-databases")
def warns_beyond_its_size() -> None:
    """To open more connections than `pool_size` is logged as a warning, and to open more than
    twice as many as something critical: most often they are connections that somebody forgets to
    close. What a storage logs besides, at every opening, is no matter of the pool.

    >>> small, many = open_db(pool_size=2), []
    >>> def told(level):
    ...     with logged(level) as messages:
    ...         many.append(opened(small))
    ...     return len(messages)
    >>> first, second, third = [told("WARNING") for _ in range(3)]
    >>> third > second
    True
    >>> fourth, fifth = told("CRITICAL"), told("CRITICAL")
    >>> fifth > fourth
    True
    """


@example("pool.abandoned-do-not-count", SHOULD, rules="CONN-5", needs="several-databases")
def abandoned_do_not_count() -> None:
    """A connection that the program has let go of without closing it does not count any longer,
    once Python has collected it.

    >>> import gc
    >>> small = open_db(pool_size=2)
    >>> def told():
    ...     with logged("WARNING") as messages:
    ...         abandoned = small.open(transaction_manager=transaction.TransactionManager())
    ...     del abandoned
    ...     unreachable = gc.collect()
    ...     return len(messages)
    >>> counts = [told() for _ in range(6)]
    >>> counts[5] > counts[1]
    False
    """


@example("pool.surplus-is-discarded", MUST, rules="CONN-5", needs="several-databases")
def surplus_is_discarded() -> None:
    """Of the connections that were closed no more are kept than `pool_size`. The others are
    discarded, those first that were closed first, and are never opened again.

    >>> small = open_db(pool_size=2)
    >>> many = [opened(small) for _ in range(3)]
    >>> roots = [each.root() for each in many]
    >>> for each, root in zip(many, roots):
    ...     read = len(root)
    >>> for each in many:
    ...     each.close()
    >>> number = {id(root): n for n, root in enumerate(roots)}
    >>> again = [opened(small).root() for _ in range(5)]
    >>> [number.get(id(root)) for root in again]
    [2, 1, None, None, None]
    """


@example(
    "pool.discarded-stays-closed",
    MUST,
    rules="CONN-5 CONN-10 CONN-18",
    error="ConnectionStateError",
    needs="several-databases",
)
def discarded_stays_closed() -> None:
    """A connection that was discarded is a closed one: it gives no objects, and to close it again
    does nothing.

    >>> small = open_db(pool_size=1)
    >>> first, second = opened(small), opened(small)
    >>> root = first.root()
    >>> read = len(root), len(second.root())
    >>> first.close()
    >>> second.close()
    >>> with raises("ConnectionStateError"):
    ...     first.get(z64)
    >>> first.close()
    >>> again = opened(small)
    >>> with raises("ConnectionStateError"):
    ...     first.root()
    >>> dict(again.root())
    {}
    """


@example(
    "pool.discarded-lets-go",
    SHOULD,
    rules="CONN-5",
    since=Edition.C,
    needs="several-databases",
)
def discarded_lets_go() -> None:
    """A connection that is discarded lets go of the objects in its cache at once, also if the
    program still holds the connection: it can't be opened again, and what it keeps may be much.

    >>> import gc, weakref
    >>> small = open_db(pool_size=1)
    >>> first, second = opened(small), opened(small)
    >>> thing = first.root()["thing"] = Thing()
    >>> thing.a = 1
    >>> first.transaction_manager.commit()
    >>> second.sync()
    >>> thing.a, second.root()["thing"].a
    (1, 1)
    >>> thing = weakref.ref(thing)
    >>> first.close()
    >>> second.close()
    >>> unreachable = gc.collect()
    >>> thing() is None
    True
    """


@example("pool.size-can-change", MUST, rules="CONN-5")
def size_can_change() -> None:
    """`db.setPoolSize(size)` changes the size of the pool for what comes, and discards what is too
    much in a smaller one.

    >>> waiting = [opened(db) for _ in range(3)]
    >>> roots = [each.root() for each in waiting]
    >>> for each, root in zip(waiting, roots):
    ...     read = len(root)
    >>> for each in waiting:
    ...     each.close()
    >>> db.setPoolSize(1)
    >>> number = {id(root): n for n, root in enumerate(roots)}
    >>> again = [opened(db).root() for _ in range(3)]
    >>> [number.get(id(root)) for root in again]
    [2, None, None]
    >>> more = []
    >>> def told():
    ...     with logged("WARNING") as messages:
    ...         more.append(opened(db))
    ...     return len(messages)
    >>> beyond = told()
    >>> db.setPoolSize(20)
    >>> beyond > told()
    True
    """


@example("pool.timeout", MUST, rules="CONN-6", since=CURRENT, needs="several-databases")
def timeout() -> None:
    """A connection that has waited in the pool for longer than `pool_timeout`, in seconds, is
    discarded when one is opened: what it keeps in its cache is of no use to anybody for so long.

    The connection that is opened then may still be one of those.

    >>> import time
    >>> hasty = open_db(pool_timeout=0.05)
    >>> waiting = [opened(hasty) for _ in range(3)]
    >>> roots = [each.root() for each in waiting]
    >>> for each in waiting:
    ...     each.close()
    >>> time.sleep(0.2)
    >>> first = opened(hasty)
    >>> others = [opened(hasty).root() for _ in roots]
    >>> [root for root in others if id(root) in map(id, roots)]
    []
    """


@example(
    "pool.kept-until-its-timeout",
    MUST,
    rules="CONN-6 CONN-3",
    since=CURRENT,
    needs="several-databases",
)
def kept_until_its_timeout() -> None:
    """A connection that has waited for less than `pool_timeout` is kept, also while others are
    opened and closed.

    >>> patient = open_db(pool_timeout=3600, pool_size=7)
    >>> waiting = [opened(patient) for _ in range(3)]
    >>> roots = [each.root() for each in waiting]
    >>> for each, root in zip(waiting, roots):
    ...     read = len(root)
    ...     each.close()
    >>> for _ in range(2):
    ...     again = [opened(patient) for _ in roots]
    ...     found = [each.root() for each in again]
    ...     for each in again:
    ...         each.close()
    >>> {id(root) for root in found} == {id(root) for root in roots}
    True
    """


@example(
    "pool.timed-out-is-not-taken",
    SHOULD,
    rules="CONN-6",
    since=CURRENT,
    needs="several-databases",
)
def timed_out_is_not_taken() -> None:
    """A connection that has waited in the pool for longer than `pool_timeout` is not opened again,
    also if it is the next one: what it holds beyond its objects, such as a session on a server, may
    have ended meanwhile, which can be why the program has asked for a timeout.

    >>> import time
    >>> hasty = open_db(pool_timeout=0.05)
    >>> only = opened(hasty)
    >>> root = only.root()
    >>> only.close()
    >>> time.sleep(0.2)
    >>> opened(hasty).root() is root
    False
    """


@example("pool.closed-twice-pooled-once", MUST, rules="CONN-3 CONN-18")
def closed_twice_pooled_once() -> None:
    """A connection that was closed twice is in the pool once: no two users get the same one.

    >>> other = opened(db)
    >>> other.close()
    >>> other.close()
    >>> one, two = opened(db), opened(db)
    >>> one.root()["a"] = 1
    >>> "a" in two.root()
    False
    """


@example("pool.stale-handle", MUST, rules="CONN-19 CONN-18")
def stale_handle() -> None:
    """Who has closed a connection may hold it still, while it is open again for somebody else. To
    close it once more either closes it for this other user, as a close of his own would, or does
    nothing, where each `open` gives a handle of its own. All other connections stay as they are,
    and nobody shares one after that.

    >>> stale = opened(db)
    >>> stale.close()
    >>> user, witness = opened(db), opened(db)
    >>> root = witness.root()
    >>> stale.close()
    >>> witness.root() is root
    True
    >>> with allowing("ConnectionStateError"):
    ...     read = dict(user.root())
    ...     user.close()
    >>> one, two = opened(db), opened(db)
    >>> one.root()["a"] = 1
    >>> "a" in two.root(), "a" in witness.root()
    (False, False)
    """


@example(
    "pool.stale-handle-of-one-with-changes",
    MUST,
    rules="CONN-19 CONN-13",
    error="ConnectionStateError",
)
def stale_handle_of_one_with_changes() -> None:
    """A stale handle does not take a connection with changes from under its user: to close it is
    refused as it is refused to himself, or does nothing. The changes stay, and can be committed.

    >>> stale = opened(db)
    >>> stale.close()
    >>> user = opened(db)
    >>> user.root()["a"] = 1
    >>> with allowing("ConnectionStateError"):
    ...     stale.close()
    >>> user.root()["a"]
    1
    >>> user.transaction_manager.commit()
    >>> opened(db).root()["a"]
    1
    """
