"""Joint commits: one transaction over several databases.

Where connections of several databases work for one transaction manager, as those of a group do,
one transaction changes them all, and a commit runs them through the two phases together. That makes
them one up to the vote. It can't make the last step one: databases finish one after the other, and
what comes between shows in one of them and not yet in another.
"""

from __future__ import annotations

from zodb_spec.clause import MAY, MUST, SHOULD, example, text
from zodb_spec.editions import CURRENT


@example("joint.only-changed-join", MUST, rules="TXN-15", needs="several-databases")
def only_changed_join() -> None:
    """Only databases with changes take part in a joint commit. A connection that was only
    read from does not join: its database need not be asked, nor be writable, nor locked.

    >>> two = open_db(databases=db.databases, database_name="2")
    >>> second = two.open(transaction_manager=tm)
    >>> second.root()["a"] = 1
    >>> tm.commit()
    >>> txn = tm.begin()
    >>> with patch.object(txn, "join", wraps=txn.join) as join:
    ...     connection.root()["a"] = second.root()["a"]
    ...     joined = [join.call_count]
    ...     second.root()["a"] = 2
    ...     joined.append(join.call_count)
    >>> joined
    [1, 2]
    """


@example("joint.stored-in-sort-order", MUST, rules="TXN-1 TXN-2", needs="several-databases")
def stored_in_sort_order() -> None:
    """The databases of a joint commit come in the order of their connections' sort keys, whichever
    joined first: two commits over the same databases then come to them in the same order, and
    don't wait for each other.

    >>> two = open_db(databases=db.databases, database_name="2")
    >>> second = two.open(transaction_manager=tm)
    >>> one, other = sorted([connection, second], key=lambda member: member.sortKey())
    >>> stored = []
    >>> for members in [one, other], [other, one]:
    ...     for member in members:
    ...         member.root()["busy"] = Busy()
    ...     one.root()["busy"]._v_task = lambda: stored.append("one")
    ...     other.root()["busy"]._v_task = lambda: stored.append("other")
    ...     tm.commit()
    >>> stored
    ['one', 'other', 'one', 'other']
    """


@example(
    "joint.undone-up-to-the-vote", MUST, rules="XREF-51 ISO-31 TXN-3", needs="several-databases"
)
def undone_up_to_the_vote() -> None:
    """An error in any phase up to the vote, be it before, between or after the databases' own
    part of that phase, undoes the transaction in all of them.

    >>> two = open_db(databases=db.databases, database_name="2")
    >>> second = two.open(transaction_manager=tm)
    >>> between = min(connection.sortKey(), second.sortKey()) + "!"
    >>> for phase in "tpc_begin", "commit", "tpc_vote":
    ...     for place in "", between, chr(0x10FFFF):
    ...         for member in connection, second:
    ...             member.root()["thing"] = Thing()
    ...         tm.get().join(Participant(place, [], **{phase: fail}))
    ...         with raises("Failure"):
    ...             tm.commit()
    ...         tm.abort()
    >>> list(connection.root()), list(second.root())
    ([], [])
    >>> connection.root()["a"] = second.root()["b"] = 1
    >>> tm.commit()
    >>> list(opened(db).root()), list(opened(two).root())
    (['a'], ['b'])
    """


@example(
    "joint.conflict-undoes-all",
    MUST,
    rules="XREF-51 ISO-31",
    error="ConflictError",
    needs="several-databases",
)
def conflict_undoes_all() -> None:
    """A conflict in one database undoes the transaction in all of them, so that the program can
    run it again as a whole.

    >>> two = open_db(databases=db.databases, database_name="2")
    >>> second = two.open(transaction_manager=tm)
    >>> for member in connection, second:
    ...     member.root()["thing"] = Thing()
    >>> tm.commit()
    >>> for database in db, two:
    ...     rival = opened(database)
    ...     connection.root()["thing"].n = second.root()["thing"].n = 1
    ...     rival.root()["thing"].a = 1
    ...     rival.transaction_manager.commit()
    ...     with raises("ConflictError"):
    ...         tm.commit()
    ...     tm.abort()
    >>> [hasattr(opened(database).root()["thing"], "n") for database in (db, two)]
    [False, False]
    >>> connection.root()["thing"].n = second.root()["thing"].n = 1
    >>> tm.commit()
    >>> [hasattr(opened(database).root()["thing"], "n") for database in (db, two)]
    [True, True]
    """


