"""The transaction protocol: what a transaction asks of those that take part in it.

The package `transaction` conducts: data managers join, a commit runs them through two phases,
synchronizers and hooks are told. A connection is one data manager among others, and relies on
every clause here; in turn it owes the protocol a few things of its own, which the last clauses
state.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, example
from zodb_spec.editions import CURRENT, Edition


@example("transaction.phases-in-sort-order", MUST, rules="TXN-1", binds="dependency")
def phases_in_sort_order() -> None:
    """A commit calls `tpc_begin`, `commit`, `tpc_vote` and `tpc_finish`, each of them on all data
    managers that have joined before it goes on to the next, and each time in the order of their
    sort keys. One order for everybody is what keeps two commits from waiting for each other.

    >>> calls = []
    >>> for name in "cab":
    ...     tm.get().join(Participant(name, calls))
    >>> tm.commit()
    >>> calls[:3], calls[3:6]
    (['tpc_begin a', 'tpc_begin b', 'tpc_begin c'], ['commit a', 'commit b', 'commit c'])
    >>> calls[6:9], calls[9:]
    (['tpc_vote a', 'tpc_vote b', 'tpc_vote c'], ['tpc_finish a', 'tpc_finish b', 'tpc_finish c'])
    """


@example(
    "transaction.failure-undoes-all",
    MUST,
    rules="TXN-3",
    binds="dependency",
    error="TransactionFailedError",
)
def failure_undoes_all() -> None:
    """Where a data manager fails before the first `tpc_finish`, `abort` is called on those that
    have not voted, then `tpc_abort` on all. The error itself is raised to the program, and the
    transaction has failed: it refuses everything but an abort.

    >>> calls = []
    >>> tm.get().join(Participant("a", calls))
    >>> tm.get().join(Participant("b", calls, tpc_vote=fail))
    >>> tm.get().join(Participant("c", calls))
    >>> with raises("Failure"):
    ...     tm.commit()
    >>> calls[6:8]
    ['tpc_vote a', 'tpc_vote b']
    >>> calls[8:]
    ['abort b', 'abort c', 'tpc_abort a', 'tpc_abort b', 'tpc_abort c']
    >>> with raises("TransactionFailedError"):
    ...     tm.commit()
    >>> tm.abort()
    >>> tm.commit()
    """


@example(
    "transaction.join-while-active",
    MUST,
    rules="TXN-5",
    binds="dependency",
    error="TransactionFailedError ValueError",
)
def join_while_active() -> None:
    """A data manager can join while a transaction is active or doomed. During a commit, and after
    one that failed, joining is refused: the phases that have passed would be missing.

    >>> late = Participant("late", [])
    >>> tm.doom()
    >>> tm.get().join(late)
    >>> tm.abort()
    >>> late.calls
    ['abort late']
    >>> tm.get().join(Participant("p", [], commit=lambda: tm.get().join(late)))
    >>> with raises("ValueError", "TransactionFailedError"):
    ...     tm.commit()
    >>> with raises("ValueError", "TransactionFailedError"):
    ...     tm.get().join(late)
    """


@example(
    "transaction.doomed-stays-doomed",
    MUST,
    rules="TXN-6",
    binds="dependency",
    error="DoomedTransaction",
    since=Edition.C,
)
def doomed_stays_doomed() -> None:
    """A doomed transaction refuses to commit, again and again, while the program may go on
    working in it; an abort ends it, and the next transaction is not doomed.

    >>> connection.root()["a"] = 1
    >>> tm.doom()
    >>> with raises("DoomedTransaction"):
    ...     tm.commit()
    >>> connection.root()["b"] = 1
    >>> with raises("DoomedTransaction"):
    ...     tm.commit()
    >>> tm.isDoomed()
    True
    >>> tm.abort()
    >>> tm.isDoomed(), len(connection.root())
    (False, 0)
    """


@example(
    "transaction.begin-in-mid-transaction",
    MUST,
    rules="TXN-7",
    binds="dependency",
    error="AlreadyInTransaction",
)
def begin_in_mid_transaction() -> None:
    """`begin` aborts the transaction that is not finished yet. An explicit transaction manager
    refuses instead, so that no work is lost by an oversight.

    >>> calls = []
    >>> tm.get().join(Participant("p", calls))
    >>> first = tm.get()
    >>> second = tm.begin()
    >>> calls, second is first, second is tm.get()
    (['abort p'], False, True)
    >>> explicit = transaction.TransactionManager(explicit=True)
    >>> first = explicit.begin()
    >>> with raises("AlreadyInTransaction"):
    ...     explicit.begin()
    >>> first is explicit.get()
    True
    """


@example("transaction.synchronizers", MUST, rules="TXN-8", binds="dependency")
def synchronizers() -> None:
    """A synchronizer is told before and after each commit and abort. `newTransaction` is called
    only for an explicit `begin`, and for a synchronizer that registers while a transaction runs.
    After a commit that failed, `afterCompletion` is called once, and the abort that follows calls
    both.

    >>> manager = transaction.TransactionManager()
    >>> calls = []
    >>> synchronizer = Synchronizer(calls)
    >>> manager.registerSynch(synchronizer)
    >>> manager.commit()
    >>> calls
    ['before', 'after']
    >>> txn = manager.begin()
    >>> manager.abort()
    >>> calls[2:]
    ['new', 'before', 'after']
    >>> manager.get().join(Participant("p", [], commit=fail))
    >>> with raises("Failure"):
    ...     manager.commit()
    >>> calls[5:]
    ['before', 'after']
    >>> manager.abort()
    >>> calls[7:]
    ['before', 'after']
    >>> txn = manager.begin()
    >>> late = Synchronizer([])
    >>> manager.registerSynch(late)
    >>> late.calls
    ['new']
    """


@example("transaction.synchronizers-are-held-weakly", MUST, rules="TXN-8", binds="dependency")
def synchronizers_are_held_weakly() -> None:
    """A transaction manager does not keep its synchronizers alive: a program may let go of a
    connection without closing it.

    >>> import gc
    >>> manager = transaction.TransactionManager()
    >>> calls = []
    >>> synchronizer = Synchronizer(calls)
    >>> manager.registerSynch(synchronizer)
    >>> del synchronizer
    >>> unreachable = gc.collect()
    >>> manager.commit()
    >>> calls
    []
    """


@example("transaction.before-commit-hooks", MUST, rules="TXN-9", binds="dependency")
def before_commit_hooks() -> None:
    """Hooks that were added for the time before a commit run first, before any data manager, and
    may add further ones. If one raises an error the commit stops there and the transaction stays
    active: the program can still commit it.

    >>> calls = []
    >>> def first():
    ...     calls.append("first")
    ...     tm.get().addBeforeCommitHook(calls.append, ("second",))
    >>> tm.get().addBeforeCommitHook(first)
    >>> tm.get().join(Participant("p", calls))
    >>> tm.commit()
    >>> calls[:3]
    ['first', 'second', 'tpc_begin p']
    >>> calls.clear()
    >>> tm.get().join(Participant("p", calls))
    >>> tm.get().addBeforeCommitHook(fail)
    >>> with raises("Failure"):
    ...     tm.commit()
    >>> calls
    []
    >>> tm.commit()
    >>> calls[-1]
    'tpc_finish p'
    """


@example(
    "transaction.after-commit-hooks", MUST, rules="TXN-10", binds="dependency", since=Edition.C
)
def after_commit_hooks() -> None:
    """Hooks that were added for the time after a commit are told whether it succeeded. Whatever
    they change in persistent objects is not stored, not even by the next commit.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.a = thing.b = 1
    >>> tm.commit()
    >>> told = []
    >>> def hook(success):
    ...     told.append(success)
    ...     thing.a = 2
    >>> thing.b = 2
    >>> tm.get().addAfterCommitHook(hook)
    >>> tm.commit()
    >>> tm.get().addAfterCommitHook(told.append)
    >>> tm.get().join(Participant("p", [], commit=fail))
    >>> with raises("Failure"):
    ...     tm.commit()
    >>> told
    [True, False]
    >>> tm.abort()
    >>> thing.b = 3
    >>> tm.commit()
    >>> copy = opened(db).root()["thing"]
    >>> copy.a, copy.b
    (1, 3)
    """


@example("transaction.note-appends", MUST, rules="TXN-11", binds="dependency")
def note_appends() -> None:
    """`note` appends its text to the description of the transaction, so that each layer of a
    program can say what it did. White space separates the texts; how much of it is not promised.

    >>> tm.get().note("first text")
    >>> tm.get().note("second text")
    >>> tm.get().description.split()
    ['first', 'text', 'second', 'text']
    """


@example("transaction.retries", MUST, rules="TXN-12", binds="dependency", since=CURRENT)
def retries() -> None:
    """`run` and `attempts` try again, in a new transaction, where an attempt fails by a transient
    error, up to the number of times that is given. Any other error, and the last of the transient
    ones, is raised to the program, after an abort.

    >>> tries, calls = [], []
    >>> def work(successes, error):
    ...     tries.append(tm.get())
    ...     tm.get().join(Participant("p", calls))
    ...     if len(tries) not in successes:
    ...         raise error
    >>> busy = transaction.interfaces.TransientError()
    >>> tm.run(lambda: work({3}, busy), 3)
    >>> len(tries), len(set(map(id, tries)))
    (3, 3)
    >>> tries.clear(), calls.clear()
    (None, None)
    >>> with raises("TransientError"):
    ...     tm.run(lambda: work({3}, busy), 2)
    >>> len(tries), calls
    (2, ['abort p', 'abort p'])
    >>> with raises("ZeroDivisionError"):
    ...     tm.run(lambda: work({}, ZeroDivisionError()), 3)
    >>> len(tries), calls
    (3, ['abort p', 'abort p', 'abort p'])
    >>> tries.clear()
    >>> for attempt in tm.attempts(3):
    ...     with attempt:
    ...         work({2}, busy)
    >>> len(tries)
    2
    """


@example("transaction.conflict-is-transient", MUST, rules="TXN-12", since=CURRENT)
def conflict_is_transient() -> None:
    """A conflict is a transient error: `run` and `attempts` try again after one, and the next
    attempt sees what the other transaction stored.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.n = 1
    >>> tm.commit()
    >>> other = opened(db)
    >>> rival = other.root()["thing"]
    >>> seen = []
    >>> def increment():
    ...     seen.append(thing.n)
    ...     if len(seen) == 1:
    ...         rival.n = 10
    ...         other.transaction_manager.commit()
    ...     thing.n = seen[-1] + 1
    >>> tm.run(increment)
    >>> seen, thing.n
    ([1, 10], 11)
    """


@example(
    "transaction.meta-data", MUST, rules="TXN-13", since=CURRENT, needs="iteration old-revisions"
)
def meta_data() -> None:
    r"""User and description are text on the transaction, and bytes, in UTF-8, on the meta data
    that a storage gets and gives back. The extension is a dictionary on both; a storage that
    serializes it writes one pickle of the whole.

    >>> connection.root()["a"] = 1
    >>> tm.get().user = "J\u00f6rg"
    >>> tm.get().note("first")
    >>> tm.get().setExtendedInfo("size", 3)
    >>> tm.commit()
    >>> last = list(db.storage.iterator())[-1]
    >>> last.user, last.description
    (b'J\xc3\xb6rg', b'first')
    >>> last.extension
    {'size': 3}
    """


@example("transaction.sort-keys", MUST, rules="TXN-2")
def sort_keys() -> None:
    """The sort key of a connection is a text. It stays the same for as long as the connection is
    open, and differs from that of every other connection, so that there is one order among all
    data managers of a process.

    >>> other = opened(db)
    >>> type(connection.sortKey()).__name__
    'str'
    >>> connection.sortKey() == connection.sortKey() != other.sortKey()
    True
    """


@example("transaction.sort-key-begins-with-the-storage", MUST, rules="TXN-2", needs="raw-records")
def sort_key_begins_with_the_storage() -> None:
    """The sort key of a connection is that of its storage, a colon, and what identifies the
    connection: commits reach the storages of several processes in the same order. Between
    storages whose sort keys are equal the order is not promised.

    >>> connection.sortKey().startswith(db.storage.sortKey() + ":")
    True
    """


@example("transaction.failure-before-begin", MUST, rules="TXN-4")
def failure_before_begin() -> None:
    """A commit may fail before a connection was asked to begin. Its changes are undone all the
    same, and the connection works on in the next transaction.

    >>> connection.root()["a"] = 1
    >>> tm.get().join(Participant("", [], tpc_begin=fail))
    >>> with raises("Failure"):
    ...     tm.commit()
    >>> tm.abort()
    >>> "a" in connection.root()
    False
    >>> connection.root()["b"] = 1
    >>> tm.commit()
    >>> sorted(opened(db).root())
    ['b']
    """


@example("transaction.tpc-abort-at-any-time", MUST, rules="TXN-4")
def tpc_abort_at_any_time() -> None:
    """A connection accepts `tpc_abort` without a `tpc_begin` before it, and more than once: that
    call is the way out when others have failed, and never fails itself.

    >>> connection.root()["a"] = 1
    >>> connection.abort(tm.get())
    >>> connection.tpc_abort(tm.get())
    >>> connection.tpc_abort(tm.get())
    >>> tm.abort()
    >>> len(connection.root())
    0
    """
