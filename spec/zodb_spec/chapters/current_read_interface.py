"""Reading the present alone: what ``mvcc=False`` comes to for a program.

A connection shows, as a rule, the database as it was when its transaction began, and so it reads
revisions that are not the current ones any more. In the edition of 2006 a program can do without
that, as `open(mvcc=False)`, and a connection in a version always does. Such a connection reads
current revisions and nothing else; what it can't read consistently, it refuses to read.
"""

from __future__ import annotations

from zodb_spec.clause import MAY, MUST, example
from zodb_spec.editions import Edition, only

THEN = only(Edition.C)
"""The edition that has the option."""


@example("current-read.and-snapshots", MUST, rules="ISO-1 ISO-2 ISO-15", **THEN)
def and_snapshots() -> None:
    """With multi-version reads, which is how a connection is opened where nothing is said, an
    object that was changed since the transaction began is read in the revision from before, for as
    long as the transaction lasts. Without them it is never read in a revision that is not the
    current one: reading it fails, and succeeds in the next transaction.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.a = 1
    >>> tm.commit()
    >>> snapshot, current = opened(db), opened(db, mvcc=False)
    >>> past, present = snapshot.root()["thing"], current.root()["thing"]
    >>> thing.a = 2
    >>> tm.commit()
    >>> past.a
    1
    >>> with raises("ReadConflictError"):
    ...     present.a
    >>> past._p_deactivate()
    >>> past.a
    1
    >>> for each in snapshot, current:
    ...     each.transaction_manager.abort()
    >>> past.a, present.a
    (2, 2)
    """


@example("current-read.stays-a-ghost", MUST, rules="ISO-15", error="ReadConflictError", **THEN)
def stays_a_ghost() -> None:
    """An object whose reading has failed stays a ghost, and fails again, until the transaction
    ends. So does one that had been loaded and was deactivated: what the program has forgotten of
    it is not the current state.

    >>> root = connection.root()
    >>> root["one"], root["two"] = Thing(), Thing()
    >>> root["one"].a = root["two"].a = 1
    >>> tm.commit()
    >>> current = opened(db, mvcc=False)
    >>> one, two = current.root()["one"], current.root()["two"]
    >>> two.a
    1
    >>> root["one"].a = root["two"].a = 2
    >>> tm.commit()
    >>> two._p_deactivate()
    >>> for thing in one, two, one:
    ...     with raises("ReadConflictError"):
    ...         thing.a
    >>> one._p_changed is None, two._p_changed is None
    (True, True)
    """


@example(
    "current-read.refused-for-good",
    MUST,
    rules="ISO-16",
    error="ReadConflictError TransactionFailedError",
    **THEN,
)
def refused_for_good() -> None:
    """A commit that is refused because of a read conflict, of which the program has taken no
    notice, stores nothing, and fails the transaction like any other error: to try once more does
    not help before the abort. The next transaction is a new one: it reads what is current, and is
    committed.

    >>> root = connection.root()
    >>> root["read"], root["written"] = Thing(), Thing()
    >>> tm.commit()
    >>> current = opened(db, mvcc=False)
    >>> read, written = current.root()["read"], current.root()["written"]
    >>> root["read"].a = 1
    >>> tm.commit()
    >>> written.a = 2
    >>> with raises("ReadConflictError"):
    ...     read.a
    >>> with raises("ReadConflictError"):
    ...     current.transaction_manager.commit()
    >>> for again in 1, 2:
    ...     with raises("TransactionFailedError"):
    ...         current.transaction_manager.commit()
    >>> current.transaction_manager.abort()
    >>> hasattr(opened(db).root()["written"], "a")
    False
    >>> written.a = read.a + 1
    >>> current.transaction_manager.commit()
    >>> opened(db).root()["written"].a
    2
    """


@example("current-read.announced", MUST, rules="ISO-15 CONN-28", error="ReadConflictError", **THEN)
def announced() -> None:
    """What a connection is told by `invalidate` counts as any other change: an object that was
    announced is not read before the next boundary.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.a = 1
    >>> tm.commit()
    >>> current = opened(db, mvcc=False)
    >>> seen = current.root()["thing"]
    >>> current.invalidate(db.lastTransaction(), {seen._p_oid: 1})
    >>> with raises("ReadConflictError"):
    ...     seen.a
    >>> current.transaction_manager.abort()
    >>> seen.a
    1
    """