@example(
    "joint.error-undoes-all",
    MUST,
    rules="XREF-51 ISO-31",
    error="PicklingError TypeError AttributeError",
    needs="several-databases",
)
def error_undoes_all() -> None:
    """What one database can't store undoes the transaction in all of them.

    >>> two = open_db(databases=db.databases, database_name="2")
    >>> second = two.open(transaction_manager=tm)
    >>> for member in connection, second:
    ...     connection.root()["a"] = second.root()["a"] = 1
    ...     member.root()["bad"] = lambda: "a function without a name"
    ...     with raises("PicklingError", "TypeError", "AttributeError"):
    ...         tm.commit()
    ...     tm.abort()
    >>> list(opened(db).root()), list(opened(two).root())
    ([], [])
    """


@example(
    "joint.meta-data-everywhere",
    MUST,
    rules="TXN-13",
    since=CURRENT,
    needs="several-databases iteration old-revisions",
)
def meta_data_everywhere() -> None:
    """Each database that takes part records the user and the description of the transaction:
    from either of them one can tell what was done.

    >>> two = open_db(databases=db.databases, database_name="2")
    >>> second = two.open(transaction_manager=tm)
    >>> connection.root()["a"] = second.root()["a"] = 1
    >>> tm.get().user = "Ann"
    >>> tm.get().note("sow beans")
    >>> tm.commit()
    >>> last = [list(database.storage.iterator())[-1] for database in (db, two)]
    >>> [(txn.user, txn.description) for txn in last]
    [(b'Ann', b'sow beans'), (b'Ann', b'sow beans')]
    """


@text("joint.tids-unrelated", MAY, rules="ISO-32")
def tids_unrelated() -> None:
    """One transaction may have another tid in each database. Each makes its own, later than all
    that it has; nothing can be concluded from comparing tids of different databases.
    """


@text("joint.equal-sort-keys", MAY, rules="TXN-2")
def equal_sort_keys() -> None:
    """Databases whose storages have equal sort keys may come in any order, and in another one in
    another group: two threads that commit to both can then wait for each other for ever. A program
    that has several databases of the same kind in one process gives their storages different
    names.
    """


@example(
    "joint.read-current-in-each",
    MUST,
    rules="CONN-35",
    error="ReadConflictError",
    since=CURRENT,
    needs="several-databases",
)
def read_current_in_each() -> None:
    """What was marked with `readCurrent` is checked in every database that has changes, and where
    one of the checks fails, nothing is stored in any.

    >>> two = open_db(databases=db.databases, database_name="2")
    >>> second = connection.get_connection("2")
    >>> second.root()["read"] = Thing()
    >>> tm.commit()
    >>> connection.root()["a"] = second.root()["a"] = 1
    >>> second.root()["read"]._p_activate()
    >>> second.readCurrent(second.root()["read"])
    >>> rival = opened(two)
    >>> rival.root()["read"].n = 1
    >>> rival.transaction_manager.commit()
    >>> with raises("ReadConflictError"):
    ...     tm.commit()
    >>> tm.abort()
    >>> "a" in opened(db).root()
    False
    """


@example(
    "joint.read-current-without-changes",
    SHOULD,
    rules="CONN-35",
    error="ReadConflictError",
    since=CURRENT,
    needs="several-databases",
)
def read_current_without_changes() -> None:
    """What was marked with `readCurrent` in a database without changes is checked as well, if
    another database of the group has changes: the decision that the program took on the one is
    stored in the other.

    >>> two = open_db(databases=db.databases, database_name="2")
    >>> second = connection.get_connection("2")
    >>> second.root()["read"] = Thing()
    >>> tm.commit()
    >>> connection.root()["a"] = 1
    >>> second.root()["read"]._p_activate()
    >>> second.readCurrent(second.root()["read"])
    >>> rival = opened(two)
    >>> rival.root()["read"].n = 1
    >>> rival.transaction_manager.commit()
    >>> with raises("ReadConflictError"):
    ...     tm.commit()
    """


