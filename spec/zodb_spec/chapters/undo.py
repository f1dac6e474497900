"""Undo: to go back behind a transaction.

A storage that keeps old revisions can bring back what was before a transaction, in a new one. How
it does that is its own matter; here stands what a program asks its database for, and what becomes
of transactions, connections and caches meanwhile.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, SHOULD, example, id_of, step
from zodb_spec.editions import CURRENT
from zodb_spec.world import Fact, Name, Record, State, Tid, Undo, World, current


@step("database.undo-at-commit", MUST, rules="STOR-51", binds="storage", needs="undo")
def undo_at_commit(world: World, manager: Name) -> None:
    """`db.undo` undoes a transaction that the log of these names, as a part of the transaction that
    it is given, or else of that which the thread is in: nothing happens before its commit, and
    nothing at all if it is aborted.
    """


@step("database.undo-restores", MUST, rules="STOR-51", binds="storage", needs="undo")
def undo_restores(world: World, undone: Tid, found: Fact[Record], state: State) -> Fact[Record]:
    """When its transaction is committed, every object that the undone one has stored is again what
    it was before that, in a new revision.  The transaction that was undone stays in history.
    """
    return world.fact(Record(found.value.kind, state, undone), id_of(undo_restores))


@step(
    "database.undo-uncreates",
    MUST,
    rules="STOR-53",
    binds="storage",
    error="KeyError",
    needs="undo",
)
def undo_uncreates(world: World, undone: Tid, found: Fact[Record]) -> Fact[Record]:
    """An object that the undone transaction has created does not exist any more, until that is
    undone itself: `get` fails as for an oid that nobody has.
    """
    return world.fact(Record(found.value.kind, None, undone), id_of(undo_uncreates))


@step(
    "database.undo-refused",
    MUST,
    rules="STOR-52",
    binds="storage",
    error="UndoError",
    needs="undo",
)
def undo_refused(world: World, undo: Undo) -> bool:
    """A transaction can't be undone if an object that it has stored was changed again, in another
    way.  Then the commit fails, at the latest, and nothing is undone, not even for the objects that
    only that transaction has changed.
    """
    database = world.databases[undo.database]
    undone = database.transaction(undo.tid)
    return any(current(database.history, oid) != undone.tid for oid in undone.records)


@example("database.undo-in-given-transaction", MUST, rules="STOR-51", binds="storage", needs="undo")
def undo_in_given_transaction() -> None:
    """Where `undo` is given a transaction, it is a part of that one, and the transaction of the
    thread has nothing to do with it.

    >>> for number in 1, 2:
    ...     connection.root()["a"] = number
    ...     tm.commit()
    >>> manager = transaction.TransactionManager()
    >>> db.undo(db.undoLog(0, 1)[0]["id"], manager.get())
    >>> transaction.commit()
    >>> opened(db).root()["a"]
    2
    >>> manager.commit()
    >>> opened(db).root()["a"]
    1
    """


@example("database.undo-reaches-everybody", MUST, rules="STOR-55", needs="undo")
def undo_reaches_everybody() -> None:
    """What was undone is news to every connection, to that of the one who asked for it as well:
    after its next boundary each shows the objects as they are now, though it had them in memory.

    >>> root, other = connection.root(), opened(db)
    >>> for number in 1, 2:
    ...     root["a"] = number
    ...     tm.commit()
    >>> other.sync()
    >>> other.root()["a"]
    2
    >>> db.undo(db.undoLog(0, 1)[0]["id"], tm.get())
    >>> tm.commit()
    >>> root["a"], other.root()["a"]
    (1, 2)
    >>> other.sync()
    >>> other.root()["a"]
    1
    >>> root["a"] = 3
    >>> tm.commit()
    >>> opened(db).root()["a"]
    3
    """


@example("database.undo-fails-with-its-transaction", MUST, rules="STOR-55", needs="undo")
def undo_fails_with_its_transaction() -> None:
    """That something is undone is certain, and told, when the transaction finishes, and not before:
    where somebody fails in the vote, nothing was undone.

    >>> root = connection.root()
    >>> for number in 1, 2:
    ...     root["a"] = number
    ...     tm.commit()
    >>> other = opened(db)
    >>> other.root()["a"]
    2
    >>> last = tid_of(root)
    >>> manager = transaction.TransactionManager()
    >>> db.undo(db.undoLog(0, 1)[0]["id"], manager.get())
    >>> manager.get().join(Participant(chr(0x10FFFF), [], tpc_vote=fail))
    >>> with raises("Failure"):
    ...     manager.commit()
    >>> manager.abort()
    >>> other.sync()
    >>> tid_of(opened(db).root()) == last, other.root()["a"], opened(db).root()["a"]
    (True, 2, 2)
    >>> root["a"] = 3
    >>> tm.commit()
    """


@example(
    "database.undo-needs-its-database",
    MUST,
    rules="CONN-52 STOR-51",
    error="Exception",
    since=CURRENT,
    needs="undo",
)
def undo_needs_its_database() -> None:
    """Where the database is closed, nothing can be undone: what was asked for before makes the
    commit fail, and to ask for it later fails at once or at the commit.

    >>> for number in 1, 2:
    ...     connection.root()["a"] = number
    ...     tm.commit()
    >>> last = db.undoLog(0, 1)[0]["id"]
    >>> manager = transaction.TransactionManager()
    >>> db.undo(last, manager.get())
    >>> db.close()
    >>> with raises("Exception"):
    ...     manager.commit()
    >>> manager.abort()
    >>> with raises("Exception"):
    ...     db.undo(last, manager.get())
    ...     manager.commit()
    >>> manager.abort()
    """


@example(
    "database.undo-beside-changes",
    MUST,
    rules="TXN-14",
    error="POSError TransactionError TypeError ValueError",
    needs="undo",
    situations="two-connections-in-one-transaction",
)
def undo_beside_changes() -> None:
    """A transaction in which something is to be undone can have changes of objects of the same
    database as well. Then both take effect, as one, or it is refused with a clear error, and
    nothing happens. It never waits: the storage serves one after the other, and the second would
    wait for the first, in the same thread, for ever. Which of them comes first in the commit does
    not matter.

    >>> root = connection.root()
    >>> root["one"], root["two"] = Thing(), Thing()
    >>> root["two"].a, outcomes = None, []
    >>> for number, key in enumerate(["", "~"]):
    ...     for root["one"].a in number, "undone":
    ...         tm.commit()
    ...     done, before = False, root["two"].a
    ...     with allowing("POSError", "TransactionError", "TypeError", "ValueError"):
    ...         with replaced(connection, "sortKey", lambda method, *of: key):
    ...             db.undo(db.undoLog(0, 1)[0]["id"], tm.get())
    ...             root["two"].a = number
    ...             tm.commit()
    ...         done = True
    ...     tm.abort()
    ...     seen = opened(db).root()
    ...     expected = (number, number) if done else ("undone", before)
    ...     found = (seen["one"].a, seen["two"].a)
    ...     is_one = seen["one"]._p_serial == seen["two"]._p_serial
    ...     outcomes.append(found == expected and is_one >= done)
    >>> outcomes
    [True, True]
    """


@example("database.undone-undo", MUST, rules="STOR-51", binds="storage", needs="undo")
def undone_undo() -> None:
    """To undo is a transaction like any other, which the log names and which can be undone itself.

    >>> for number in 1, 2:
    ...     connection.root()["a"] = number
    ...     tm.commit()
    >>> for number in range(2):
    ...     tm.get().note("back")
    ...     db.undo(db.undoLog(0, 1)[0]["id"], tm.get())
    ...     tm.commit()
    >>> connection.root()["a"], [each["description"] for each in db.undoLog(0, 2)]
    (2, ['back', 'back'])
    """


@example(
    "database.undo-of-nothing",
    MUST,
    rules="STOR-52",
    binds="storage",
    error="Exception",
    needs="undo",
)
def undo_of_nothing() -> None:
    """What is not the id of a transaction that can be undone is refused, when it is given or at the
    commit; nothing is undone, and the database works on.

    >>> connection.root()["a"] = 1
    >>> tm.commit()
    >>> last = tid_of(connection.root())
    >>> for id in b"nonsense", b"", next_tid(last):
    ...     manager = transaction.TransactionManager()
    ...     with raises("Exception"):
    ...         db.undo(id, manager.get())
    ...         manager.commit()
    ...     manager.abort()
    >>> tid_of(opened(db).root()) == last, opened(db).root()["a"]
    (True, 1)
    >>> connection.root()["a"] = 2
    >>> tm.commit()
    """


@example(
    "database.undo-error-says-so",
    SHOULD,
    rules="STOR-52",
    binds="storage",
    error="UndoError",
    needs="undo",
)
def undo_error_says_so() -> None:
    """The error by which an unknown id is refused is that of undo: who catches this one, since an
    entry of the log may have become too old, catches it here too.

    >>> for id in b"nonsense", b"":
    ...     manager = transaction.TransactionManager()
    ...     with raises("UndoError"):
    ...         db.undo(id, manager.get())
    ...         manager.commit()
    ...     manager.abort()
    """


@example("database.undo-multiple", MUST, rules="STOR-54", since=CURRENT, needs="undo")
def undo_multiple() -> None:
    """`db.undoMultiple` undoes several transactions as one, which are given as the log has them,
    the newest first. It takes the transaction that it is a part of, as `undo` does.

    >>> for number in range(4):
    ...     connection.root()["a"] = number
    ...     tm.commit()
    >>> ids = [each["id"] for each in db.undoLog(0, 3)]
    >>> db.undoMultiple(ids, tm.get())
    >>> tm.commit()
    >>> opened(db).root()["a"]
    0
    >>> db.undo(db.undoLog(0, 1)[0]["id"], tm.get())
    >>> tm.commit()
    >>> opened(db).root()["a"]
    3
    """


@example(
    "database.undo-multiple-order",
    MUST,
    rules="STOR-54",
    error="UndoError",
    since=CURRENT,
    needs="undo",
)
def undo_multiple_order() -> None:
    """Transactions that have changed the same object can't be undone in the order in which they
    were committed: the first of them was followed by others. The commit fails, and none is undone.

    >>> for number in range(3):
    ...     connection.root()["a"] = number
    ...     tm.commit()
    >>> ids = [each["id"] for each in db.undoLog(0, 2)]
    >>> manager = transaction.TransactionManager()
    >>> with raises("UndoError"):
    ...     db.undoMultiple(ids[::-1], manager.get())
    ...     manager.commit()
    >>> manager.abort()
    >>> opened(db).root()["a"]
    2
    """


@example(
    "database.undo-log", MUST, rules="STOR-56 TXN-13", binds="storage", since=CURRENT, needs="undo"
)
def undo_log() -> None:
    """`db.undoLog(first, last)` lists the transactions that may be undone, the newest first: for
    each a mapping with the `id` to undo it by, the `time` in seconds, and the `user_name` and the
    `description` as text. It gives those from `first` on, up to `last`, that one excluded, or as
    many as `-last` says where that is negative.

    >>> import time
    >>> for number in range(4):
    ...     connection.root()["a"] = number
    ...     tm.get().note(f"\u2116 {number}")
    ...     tm.get().user = "gardener"
    ...     tm.commit()
    >>> [each["description"] for each in db.undoLog(0, 2)] == ["\u2116 3", "\u2116 2"]
    True
    >>> [each["description"][-1] for each in db.undoLog(1, 4)]
    ['2', '1', '0']
    >>> [each["description"][-1] for each in db.undoLog(1, -2)]
    ['2', '1']
    >>> newest = db.undoLog(0, 1)[0]
    >>> newest["user_name"].split()[-1], abs(newest["time"] - time.time()) < 60
    ('gardener', True)
    """


@example(
    "database.undo-info", MUST, rules="STOR-56 TXN-13", binds="storage", since=CURRENT, needs="undo"
)
def undo_info() -> None:
    """`db.undoInfo(first, last, specification)` lists what `undoLog` does, of the transactions
    whose entries have all the items of the mapping `specification`. These are chosen first, and
    counted then. Where nothing is said it gives the last twenty.

    >>> for number in range(24):
    ...     connection.root()["a"] = number
    ...     tm.commit()
    >>> every = [each["id"] for each in db.undoLog(0, 24)]
    >>> [each["id"] for each in db.undoInfo()] == every[:20]
    True
    >>> [each["id"] for each in db.undoInfo(0, 1, {"id": every[5]})] == every[5:6]
    True
    >>> len(db.undoInfo(1, 2, {"id": every[5]})), len(db.undoInfo(0, 9, {"id": b"", "time": 0}))
    (0, 0)
    """


@example(
    "database.undo-info-in-text",
    SHOULD,
    rules="STOR-56 TXN-13",
    binds="storage",
    since=CURRENT,
    needs="undo",
)
def undo_info_in_text() -> None:
    """User and description are text in what a program asks for, as they are in what it is given: an
    entry that was listed is found again by what it says.

    >>> for number in range(6):
    ...     connection.root()["a"] = number
    ...     tm.get().note(f"\u2116 {number % 2}")
    ...     tm.commit()
    >>> listed = db.undoLog(0, 1)[0]
    >>> wanted = {"description": listed["description"]}
    >>> [each["id"] for each in db.undoInfo(0, 2, wanted)][:1] == [listed["id"]]
    True
    >>> len(db.undoInfo(0, 2, wanted)), len(db.undoInfo(0, 9, wanted))
    (2, 3)
    """


@example(
    "database.undo-not-supported",
    MUST,
    rules="STOR-58",
    error="NotImplementedError",
    without="undo",
)
def undo_not_supported() -> None:
    """Over a storage that can't undo, `db.supportsUndo()` is false, the logs are empty, and `undo`
    is refused at once: the transaction is as it was.

    >>> bool(db.supportsUndo()), len(db.undoLog(0, 10)), len(db.undoInfo(0, 10))
    (False, 0, 0)
    >>> connection.root()["a"] = 1
    >>> with raises("NotImplementedError"):
    ...     db.undo(b"any", tm.get())
    >>> tm.commit()
    >>> opened(db).root()["a"]
    1
    """


@example("database.undo-supported", MUST, rules="STOR-58", needs="undo")
def undo_supported() -> None:
    """`db.supportsUndo()` says whether transactions can be undone.

    >>> bool(db.supportsUndo())
    True
    """