@example(
    "current-read.swallowed-by-a-reader", MUST, rules="ISO-16", error="ReadConflictError", **THEN
)
def swallowed_by_a_reader() -> None:
    """A read conflict makes the commit fail also where the connection has changed nothing: others
    that take part in the transaction may be about to store what was worked out from the reading.

    >>> connection.root()["thing"] = Thing()
    >>> tm.commit()
    >>> current, calls = opened(db, mvcc=False), []
    >>> thing = current.root()["thing"]
    >>> connection.root()["thing"].a = 1
    >>> tm.commit()
    >>> current.transaction_manager.get().join(Participant("other", calls))
    >>> with raises("ReadConflictError"):
    ...     thing.a
    >>> with raises("ReadConflictError"):
    ...     current.transaction_manager.commit()
    >>> "tpc_finish other" in calls
    False
    """


@example("current-read.savepoint", MUST, rules="ISO-16", error="ReadConflictError", **THEN)
def savepoint() -> None:
    """A savepoint that is made after a read conflict does not wash it off: it fails, or the commit
    does.

    >>> root = connection.root()
    >>> root["read"], root["written"] = Thing(), Thing()
    >>> tm.commit()
    >>> current = opened(db, mvcc=False)
    >>> read, written = current.root()["read"], current.root()["written"]
    >>> root["read"].a = 1
    >>> tm.commit()
    >>> written.a = 2
    >>> with raises("ReadConflictError"):
    ...     read.a
    >>> with raises("ReadConflictError"):
    ...     savepoint = current.transaction_manager.savepoint()
    ...     current.transaction_manager.commit()
    >>> current.transaction_manager.abort()
    >>> hasattr(opened(db).root()["written"], "a")
    False
    """


@example("current-read.own-commit", MUST, rules="ISO-15 ISO-34", **THEN)
def own_commit() -> None:
    """What a connection has committed itself, it reads without a conflict, and so it does what
    others committed before its transaction began.

    >>> current = opened(db, mvcc=False)
    >>> thing = current.root()["thing"] = Thing()
    >>> for n in 1, 2:
    ...     thing.a = n
    ...     current.transaction_manager.commit()
    ...     thing._p_deactivate()
    >>> thing.a
    2
    >>> other = opened(db)
    >>> other.root()["thing"].a = 3
    >>> other.transaction_manager.commit()
    >>> txn = current.transaction_manager.begin()
    >>> thing.a
    3
    """


@example("current-read.chosen-when-opened", MUST, rules="ISO-15 CONN-3", **THEN)
def chosen_when_opened() -> None:
    """Whether a connection reads past revisions is decided each time it is opened: one that has
    done without them shows them when it is opened again, and the other way round.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.a = 1
    >>> tm.commit()
    >>> def read_what_changes(**options):
    ...     other, found = opened(db, **options), []
    ...     mine = other.root()["thing"]
    ...     mine._p_deactivate()
    ...     thing.a += 1
    ...     tm.commit()
    ...     with allowing("ReadConflictError"):
    ...         found.append(mine.a)
    ...     other.transaction_manager.abort()
    ...     other.close()
    ...     return found
    >>> [read_what_changes(**options) for options in ({"mvcc": False}, {}, {"mvcc": False})]
    [[], [2], []]
    """


@example("current-read.independent", MAY, rules="ISO-17", error="ReadConflictError", **THEN)
def independent() -> None:
    """An object may say that it can be read in any revision, whatever else was read: by a method
    `_p_independent` that returns something true. It may then be read in its current revision
    although it was changed since the transaction began.

    >>> thing = connection.root()["thing"] = Independent()
    >>> thing.a = 1
    >>> tm.commit()
    >>> current, found = opened(db, mvcc=False), []
    >>> mine = current.root()["thing"]
    >>> thing.a = 2
    >>> tm.commit()
    >>> with allowing("ReadConflictError"):
    ...     found.append(mine.a)
    ...     current.root()["seen"] = mine.a
    ...     current.transaction_manager.commit()
    >>> found in ([], [2])
    True
    """