@example("joint.late-member-may-be-newer", MAY, rules="ISO-28 ISO-29", needs="several-databases")
def late_member_may_be_newer() -> None:
    """Each database has its own snapshot. That of a connection which is opened in mid-transaction
    may be taken then: it may show what the others don't show yet. From then on it stays as it is,
    and at the next boundary all show the newest.

    >>> two = open_db(databases=db.databases, database_name="2")
    >>> second = two.open(transaction_manager=tm)
    >>> reader = opened(db)
    >>> reader.sync()
    >>> list(reader.root())
    []
    >>> connection.root()["a"] = second.root()["a"] = 1
    >>> tm.commit()
    >>> late = two.open(transaction_manager=reader.transaction_manager)
    >>> shown = list(late.root())
    >>> shown in ([], ["a"])
    True
    >>> connection.root()["b"] = second.root()["b"] = 1
    >>> tm.commit()
    >>> list(reader.root()), list(late.root()) == shown
    ([], True)
    >>> reader.sync()
    >>> sorted(reader.root()), sorted(late.root())
    (['a', 'b'], ['a', 'b'])
    """


@example("joint.reader-between-finishes", MAY, rules="ISO-28", needs="several-databases")
def reader_between_finishes() -> None:
    """A reader whose transaction begins between two finishes may see the commit in the database
    that has finished and not in the other. In each by itself it sees all of it or nothing, and once
    the commit has returned it sees it in both.

    >>> two = open_db(databases=db.databases, database_name="2")
    >>> members = [connection, two.open(transaction_manager=tm)]
    >>> for member in members:
    ...     member.root()["a"], member.root()["b"] = Counter(), Counter()
    >>> tm.commit()
    >>> reader = opened(db)
    >>> readers = [reader, two.open(transaction_manager=reader.transaction_manager)]
    >>> def look():
    ...     reader.sync()
    ...     return [(reading.root()["a"].n, reading.root()["b"].n) for reading in readers]
    >>> for member in members:
    ...     member.root()["a"].n = member.root()["b"].n = 1
    >>> seen = []
    >>> between = min(member.sortKey() for member in members) + "!"
    >>> tm.get().join(Participant(between, [], tpc_finish=lambda: seen.extend(look())))
    >>> tm.commit()
    >>> [pair in ((0, 0), (1, 1)) for pair in seen]
    [True, True]
    >>> look()
    [(1, 1), (1, 1)]
    """


@example("joint.loaded-between-finishes", MUST, rules="ISO-3 ISO-34", error="POSError")
def loaded_between_finishes() -> None:
    """An object that is loaded when its own database has finished, and others have not, may show
    the state before the commit, or not be loaded at all. At the boundary that follows it shows what
    was committed: that its connection has stored it does not make it the newest.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.n = 1
    >>> tm.commit()
    >>> thing.n = 2
    >>> seen = []
    >>> def look():
    ...     thing._p_deactivate()
    ...     with allowing("POSError"):
    ...         seen.append(thing.n)
    >>> tm.get().join(Participant(chr(0x10FFFF), [], tpc_finish=look))
    >>> tm.commit()
    >>> seen in ([1], [2], []), thing.n
    (True, 2)
    >>> txn = tm.begin()
    >>> thing.n
    2
    """


@text("joint.one-instant", MAY, rules="ISO-28")
def one_instant() -> None:
    """An implementation may do better than each database for itself: take the snapshots of all
    connections of a group at one instant, and make a joint commit visible to all such instants at
    once. No edition asks for it, and a program that is to run anywhere does not rely on it.
    """


