"""Savepoints in company: other managers, hooks, the cache, and what is read meanwhile.

What a savepoint keeps and what a rollback brings back is the matter of another chapter. Here stands
how savepoints meet the rest of the interface: other data managers, `readCurrent`, conflicts,
`oldstate`, explicit transaction managers, and the memory of the process.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, SHOULD, example
from zodb_spec.editions import CURRENT


@example(
    "savepoint.unable-manager-refused",
    MUST,
    rules="SAVE-5 SAVE-6",
    binds="dependency",
    error="TypeError TransactionFailedError",
)
def unable_manager_refused() -> None:
    """Where a data manager has joined that can't make savepoints, `savepoint` fails, and the
    transaction with it: a program that relies on going back learns at once that it could not.

    >>> connection.root()["a"] = 1
    >>> tm.get().join(Participant("p", []))
    >>> with raises("TypeError"):
    ...     tm.savepoint()
    >>> with raises("TransactionFailedError"):
    ...     tm.commit()
    >>> tm.abort()
    >>> "a" in connection.root()
    False
    """


@example("savepoint.optimistic-accepted", MUST, rules="SAVE-6", binds="dependency")
def optimistic_accepted() -> None:
    """An optimistic savepoint can be made although a data manager can't: `savepoint(True)` serves
    programs that make savepoints to save memory, and hardly ever go back.

    >>> calls = []
    >>> tm.get().join(Participant("p", calls))
    >>> connection.root()["a"] = 1
    >>> savepoint = tm.savepoint(True)
    >>> connection.root()["b"] = 2
    >>> tm.commit()
    >>> sorted(opened(db).root()), calls[-1]
    (['a', 'b'], 'tpc_finish p')
    """


@example(
    "savepoint.optimistic-rollback-refused",
    MUST,
    rules="SAVE-5 SAVE-6",
    binds="dependency",
    error="TypeError TransactionFailedError",
)
def optimistic_rollback_refused() -> None:
    """To roll back an optimistic savepoint fails where a data manager can't, and the transaction
    with it: of those that take part some have gone back and some have not, and that must never be
    committed.

    >>> tm.get().join(Participant("p", []))
    >>> savepoint = tm.savepoint(True)
    >>> connection.root()["a"] = 1
    >>> with raises("TypeError"):
    ...     savepoint.rollback()
    >>> with raises("TransactionFailedError"):
    ...     tm.commit()
    >>> tm.abort()
    >>> "a" in opened(db).root()
    False
    """


@example("savepoint.hooks-wait-for-the-commit", MUST, rules="SAVE-17", binds="dependency")
def hooks_wait_for_the_commit() -> None:
    """Hooks that were added for a commit run neither for a savepoint nor for a rollback: nothing
    is decided yet, and what a hook does can't always be taken back.

    >>> calls = []
    >>> tm.get().addBeforeCommitHook(calls.append, ("before",))
    >>> tm.get().addAfterCommitHook(lambda success: calls.append("after"))
    >>> connection.root()["a"] = 1
    >>> savepoint = tm.savepoint()
    >>> savepoint.rollback()
    >>> calls
    []
    >>> tm.commit()
    >>> calls
    ['before', 'after']
    """


@example(
    "savepoint.explicit-manager",
    MUST,
    rules="CONN-46 SAVE-1 SAVE-4",
    error="NoTransaction InvalidSavepointRollbackError",
    since=CURRENT,
)
def explicit_manager() -> None:
    """Under an explicit transaction manager savepoints work inside a transaction as under any
    other. Outside of one there is nothing to save, and `savepoint` is refused.

    >>> explicit = transaction.TransactionManager(explicit=True)
    >>> connection = db.open(transaction_manager=explicit)
    >>> with raises("NoTransaction"):
    ...     explicit.savepoint()
    >>> txn = explicit.begin()
    >>> root = connection.root()
    >>> root["a"] = 1
    >>> savepoint = explicit.savepoint()
    >>> root["a"] = 2
    >>> savepoint.rollback()
    >>> root["a"]
    1
    >>> explicit.commit()
    >>> with raises("InvalidSavepointRollbackError"):
    ...     savepoint.rollback()
    >>> opened(db).root()["a"]
    1
    """


@example("savepoint.connection-answers", MUST, rules="TXN-2 CONN-10 LIFE-9")
def connection_answers() -> None:
    """A connection that holds savepoint data answers as it does without: it says whether it takes
    changes, keeps its sort key, and finds by their oid the objects that it has only saved so far.

    >>> key = connection.sortKey()
    >>> thing = connection.root()["thing"] = Thing()
    >>> savepoint = tm.savepoint()
    >>> connection.sortKey() == key
    True
    >>> bool(connection.isReadOnly()), connection.db() is db
    (False, True)
    >>> connection.get(thing._p_oid) is thing
    True
    """


@example("savepoint.stored-once", MUST, rules="SAVE-12", needs="iteration")
def stored_once() -> None:
    """A commit after savepoints stores each object once, in its newest state, and all of them in
    one transaction: nobody can tell from a database how many savepoints there were.

    >>> stored = lambda: [[record.oid for record in txn] for txn in db.storage.iterator()]
    >>> before = len(stored())
    >>> thing = connection.root()["thing"] = Thing()
    >>> for n in 1, 2, 3:
    ...     thing.n = n
    ...     savepoint = tm.savepoint()
    >>> thing.n = 4
    >>> tm.commit()
    >>> [sorted(oids) == [z64, thing._p_oid] for oids in stored()[before:]]
    [True]
    >>> opened(db).root()["thing"].n
    4
    """


@example("savepoint.loaded-while-committing", MUST, rules="SAVE-10 SAVE-12", error="POSError")
def loaded_while_committing() -> None:
    """While a commit goes through its phases, what was saved before can be loaded, or nothing can;
    what it replaces is never loaded instead. Other data managers may look at objects at that time,
    and so may objects of another database that are being stored. The older state would pass for the
    one that is committed, and the next change would bring it back.

    >>> thing = connection.root()["thing"] = Thing()
    >>> seen = []
    >>> def look():
    ...     with allowing("POSError"):
    ...         seen.append(thing.state)
    >>> for phase in "commit", "tpc_vote":
    ...     thing.state = "replaced"
    ...     tm.commit()
    ...     thing.state = "saved"
    ...     savepoint = tm.savepoint()
    ...     thing._p_deactivate()
    ...     tm.get().join(Participant(chr(0x10FFFF), [], **{phase: look}))
    ...     tm.commit()
    ...     seen.append(thing.state)
    >>> set(seen)
    {'saved'}
    """


@example("savepoint.conflict-at-the-commit", MUST, rules="ISO-7 SAVE-12", error="ConflictError")
def conflict_at_the_commit() -> None:
    """A saved change keeps the revision that it was made from: a conflict with what another
    transaction has committed since is noticed by the commit, also if the change was saved before,
    loaded again and saved once more. Otherwise a savepoint would be a way to lose an update.

    >>> thing = connection.root()["thing"] = Thing()
    >>> tm.commit()
    >>> thing.n = 1
    >>> savepoint = tm.savepoint()
    >>> other = opened(db)
    >>> other.root()["thing"].n = 10
    >>> other.transaction_manager.commit()
    >>> thing._p_deactivate()
    >>> thing.n += 1
    >>> savepoint = tm.savepoint()
    >>> thing.n
    2
    >>> with raises("ConflictError"):
    ...     tm.commit()
    >>> tm.abort()
    >>> thing.n
    10
    """


@example("savepoint.merged-at-the-commit", MUST, rules="ISO-7 SAVE-12", needs="conflict-resolution")
def merged_at_the_commit() -> None:
    """Where a class can resolve conflicts, what the commit merges is the newest saved state,
    against the revision with which the transaction began: everything that was done in it counts,
    and counts once.

    >>> counter = connection.root()["counter"] = Counter()
    >>> tm.commit()
    >>> other = opened(db)
    >>> other.root()["counter"].n += 10
    >>> counter.n += 1
    >>> savepoint = tm.savepoint()
    >>> other.transaction_manager.commit()
    >>> counter.n += 1
    >>> savepoint = tm.savepoint()
    >>> tm.commit()
    >>> counter.n, opened(db).root()["counter"].n
    (12, 12)
    """


@example(
    "savepoint.read-current-lasts", MUST, rules="SAVE-21", error="ReadConflictError", since=CURRENT
)
def read_current_lasts() -> None:
    """What was marked with `readCurrent` stays marked over savepoints and rollbacks, and is
    checked by the commit.

    >>> root = connection.root()
    >>> root["read"], root["written"] = Thing(), Thing()
    >>> tm.commit()
    >>> root["read"]._p_activate()
    >>> connection.readCurrent(root["read"])
    >>> savepoint = tm.savepoint()
    >>> root["written"].n = 1
    >>> later = tm.savepoint()
    >>> savepoint.rollback()
    >>> root["written"].n = 2
    >>> later = tm.savepoint()
    >>> other = opened(db)
    >>> other.root()["read"].n = 1
    >>> other.transaction_manager.commit()
    >>> with raises("ReadConflictError"):
    ...     tm.commit()
    """


@example(
    "savepoint.read-current-comes-back",
    MUST,
    rules="SAVE-21 CONN-36",
    error="ReadConflictError",
    since=CURRENT,
)
def read_current_comes_back() -> None:
    """The mark of an object that is changed as well is no longer needed once the change is stored,
    for then the object is checked as a write. A rollback that takes the change back brings back
    the need: what the program has marked before the savepoint is checked.

    >>> root = connection.root()
    >>> root["read"], root["written"] = Thing(), Thing()
    >>> tm.commit()
    >>> root["read"]._p_activate()
    >>> connection.readCurrent(root["read"])
    >>> savepoint = tm.savepoint()
    >>> root["read"].n = 1
    >>> later = tm.savepoint()
    >>> savepoint.rollback()
    >>> root["written"].n = 1
    >>> other = opened(db)
    >>> other.root()["read"].n = 2
    >>> other.transaction_manager.commit()
    >>> with raises("ReadConflictError"):
    ...     tm.commit()
    """


@example("savepoint.reduces-the-cache", SHOULD, rules="SAVE-11", needs="several-databases")
def reduces_the_cache() -> None:
    """A savepoint reduces the cache to its size, as the end of a transaction does: what has been
    saved can be loaded again, and a transaction of any length needs no more memory than a short
    one.

    >>> small = open_db(cache_size=5)
    >>> connection = opened(small)
    >>> things = connection.root()["things"] = [Thing() for _ in range(50)]
    >>> for n, thing in enumerate(things):
    ...     thing.n = n
    >>> savepoint = connection.transaction_manager.savepoint()
    >>> sum(thing._p_changed is not None for thing in things) <= 5
    True
    >>> [thing.n for thing in things] == list(range(50))
    True
    """


@example("savepoint.cache-reduced-inside", MUST, rules="SAVE-10")
def cache_reduced_inside() -> None:
    """A program may reduce the cache in mid-transaction, before and after savepoints and
    rollbacks. It loses nothing by that: what has been saved is loaded as it was saved, and what
    has changed since stays in memory.

    >>> root = connection.root()
    >>> saved, changed = root["saved"], root["changed"] = Thing(), Thing()
    >>> saved.n = changed.n = 1
    >>> connection.cacheMinimize()
    >>> savepoint = tm.savepoint()
    >>> changed.n = 2
    >>> connection.cacheMinimize()
    >>> saved.n, changed.n
    (1, 2)
    >>> savepoint.rollback()
    >>> connection.cacheMinimize()
    >>> saved.n, changed.n
    (1, 1)
    >>> changed.n = 3
    >>> connection.cacheGC()
    >>> tm.commit()
    >>> seen = opened(db).root()
    >>> seen["saved"].n, seen["changed"].n
    (1, 3)
    """


@example("savepoint.data-outside-of-memory", SHOULD, rules="SAVE-9 SAVE-11")
def data_outside_of_memory() -> None:
    """What savepoints have saved is kept outside of the memory of the process, on a disk as a
    rule: a transaction can be larger than memory if its program makes savepoints.

    >>> import gc, tracemalloc
    >>> tracemalloc.start()
    >>> try:
    ...     for n in range(8):
    ...         thing = connection.root()[n] = Thing()
    ...         thing.content = bytes(1_000_000)
    ...         savepoint = tm.savepoint()
    ...         connection.cacheMinimize()
    ...     unreachable = gc.collect()
    ...     held, most = tracemalloc.get_traced_memory()
    ... finally:
    ...     tracemalloc.stop()
    >>> held < 4_000_000
    True
    >>> len(thing.content)
    1000000
    """


@example("savepoint.old-state-inside", SHOULD, rules="SAVE-20")
def old_state_inside() -> None:
    """`oldstate` gives the state that a committed transaction has written, also while savepoint
    data is pending.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.n = 1
    >>> tm.commit()
    >>> tid = thing._p_serial
    >>> thing.n = 2
    >>> savepoint = tm.savepoint()
    >>> connection.oldstate(thing, tid)
    {'n': 1}
    """


@example(
    "savepoint.old-state-changes-nothing",
    MUST,
    rules="SAVE-20",
    error="POSError NotImplementedError AttributeError",
)
def old_state_changes_nothing() -> None:
    """Whether `oldstate` succeeds while savepoint data is pending or not, it changes nothing: the
    saved state stays, and can be committed.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.n = 1
    >>> tm.commit()
    >>> tid = thing._p_serial
    >>> thing.n = 2
    >>> savepoint = tm.savepoint()
    >>> with allowing("POSError", "NotImplementedError", "AttributeError"):
    ...     state = connection.oldstate(thing, tid)
    >>> thing.n, thing._p_serial == tid
    (2, True)
    >>> tm.commit()
    >>> opened(db).root()["thing"].n
    2
    """


@example("savepoint.eager-object-sees-the-rollback", MUST, rules="SAVE-16")
def eager_object_sees_the_rollback() -> None:
    """A rollback invalidates objects only when what they will be loaded from is back in place: one
    that loads itself as soon as it is invalidated shows the state of the savepoint.

    >>> eager = connection.root()["eager"] = Eager()
    >>> eager.n = 1
    >>> tm.commit()
    >>> eager.n = 2
    >>> savepoint = tm.savepoint()
    >>> eager.n = 3
    >>> later = tm.savepoint()
    >>> savepoint.rollback()
    >>> eager.n
    2
    >>> tm.abort()
    >>> eager.n
    1
    """


@example("savepoint.new-ghost-disowned", MUST, rules="LIFE-13", error="AttributeError")
def new_ghost_disowned() -> None:
    """A new object that was saved and has become a ghost loses oid and jar by an abort, like any
    other new object. If its state is lost with the savepoint, it is left empty: reading an
    attribute fails, and never shows something else.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.n = 1
    >>> savepoint = tm.savepoint()
    >>> thing._p_deactivate()
    >>> tm.abort()
    >>> thing._p_oid is None, thing._p_jar is None
    (True, True)
    >>> seen = 1
    >>> with allowing("AttributeError"):
    ...     seen = thing.n
    >>> seen
    1
    """


@example("savepoint.new-ghost-keeps-its-state", SHOULD, rules="LIFE-13")
def new_ghost_keeps_its_state() -> None:
    """Before an abort disowns a new object that has become a ghost, it gives it the state of its
    last savepoint again, as all other new objects keep theirs: that the cache was reduced meanwhile
    is no reason to lose it. This is one case of `savepoint.disowned-keeps-contents`, which is about
    rollbacks, and about objects that are in memory, as well.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.n = 1
    >>> savepoint = tm.savepoint()
    >>> thing._p_deactivate()
    >>> tm.abort()
    >>> thing.n
    1
    """


@example("savepoint.new-ghost-can-be-stored", MUST, rules="LIFE-13 LIFE-12 LIFE-14")
def new_ghost_can_be_stored() -> None:
    """A new object that was a ghost when an abort or a rollback has disowned it can be used and
    stored like one that was just made: it has no place left from which it could be loaded.

    >>> root = connection.root()
    >>> things = Thing(), Thing()
    >>> before = tm.savepoint()
    >>> for thing, go_back in zip(things, (before.rollback, tm.abort)):
    ...     root["thing"] = thing
    ...     savepoint = tm.savepoint()
    ...     thing._p_deactivate()
    ...     go_back()
    >>> for thing in things:
    ...     thing.n = 2
    ...     root["thing"] = thing
    ...     tm.commit()
    ...     tm.abort()
    >>> opened(db).root()["thing"].n, opened(db).get(things[0]._p_oid).n
    (2, 2)
    """
