"""Reading the past: the interface of historical connections.

A connection can be opened for a point of the past. It shows the objects as they were then, takes no
changes, and never moves: what it shows today it shows tomorrow. How reading, boundaries and commits
go in one is said step by step in the chapter before; here stands what a program asks for, and what
it is refused.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, SHOULD, example, text
from zodb_spec.editions import CURRENT


@example("historical.at-and-before", MUST, rules="CONN-40", since=CURRENT, needs="historical")
def at_and_before() -> None:
    """A point is named by the tid of a transaction: `at` it, the transaction has been committed
    already; `before` it, it has not.

    >>> connection.root()["a"] = 1
    >>> tm.commit()
    >>> first = tid_of(connection.root())
    >>> connection.root()["a"] = 2
    >>> tm.commit()
    >>> second = tid_of(connection.root())
    >>> opened(db, at=first).root()["a"], opened(db, at=second).root()["a"]
    (1, 2)
    >>> "a" in opened(db, before=first).root(), opened(db, before=second).root()["a"]
    (False, 1)
    """


@example(
    "historical.between-transactions", MUST, rules="CONN-40", since=CURRENT, needs="historical"
)
def between_transactions() -> None:
    """A point need not be the tid of any transaction. Between two, a connection shows what the
    former left.

    >>> import time
    >>> connection.root()["a"] = 1
    >>> tm.commit()
    >>> first = tid_of(connection.root())
    >>> time.sleep(0.05)
    >>> connection.root()["a"] = 2
    >>> tm.commit()
    >>> opened(db, at=next_tid(first)).root()["a"]
    1
    >>> opened(db, before=next_tid(first)).root()["a"]
    1
    """


@example("historical.moment", MUST, rules="CONN-40", since=CURRENT, needs="historical")
def moment_of_the_past() -> None:
    """A point can be named by a moment, a `datetime`, too. The tid of a transaction says when it
    was committed, and what was committed up to that moment is shown.

    >>> import time
    >>> from datetime import timedelta
    >>> connection.root()["a"] = 1
    >>> tm.commit()
    >>> time.sleep(0.05)
    >>> connection.root()["a"] = 2
    >>> tm.commit()
    >>> between = moment(tid_of(connection.root())) - timedelta(milliseconds=10)
    >>> opened(db, at=between).root()["a"], opened(db, before=between).root()["a"]
    (1, 1)
    """


@example("historical.moments-in-utc", MUST, rules="CONN-40", since=CURRENT, needs="historical")
def moments_in_utc() -> None:
    """A `datetime` without a time zone is one of UTC, wherever the program runs; one with a time
    zone is the moment that it says.

    >>> import time
    >>> from datetime import UTC, timedelta, timezone
    >>> connection.root()["a"] = 1
    >>> tm.commit()
    >>> time.sleep(0.05)
    >>> connection.root()["a"] = 2
    >>> tm.commit()
    >>> between = moment(tid_of(connection.root())) - timedelta(milliseconds=10)
    >>> aware = between.replace(tzinfo=UTC)
    >>> elsewhere = aware.astimezone(timezone(timedelta(hours=-3, minutes=-30)))
    >>> [opened(db, at=point).root()["a"] for point in (between, aware, elsewhere)]
    [1, 1, 1]
    >>> len({opened(db, before=point).before for point in (between, aware, elsewhere)})
    1
    """


@text(
    "historical.moments-are-clock-time",
    SHOULD,
    rules="CONN-40",
    binds="caller",
    since=CURRENT,
)
def moments_are_clock_time() -> None:
    """A program that needs an exact point names it by a tid. A moment is as exact as the clocks
    were by which transactions got their tids. These only ever grow: while a clock that was put back
    is behind the last tid, transactions get tids close behind each other, which do not say when
    they were committed. No tid tells a leap second.
    """


@example("historical.says-its-point", MUST, rules="CONN-40", since=CURRENT, needs="historical")
def says_its_point() -> None:
    """The attribute `before` of a connection is the tid up to which it shows transactions, that one
    excluded, in whatever way the point was named: `at` a tid is the same as `before` the next
    one. It is None where the connection shows the current state.

    >>> point = tid_of(connection.root())
    >>> opened(db, before=point).before == point
    True
    >>> opened(db, at=point).before == next_tid(point)
    True
    >>> connection.before is None
    True
    """


@example(
    "historical.contradiction-refused",
    MUST,
    rules="CONN-41",
    error="ValueError",
    since=CURRENT,
    needs="historical",
)
def contradiction_refused() -> None:
    """To give both `at` and `before` is an error, whatever they are: even where they name one
    point, the program has not made up its mind. Nothing is opened, and the manager is left alone.

    >>> connection.root()["a"] = 1
    >>> tm.commit()
    >>> point = tid_of(connection.root())
    >>> manager = transaction.TransactionManager()
    >>> for before in (point, next_tid(point), moment(point)):
    ...     with raises("ValueError"):
    ...         db.open(transaction_manager=manager, at=point, before=before)
    >>> manager.registeredSynchs()
    False
    >>> opened(db, at=point).root()["a"]
    1
    """


@example(
    "historical.future-refused",
    MUST,
    rules="CONN-41",
    error="ValueError",
    since=CURRENT,
    needs="historical",
)
def future_refused() -> None:
    r"""A point later than the last transaction is refused: what will have been committed by then,
    nobody knows yet, and a connection that shows less than it should would never learn of it.
    Nothing is opened, and the manager is left alone.

    >>> from datetime import timedelta
    >>> last = tid_of(connection.root())
    >>> tomorrow = moment(last) + timedelta(days=1)
    >>> manager = transaction.TransactionManager()
    >>> for point in (next_tid(last), tomorrow, b"\x7f" + bytes(7)):
    ...     with raises("ValueError"):
    ...         db.open(transaction_manager=manager, at=point)
    >>> for point in (next_tid(next_tid(last)), tomorrow, b"\x7f" + bytes(7)):
    ...     with raises("ValueError"):
    ...         db.open(transaction_manager=manager, before=point)
    >>> manager.registeredSynchs()
    False
    """


@example("historical.present-is-a-point", MUST, rules="CONN-40", since=CURRENT, needs="historical")
def present_is_a_point() -> None:
    """The last transaction is a point like any other: a connection `at` it shows the state that is
    the current one now, and goes on showing it. What was refused as the future can be opened as
    soon as there is a later transaction.

    >>> import time
    >>> connection.root()["a"] = 1
    >>> tm.commit()
    >>> last = tid_of(connection.root())
    >>> past = opened(db, at=last)
    >>> with raises("ValueError"):
    ...     opened(db, at=next_tid(last))
    >>> time.sleep(0.05)
    >>> connection.root()["a"] = 2
    >>> tm.commit()
    >>> past.sync()
    >>> past.root()["a"], opened(db, at=next_tid(last)).root()["a"]
    (1, 1)
    """


@example(
    "historical.no-point-refused",
    MUST,
    rules="CONN-40 CONN-41",
    error="ValueError TypeError",
    since=CURRENT,
    needs="historical",
)
def no_point_refused() -> None:
    """What is neither a tid nor a `datetime` names no point, and is refused: a text, a number, a
    date without a time, or bytes that are too few or too many.

    >>> from datetime import date
    >>> manager = transaction.TransactionManager()
    >>> points = ["2024-02-29", "12345678", 5, 1.5, date(2024, 2, 29)]
    >>> for thing in (*points, b"", b"7 bytes", b"9 bytes !"):
    ...     with raises("ValueError", "TypeError"):
    ...         db.open(transaction_manager=manager, at=thing)
    ...     with raises("ValueError", "TypeError"):
    ...         db.open(transaction_manager=manager, before=thing)
    >>> manager.registeredSynchs()
    False
    """


@example(
    "historical.not-yet-there",
    MUST,
    rules="CONN-43",
    error="POSKeyError",
    since=CURRENT,
    needs="historical",
)
def not_yet_there() -> None:
    """An object that did not exist at the point is not there, as `historical.unborn-is-missing`
    says. Here it is seen that the storage says so (`POSKeyError`), that it is no conflict, as it is
    in a connection that shows the current state, and that no later transaction will find it.

    >>> point = tid_of(connection.root())
    >>> thing = connection.root()["thing"] = Thing()
    >>> tm.commit()
    >>> past = opened(db, at=point)
    >>> with raises("POSKeyError"):
    ...     past.get(thing._p_oid)
    >>> past.sync()
    >>> with raises("POSKeyError"):
    ...     past.get(thing._p_oid)
    >>> opened(db).get(thing._p_oid)._p_oid == thing._p_oid
    True
    """


@example(
    "historical.before-everything",
    MUST,
    rules="CONN-43",
    error="POSKeyError",
    since=CURRENT,
    needs="historical",
)
def before_everything() -> None:
    """A point before the first transaction is one of the past, in which nothing exists, the root
    included.

    >>> from datetime import datetime
    >>> for point in (next_tid(z64), datetime(1999, 12, 31)):
    ...     with raises("POSKeyError"):
    ...         opened(db, before=point).root()
    """


@example("historical.read-only", MUST, rules="CONN-9 CONN-42", since=CURRENT, needs="historical")
def read_only() -> None:
    """A historical connection is read-only, and says so.

    >>> past = opened(db, at=tid_of(connection.root()))
    >>> bool(past.isReadOnly()), bool(connection.isReadOnly())
    (True, False)
    """


@example(
    "historical.add-refused",
    MUST,
    rules="CONN-42 CONN-39",
    error="ReadOnlyError",
    since=CURRENT,
    needs="historical",
)
def add_refused() -> None:
    """Nothing can be added to the past, as `historical.adds-nothing` says. Here it is seen that the
    transaction goes on as if nothing had been tried, and that the object can be added elsewhere.

    >>> past = opened(db, at=tid_of(connection.root()))
    >>> thing = Thing()
    >>> with raises("ReadOnlyError"):
    ...     past.add(thing)
    >>> thing._p_jar, thing._p_oid
    (None, None)
    >>> past.transaction_manager.commit()
    >>> connection.add(thing)
    >>> tm.commit()
    """


@example(
    "historical.no-new-oids",
    MUST,
    rules="CONN-42 CONN-39",
    error="ReadOnlyError",
    since=CURRENT,
    needs="historical",
)
def no_new_oids() -> None:
    """A historical connection gives no oids, since it takes no objects to have them.

    >>> past = opened(db, at=tid_of(connection.root()))
    >>> with raises("ReadOnlyError"):
    ...     past.new_oid()
    """


@example(
    "historical.new-objects-refused",
    MUST,
    rules="CONN-42",
    error="ReadOnlyHistoryError",
    since=CURRENT,
    needs="historical",
)
def new_objects_refused() -> None:
    """A new object that an object of the past was made to refer to is not stored either: the
    commit is refused, and an abort brings the past back. The new object belongs to nobody, and can
    be stored elsewhere.

    >>> past = opened(db, at=tid_of(connection.root()))
    >>> thing = past.root()["thing"] = Thing()
    >>> with raises("ReadOnlyHistoryError"):
    ...     past.transaction_manager.commit()
    >>> past.transaction_manager.abort()
    >>> dict(past.root()), thing._p_jar, thing._p_oid
    ({}, None, None)
    >>> connection.root()["thing"] = thing
    >>> tm.commit()
    >>> list(opened(db).root())
    ['thing']
    """


@example(
    "historical.refused-as-a-whole",
    MUST,
    rules="CONN-42 TXN-3",
    error="ReadOnlyHistoryError",
    since=CURRENT,
    needs="historical",
)
def refused_as_a_whole() -> None:
    """Where a historical connection has changes, its transaction can't be committed, as
    `historical.commit-refused` says. Here it is seen that others who take part in it store nothing
    either: the refusal comes before anybody has finished.

    >>> past, calls = opened(db, at=tid_of(connection.root())), []
    >>> past.root()["a"] = 1
    >>> past.transaction_manager.get().join(Participant("other", calls))
    >>> with raises("ReadOnlyHistoryError"):
    ...     past.transaction_manager.commit()
    >>> past.transaction_manager.abort()
    >>> "tpc_finish other" in calls, "tpc_abort other" in calls, list(past.root())
    (False, True, [])
    """


@example(
    "historical.beside-changes", MUST, rules="CONN-42 TXN-15", since=CURRENT, needs="historical"
)
def beside_changes() -> None:
    """A transaction can read the past and change the present: a historical connection without
    changes does not join, and hinders no commit.

    >>> connection.root()["a"] = 1
    >>> tm.commit()
    >>> point = tid_of(connection.root())
    >>> connection.root()["a"] = 2
    >>> tm.commit()
    >>> past = db.open(transaction_manager=tm, at=point)
    >>> connection.root()["a"] = past.root()["a"]
    >>> tm.commit()
    >>> opened(db).root()["a"], past.root()["a"]
    (1, 1)
    """


@example(
    "historical.savepoint",
    MUST,
    rules="CONN-42",
    error="ReadOnlyHistoryError",
    since=CURRENT,
    needs="historical",
)
def savepoint_of_the_past() -> None:
    """A savepoint over changes in a historical connection may be refused, as the commit will be.
    Either way nothing is stored, and an abort brings the past back.

    >>> connection.root()["a"] = 1
    >>> tm.commit()
    >>> past = opened(db, at=tid_of(connection.root()))
    >>> past.root()["a"] = 2
    >>> with allowing("ReadOnlyHistoryError", "ReadOnlyError"):
    ...     savepoint = past.transaction_manager.savepoint()
    >>> past.transaction_manager.abort()
    >>> past.root()["a"], opened(db).root()["a"]
    (1, 1)
    """


@example(
    "historical.packed-away",
    MUST,
    rules="CONN-43 STOR-49",
    error="POSKeyError ReadConflictError",
    since=CURRENT,
    needs="historical pack",
)
def packed_away() -> None:
    """A pack may remove the revisions that a historical connection needs. To load such an object
    fails then; it never shows another revision in the place of the one that is gone. What was
    loaded before can still be read. The error need not be one that asks to try again, since the
    point stays where it is, and the revision is gone for good.

    >>> root = connection.root()
    >>> root["loaded"], root["not loaded"] = Thing(), Thing()
    >>> root["loaded"].a = root["not loaded"].a = 1
    >>> tm.commit()
    >>> past = opened(db, at=tid_of(connection.root()))
    >>> loaded, other = past.root()["loaded"], past.root()["not loaded"]
    >>> loaded.a
    1
    >>> root["loaded"].a = root["not loaded"].a = 2
    >>> tm.commit()
    >>> db.pack()
    >>> loaded.a
    1
    >>> shown = 1
    >>> with allowing("POSKeyError", "ReadConflictError"):
    ...     shown = other.a
    >>> shown
    1
    """


@example(
    "historical.undone-later",
    MUST,
    rules="CONN-43 STOR-51",
    since=CURRENT,
    needs="historical undo",
)
def undone_later() -> None:
    """To undo a transaction changes the present and not the past: a point between the transaction
    and its undoing still shows what was undone.

    >>> connection.root()["a"] = 1
    >>> tm.commit()
    >>> connection.root()["a"] = 2
    >>> tm.commit()
    >>> point = tid_of(connection.root())
    >>> db.undo(db.undoLog(0, 1)[0]["id"], tm.get())
    >>> tm.commit()
    >>> opened(db).root()["a"], opened(db, at=point).root()["a"]
    (1, 2)
    """
