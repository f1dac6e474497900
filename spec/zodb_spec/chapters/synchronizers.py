"""Synchronisation: how connections and transaction managers keep in step.

A connection registers with the manager it is opened with, and is told by it where transactions
begin and end. These are its boundaries: there it moves to the newest state, and drops what was not
committed.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, SHOULD, example
from zodb_spec.editions import CURRENT, Edition


@example("boundary.reaches-every-connection", MUST, rules="ISO-4 ISO-19")
def reaches_every_connection() -> None:
    """The beginning and the end of every transaction of a manager, be it a commit or an abort,
    reach all connections that were opened with the manager, whether they take part in the
    transaction or not.

    >>> connection.root()["n"] = 0
    >>> tm.commit()
    >>> registered = [connection, *(db.open(transaction_manager=tm) for _ in range(2))]
    >>> def shown():
    ...     return [each.root()["n"] for each in registered]
    >>> other = opened(db)
    >>> def write(n):
    ...     other.root()["n"] = n
    ...     other.transaction_manager.commit()
    >>> shown()
    [0, 0, 0]
    >>> write(1)
    >>> shown()
    [0, 0, 0]
    >>> tm.begin()
    >>> shown()
    [1, 1, 1]
    >>> write(2)
    >>> tm.commit()
    >>> shown()
    [2, 2, 2]
    >>> write(3)
    >>> tm.abort()
    >>> shown()
    [3, 3, 3]
    >>> for each in registered:
    ...     each.close()
    """


@example("boundary.explicit-begin", MUST, rules="ISO-19", since=CURRENT)
def explicit_begin() -> None:
    """A program that wants a connection to move when it says so, and at no other time, opens it
    with a manager in explicit mode: each transaction that is begun shows the newest state, up to
    its end, and nothing happens in between.

    >>> connection.root()["n"] = 0
    >>> tm.commit()
    >>> manager = transaction.TransactionManager(explicit=True)
    >>> own = db.open(transaction_manager=manager)
    >>> def seen_while_writing(n):
    ...     manager.begin()
    ...     before = own.root()["n"]
    ...     connection.root()["n"] = n
    ...     tm.commit()
    ...     after = own.root()["n"]
    ...     manager.commit()
    ...     return before, after
    >>> [seen_while_writing(n) for n in (1, 2, 3)]
    [(0, 0), (1, 1), (2, 2)]
    >>> own.close()
    """


@example("boundary.opened-inside", MUST, rules="ISO-2")
def opened_inside() -> None:
    """A connection may be opened while its manager has a transaction in progress. It shows the
    newest state as of its opening, and not as of the beginning of the transaction.

    >>> connection.root()["n"] = 0
    >>> tm.commit()
    >>> other = opened(db)
    >>> tm.begin()
    >>> connection.root()["n"]
    0
    >>> other.root()["n"] = 1
    >>> other.transaction_manager.commit()
    >>> late = db.open(transaction_manager=tm)
    >>> late.root()["n"], connection.root()["n"]
    (1, 0)
    >>> late.close()
    """


@example("boundary.opened-inside-is-told", MUST, rules="ISO-4")
def opened_inside_is_told() -> None:
    """A connection that was opened while its manager has a transaction in progress is told of the
    end of that transaction.

    >>> connection.root()["n"] = 0
    >>> tm.commit()
    >>> manager = transaction.TransactionManager()
    >>> def seen_around(end):
    ...     manager.begin()
    ...     late = db.open(transaction_manager=manager)
    ...     before = late.root()["n"]
    ...     connection.root()["n"] += 1
    ...     tm.commit()
    ...     end()
    ...     after = late.root()["n"]
    ...     late.close()
    ...     return before, after
    >>> seen_around(manager.commit), seen_around(manager.abort)
    ((0, 1), (1, 2))
    """


@example("boundary.closing-leaves-the-manager", MUST, rules="CONN-2 ISO-2")
def closing_leaves_the_manager() -> None:
    """A connection that was closed follows its manager no more. If it is opened again, it follows
    the manager that it is opened with, and that one alone.

    >>> connection.root()["n"] = 0
    >>> tm.commit()
    >>> first, second = transaction.TransactionManager(), transaction.TransactionManager()
    >>> db.open(transaction_manager=first).close()
    >>> again = db.open(transaction_manager=second)
    >>> again.root()["n"]
    0
    >>> connection.root()["n"] = 1
    >>> tm.commit()
    >>> def seen_after(boundary):
    ...     boundary()
    ...     return again.root()["n"]
    >>> [seen_after(boundary) for boundary in (first.begin, first.commit, first.begin, first.abort)]
    [0, 0, 0, 0]
    >>> seen_after(second.begin)
    1
    >>> again.close()
    """


@example("boundary.cleared-manager", SHOULD, rules="ISO-19", since=CURRENT)
def cleared_manager() -> None:
    """A program, a test suite for example, may clear a manager with `clearSynchs`. It tells nobody
    of its transactions then, and the connections that were registered with it can be closed as
    ever.

    >>> own = opened(db)
    >>> own.root()["n"] = 1
    >>> own.transaction_manager.clearSynchs()
    >>> own.transaction_manager.abort()
    >>> own.close()
    >>> with raises("ConnectionStateError"):
    ...     own.root()
    """


@example("boundary.sync-is-for-all", MUST, rules="CONN-21")
def sync_is_for_all() -> None:
    """`sync` of one connection ends the transaction of its manager: changes are dropped in all
    connections that were opened with the manager, and all show the newest state.

    >>> first, second = connection.root()["a"], connection.root()["b"] = Thing(), Thing()
    >>> first.n = 0
    >>> tm.commit()
    >>> beside, other = db.open(transaction_manager=tm), opened(db)
    >>> beside.root()["a"].n
    0
    >>> other.root()["a"].n = 1
    >>> other.transaction_manager.commit()
    >>> second.n = 2
    >>> beside.sync()
    >>> hasattr(second, "n")
    False
    >>> first.n, beside.root()["a"].n
    (1, 1)
    >>> beside.close()
    """


@example(
    "boundary.begin-syncs-the-storage", MUST, rules="ISO-20", since=CURRENT, needs="raw-records"
)
def begin_syncs_the_storage() -> None:
    """A storage that learns of commits from elsewhere, from a server for example, has a method
    `sync` to catch up with them. It is called where a program says that a transaction begins: by
    `begin`, and by `sync` of a connection. It is not called when a connection is opened, nor after
    a commit or an abort: that would make each transaction wait twice.

    >>> manager = transaction.TransactionManager()
    >>> with syncs(db.storage) as calls:
    ...     own = db.open(transaction_manager=manager)
    ...     at_opening = bool(calls)
    ...     def asked(boundary):
    ...         calls.clear()
    ...         boundary()
    ...         return bool(calls)
    ...     at_beginnings = asked(manager.begin), asked(own.sync)
    ...     own.root()["n"] = 1
    ...     at_ends = asked(manager.commit), asked(manager.abort), asked(manager.commit)
    >>> at_opening, at_beginnings, at_ends
    (False, (True, True), (False, False, False))
    >>> own.close()
    """


@example(
    "boundary.every-one-syncs-the-storage",
    MUST,
    rules="ISO-20",
    until=Edition.C,
    needs="raw-records",
)
def every_one_syncs_the_storage() -> None:
    """A storage that learns of commits from elsewhere, from a server for example, has a method
    `sync` to catch up with them. It is called at every boundary: by `begin`, after a commit, after
    an abort, and by `sync` of a connection; but not when a connection is opened.

    >>> manager = transaction.TransactionManager()
    >>> with syncs(db.storage) as calls:
    ...     own = db.open(transaction_manager=manager)
    ...     at_opening = bool(calls)
    ...     def asked(boundary):
    ...         calls.clear()
    ...         boundary()
    ...         return bool(calls)
    ...     at_beginnings = asked(manager.begin), asked(own.sync)
    ...     own.root()["n"] = 1
    ...     at_ends = asked(manager.commit), asked(manager.abort), asked(manager.commit)
    >>> at_opening, at_beginnings, at_ends
    (False, (True, True), (True, True, True))
    >>> own.close()
    """


@example("boundary.opening-inside-syncs", MUST, rules="ISO-21", since=CURRENT, needs="raw-records")
def opening_inside_syncs() -> None:
    """Where a connection is opened while its manager has a transaction in progress, the storage is
    asked to `sync`: the program has said that the transaction begins, and will not say it again.

    >>> manager = transaction.TransactionManager()
    >>> manager.begin()
    >>> with syncs(db.storage) as calls:
    ...     own = db.open(transaction_manager=manager)
    >>> bool(calls)
    True
    >>> own.close()
    """


@example(
    "boundary.opening-inside-does-not-sync",
    MUST,
    rules="ISO-21",
    until=Edition.C,
    needs="raw-records",
)
def opening_inside_does_not_sync() -> None:
    """Where a connection is opened while its manager has a transaction in progress, the storage is
    not asked to `sync`, no more than with any other opening. It is asked at the end of that
    transaction.

    >>> manager = transaction.TransactionManager()
    >>> manager.begin()
    >>> with syncs(db.storage) as calls:
    ...     own = db.open(transaction_manager=manager)
    ...     at_opening = bool(calls)
    ...     manager.commit()
    ...     at_end = bool(calls)
    >>> at_opening, at_end
    (False, True)
    >>> own.close()
    """