@example(
    "joint.second-phase-failure-raised",
    MUST,
    rules="ISO-31",
    binds="dependency",
    needs="several-databases",
)
def second_phase_failure_raised() -> None:
    """A failure in the second phase is raised to the program as it is, and the transaction has
    failed: it refuses everything but an abort.

    >>> two = open_db(databases=db.databases, database_name="2")
    >>> second = two.open(transaction_manager=tm)
    >>> connection.root()["a"] = second.root()["a"] = 1
    >>> between = min(connection.sortKey(), second.sortKey()) + "!"
    >>> tm.get().join(Participant(between, [], tpc_finish=fail))
    >>> with raises("Failure"):
    ...     tm.commit()
    >>> with raises("TransactionFailedError"):
    ...     tm.commit()
    >>> tm.abort()
    """


@example(
    "joint.second-phase-failure-logged",
    MUST,
    rules="ISO-31",
    binds="dependency",
    needs="several-databases",
)
def second_phase_failure_logged() -> None:
    """A failure in the second phase is logged as critical: databases may differ from now on in
    what has been committed, and people have to look after that.

    >>> two = open_db(databases=db.databases, database_name="2")
    >>> second = two.open(transaction_manager=tm)
    >>> connection.root()["a"] = second.root()["a"] = 1
    >>> between = min(connection.sortKey(), second.sortKey()) + "!"
    >>> tm.get().join(Participant(between, [], tpc_finish=fail))
    >>> with logged("CRITICAL") as messages, raises("Failure"):
    ...     tm.commit()
    >>> len(messages) >= 1
    True
    """


@example("joint.half-of-whole-databases", MUST, rules="ISO-31", needs="several-databases")
def half_of_whole_databases() -> None:
    """A failure in the second phase may leave half a commit: a database that has finished keeps
    its part, one that has not may have lost it. Each by itself has all of its part or nothing, and
    none has what comes later without what comes earlier in the order.

    >>> two = open_db(databases=db.databases, database_name="2")
    >>> second = two.open(transaction_manager=tm)
    >>> members = sorted([connection, second], key=lambda member: member.sortKey())
    >>> for member in members:
    ...     member.root()["a"], member.root()["b"] = Counter(), Counter()
    >>> tm.commit()
    >>> for member in members:
    ...     member.root()["a"].n = member.root()["b"].n = 1
    >>> tm.get().join(Participant(members[0].sortKey() + "!", [], tpc_finish=fail))
    >>> with raises("Failure"):
    ...     tm.commit()
    >>> roots = [opened(member.db()).root() for member in members]
    >>> left = [(root["a"].n, root["b"].n) for root in roots]
    >>> left in ([(0, 0), (0, 0)], [(1, 1), (0, 0)], [(1, 1), (1, 1)])
    True
    """


@example("joint.works-on-after-half-a-commit", MUST, rules="ISO-31", needs="several-databases")
def works_on_after_half_a_commit() -> None:
    """After a failure in the second phase and an abort, each connection shows what its database
    has, and the next transaction can change and commit both.

    >>> two = open_db(databases=db.databases, database_name="2")
    >>> second = two.open(transaction_manager=tm)
    >>> members = sorted([connection, second], key=lambda member: member.sortKey())
    >>> for member in members:
    ...     member.root()["a"] = Thing()
    >>> tm.get().join(Participant(members[0].sortKey() + "!", [], tpc_finish=fail))
    >>> with raises("Failure"):
    ...     tm.commit()
    >>> tm.abort()
    >>> [list(member.root()) == list(opened(member.db()).root()) for member in members]
    [True, True]
    >>> for member in members:
    ...     member.root()["a"] = member.root()["b"] = Thing()
    >>> tm.commit()
    >>> [sorted(opened(member.db()).root()) for member in members]
    [['a', 'b'], ['a', 'b']]
    """


@text("joint.end-between-finishes", MAY, rules="ISO-31")
def end_between_finishes() -> None:
    """A process that ends between two finishes, because it is killed or the machine fails, may
    leave half a commit too, and nobody is there to raise an error or to log one. Two-phase commit
    can't exclude that; no edition promises that it is noticed or mended.
    """
