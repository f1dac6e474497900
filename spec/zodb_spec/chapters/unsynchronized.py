"""Without synchronisation: connections that are not told of boundaries.

By default a connection is told by its manager where transactions begin and end, and the manager is
that of the thread which has opened it. A program in which other threads than that use it opens it
with ``synch=False``. It is not told then, and knows of the transactions alone that it takes part
in, from its first change on. The documents of the time name two examples of boundaries that it
misses: those of transactions that only read, and of `undo`.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, example
from zodb_spec.editions import Edition


@example("boundary.unsynchronized-reader", MUST, rules="ISO-18", since=Edition.C, until=Edition.C)
def unsynchronized_reader() -> None:
    """A connection that is opened with ``synch=False`` is not told of the transactions of its
    manager. One that only reads does not take part in them, so it misses their boundaries: it
    shows the state as of its opening, also in what it loads later.

    >>> connection.root()["n"] = 0
    >>> tm.commit()
    >>> manager = transaction.TransactionManager()
    >>> own = db.open(transaction_manager=manager, synch=False)
    >>> def seen_after(boundary):
    ...     connection.root()["n"] += 1
    ...     tm.commit()
    ...     boundary()
    ...     return own.root()["n"]
    >>> [seen_after(boundary) for boundary in (manager.begin, manager.commit, manager.abort)]
    [0, 0, 0]
    >>> own.cacheMinimize()
    >>> own.root()["n"]
    0
    >>> own.close()
    """


@example(
    "boundary.unsynchronized-undo",
    MUST,
    rules="ISO-18",
    since=Edition.C,
    until=Edition.C,
    needs="undo",
)
def unsynchronized_undo() -> None:
    """A connection that is opened with ``synch=False`` misses the boundary of a transaction, of its
    own manager even, in which the database undoes something and the connection has changed nothing.

    >>> connection.root()["n"] = 0
    >>> tm.commit()
    >>> connection.root()["n"] = 1
    >>> tm.commit()
    >>> manager = transaction.TransactionManager()
    >>> own, told = db.open(transaction_manager=manager, synch=False), opened(db)
    >>> own.root()["n"], told.root()["n"]
    (1, 1)
    >>> db.undo(db.undoLog(0, 1)[0]["id"], txn=manager.get())
    >>> manager.commit()
    >>> told.sync()
    >>> own.root()["n"], told.root()["n"]
    (1, 0)
    >>> own.sync()
    >>> own.root()["n"]
    0
    >>> own.close()
    """


@example("boundary.unsynchronized-writer", MUST, rules="ISO-18", since=Edition.C, until=Edition.C)
def unsynchronized_writer() -> None:
    """A connection that is opened with ``synch=False`` takes part in a transaction of its manager
    from its first change in it, and passes the boundary at the end of that transaction, be it a
    commit or an abort.

    >>> for name in ("mine", "theirs"):
    ...     connection.root()[name] = Thing()
    ...     connection.root()[name].n = 0
    >>> tm.commit()
    >>> manager = transaction.TransactionManager()
    >>> own = db.open(transaction_manager=manager, synch=False)
    >>> def seen_around(end):
    ...     own.root()["mine"].n += 1
    ...     connection.root()["theirs"].n += 1
    ...     tm.commit()
    ...     before = own.root()["theirs"].n
    ...     end()
    ...     return before, own.root()["theirs"].n
    >>> seen_around(manager.commit), seen_around(manager.abort)
    ((0, 1), (1, 2))
    >>> own.root()["mine"].n
    1
    >>> own.close()
    """


@example(
    "boundary.unsynchronized-stays-stale",
    MUST,
    rules="ISO-18",
    since=Edition.C,
    until=Edition.C,
)
def unsynchronized_stays_stale() -> None:
    """What a connection changes that missed a boundary is made from the state that it shows: where
    that is not the newest any more, the commit fails with a conflict, and is followed by a boundary
    as any transaction is that the connection took part in.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.n = 0
    >>> tm.commit()
    >>> manager = transaction.TransactionManager()
    >>> own = db.open(transaction_manager=manager, synch=False)
    >>> own.root()["thing"].n
    0
    >>> thing.n = 1
    >>> tm.commit()
    >>> manager.begin()
    >>> own.root()["thing"].n += 1
    >>> with raises("ConflictError"):
    ...     manager.commit()
    >>> manager.abort()
    >>> own.root()["thing"].n
    1
    >>> own.close()
    """


@example("boundary.unsynchronized-opening", MUST, rules="ISO-18", since=Edition.C, until=Edition.C)
def unsynchronized_opening() -> None:
    """A connection that is opened with ``synch=False`` shows the newest state as of its opening,
    also where it comes out of the pool with objects in memory that have been changed since. It
    makes no difference whether it was opened with or without the option the last time.

    >>> connection.root()["n"] = 0
    >>> tm.commit()
    >>> manager = transaction.TransactionManager()
    >>> def seen_when_opened(synch):
    ...     own = db.open(transaction_manager=manager, synch=synch)
    ...     at_first = own.root()["n"]
    ...     connection.root()["n"] += 1
    ...     tm.commit()
    ...     manager.begin()
    ...     later = own.root()["n"]
    ...     own.close()
    ...     return at_first, later
    >>> [seen_when_opened(synch) for synch in (False, False, True, False)]
    [(0, 0), (1, 1), (2, 3), (3, 3)]
    """


@example("boundary.unsynchronized-sync", MUST, rules="ISO-18", since=Edition.C, until=Edition.C)
def unsynchronized_sync() -> None:
    """`sync` works for a connection that is opened with ``synch=False`` as for any other: the
    transaction of its manager is aborted, and the connection shows the newest state, whether it
    took part in that transaction or not.

    >>> first, second = connection.root()["a"], connection.root()["b"] = Thing(), Thing()
    >>> first.n = second.n = 0
    >>> tm.commit()
    >>> manager = transaction.TransactionManager()
    >>> own = db.open(transaction_manager=manager, synch=False)
    >>> def seen():
    ...     return own.root()["a"].n, own.root()["b"].n
    >>> seen()
    (0, 0)
    >>> first.n = 1
    >>> tm.commit()
    >>> own.sync()
    >>> seen()
    (1, 0)
    >>> first.n = 2
    >>> tm.commit()
    >>> own.root()["b"].n = 3
    >>> own.sync()
    >>> seen()
    (2, 0)
    >>> manager.commit()
    >>> opened(db).root()["b"].n
    0
    >>> own.close()
    """


@example(
    "boundary.unsynchronized-in-another-thread",
    MUST,
    rules="ISO-18 CONN-2",
    since=Edition.C,
    until=Edition.C,
)
def unsynchronized_in_another_thread() -> None:
    """A connection that is opened with ``synch=False``, and without a manager, may be used by
    another thread than the one that has opened it, one after the other: what a thread changes takes
    part in the transaction of that thread. This is what the option is for.

    >>> connection.root()["thing"] = Thing()
    >>> tm.commit()
    >>> handed_over = in_thread(lambda: db.open(synch=False))
    >>> handed_over.root()["thing"].a = 1
    >>> transaction.commit()
    >>> opened(db).root()["thing"].a
    1
    >>> handed_over.close()
    """