@example("current-read.not-independent", MUST, rules="ISO-15", error="ReadConflictError", **THEN)
def not_independent() -> None:
    """An object with a method `_p_independent` that returns something false is read like any other:
    changed since the transaction began, it is a read conflict, which fails the commit.

    >>> thing = connection.root()["thing"] = Dependent()
    >>> thing.a = 1
    >>> tm.commit()
    >>> current = opened(db, mvcc=False)
    >>> mine = current.root()["thing"]
    >>> thing.a = 2
    >>> tm.commit()
    >>> with raises("ReadConflictError"):
    ...     mine.a
    >>> with raises("ReadConflictError"):
    ...     current.transaction_manager.commit()
    """


@example(
    "current-read.in-a-version",
    MUST,
    rules="VER-22 ISO-16",
    error="ReadConflictError",
    needs="versions",
    **THEN,
)
def in_a_version() -> None:
    """A connection in a version reads current revisions alone, also if it was opened with
    `mvcc=True`: storages keep past states of the trunk only. For it, what was committed since the
    transaction began is a read conflict, be it in the version or in the trunk.

    >>> root = connection.root()
    >>> root["one"], root["two"] = Thing(), Thing()
    >>> root["one"].a = root["two"].a = 1
    >>> tm.commit()
    >>> readers = [opened(db, version="draft", mvcc=mvcc) for mvcc in (True, False)]
    >>> found = [[each.root()[key] for key in ("one", "two")] for each in readers]
    >>> draft = opened(db, version="draft")
    >>> draft.root()["one"].a = 2
    >>> draft.transaction_manager.commit()
    >>> root["two"].a = 3
    >>> tm.commit()
    >>> for reader, things in zip(readers, found):
    ...     for thing in things:
    ...         with raises("ReadConflictError"):
    ...             thing.a
    ...     with raises("ReadConflictError"):
    ...         reader.transaction_manager.commit()
    ...     reader.transaction_manager.abort()
    >>> [[thing.a for thing in things] for things in found]
    [[2, 3], [2, 3]]
    """


@example("current-read.group", MUST, rules="XREF-50", needs="several-databases", **THEN)
def group() -> None:
    """All connections of a group read alike: what `get_connection` opens does without past
    revisions where the connection that asks does, each time the group is opened.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> thing = connection.get_connection("second").root()["thing"] = Thing()
    >>> thing.a = 1
    >>> tm.commit()
    >>> def read_what_changes(**options):
    ...     first, found = opened(db, **options), []
    ...     mine = first.get_connection("second").root()["thing"]
    ...     mine._p_deactivate()
    ...     thing.a += 1
    ...     tm.commit()
    ...     with allowing("ReadConflictError"):
    ...         found.append(mine.a)
    ...     first.transaction_manager.abort()
    ...     first.close()
    ...     return found
    >>> [read_what_changes(**options) for options in ({"mvcc": False}, {}, {"mvcc": False})]
    [[], [2], []]
    """


@example(
    "current-read.group-without-boundaries",
    MUST,
    rules="XREF-50",
    needs="several-databases",
    **THEN,
)
def group_without_boundaries() -> None:
    """All connections of a group are told of boundaries, or none is: what `get_connection` opens is
    not where the connection that asks was opened with `synch=False`. It shows what it has shown,
    until the group is opened again.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> thing = connection.get_connection("second").root()["thing"] = Thing()
    >>> thing.a = 1
    >>> tm.commit()
    >>> def read_again(**options):
    ...     first = opened(db, **options)
    ...     mine = first.get_connection("second").root()["thing"]
    ...     found = [mine.a]
    ...     thing.a += 1
    ...     tm.commit()
    ...     first.transaction_manager.abort()
    ...     found.append(mine.a)
    ...     first.close()
    ...     return found
    >>> [read_again(**options) for options in ({"synch": False}, {}, {"synch": False})]
    [[1, 1], [2, 3], [3, 3]]
    """
