"""Calls out of order: what a storage refuses, and what it keeps in any case.

No program should make such calls, but programs do: where an error ends a commit half way, where two
threads use one storage, where a transaction that has ended is used again. A storage that obeys does
not lose by that what it has promised to others.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, SHOULD, example


@example("storage.begin-twice", MUST, rules="STOR-4", error="StorageTransactionError")
def begin_twice_refused() -> None:
    """To begin a transaction that has begun is refused, at once and without waiting, whether it has
    stored something, or the storage has voted for it. The transaction goes on as if nothing had
    happened.

    >>> oid = storage.new_oid()
    >>> def refused():
    ...     with raises("StorageTransactionError"):
    ...         storage.tpc_begin(meta)
    >>> meta = begun(storage)
    >>> refused()
    >>> storage.store(oid, z64, content("one"), "", meta)
    >>> refused()
    >>> _ = storage.tpc_vote(meta)
    >>> refused()
    >>> tid = storage.tpc_finish(meta)
    >>> newest(storage).load(oid) == (content("one"), tid)
    True
    """


@example("storage.other-transaction", MUST, rules="STOR-2", error="StorageTransactionError")
def other_transaction_refused() -> None:
    """While one transaction is being committed, `store`, `tpc_vote`, `tpc_finish` and
    `checkCurrentSerialInTransaction` are refused for any other, in whatever state the one is.
    Nothing is stored by that.

    >>> oid, other = storage.new_oid(), metadata()
    >>> old = commit(storage, (oid, z64, content("old")))
    >>> calls = (
    ...     lambda: storage.store(oid, old, content("wrong"), "", other),
    ...     lambda: storage.checkCurrentSerialInTransaction(oid, old, other),
    ...     lambda: storage.tpc_vote(other),
    ...     lambda: storage.tpc_finish(other),
    ... )
    >>> writes = (storage.new_oid(), z64, content("added")),
    >>> for state, stores in ((begun, ()), (begun, writes), (voted, writes)):
    ...     for call in calls:
    ...         meta = state(storage, *stores)
    ...         with raises("StorageTransactionError"):
    ...             call()
    ...         storage.tpc_abort(meta)
    >>> newest(storage).load(oid) == (content("old"), old)
    True
    """


@example("storage.refusal-spares-the-current", SHOULD, rules="STOR-2")
def refusal_spares_the_current() -> None:
    """Calls that are refused since they are for another transaction leave the one alone that is
    being committed: it goes on, and is stored as it is.

    A storage may give up both, where it is used by nobody but one connection. Then the one that is
    given up can't be finished.

    >>> oid, added, other = storage.new_oid(), storage.new_oid(), metadata()
    >>> old = commit(storage, (oid, z64, content("old")))
    >>> def refused():
    ...     with raises("StorageTransactionError"):
    ...         storage.store(oid, old, content("wrong"), "", other)
    ...     with raises("StorageTransactionError"):
    ...         storage.checkCurrentSerialInTransaction(oid, old, other)
    ...     with raises("StorageTransactionError"):
    ...         storage.tpc_vote(other)
    ...     with raises("StorageTransactionError"):
    ...         storage.tpc_finish(other)
    >>> meta = begun(storage)
    >>> refused()
    >>> storage.store(added, z64, content("added"), "", meta)
    >>> refused()
    >>> _ = storage.tpc_vote(meta)
    >>> refused()
    >>> tid = storage.tpc_finish(meta)
    >>> seen = newest(storage)
    >>> seen.load(added) == (content("added"), tid)
    True
    >>> seen.load(oid) == (content("old"), old)
    True
    """


@example("storage.no-transaction", MUST, rules="STOR-2", error="StorageTransactionError")
def no_transaction_refused() -> None:
    """While no transaction is being committed, `store`, `tpc_vote`, `tpc_finish` and
    `checkCurrentSerialInTransaction` are refused: for one that has never begun, for one that was
    finished, and for one that was aborted. Nothing is stored.

    >>> oid = storage.new_oid()
    >>> finished = metadata()
    >>> old = commit(storage, (oid, z64, content("old")), meta=finished)
    >>> aborted = voted(storage, (oid, old, content("aborted")))
    >>> storage.tpc_abort(aborted)
    >>> for meta in (metadata(), finished, aborted):
    ...     with raises("StorageTransactionError"):
    ...         storage.store(oid, old, content("wrong"), "", meta)
    ...     with raises("StorageTransactionError"):
    ...         storage.checkCurrentSerialInTransaction(oid, old, meta)
    ...     with raises("StorageTransactionError"):
    ...         storage.tpc_vote(meta)
    ...     with raises("StorageTransactionError"):
    ...         storage.tpc_finish(meta)
    >>> newest(storage).load(oid) == (content("old"), old)
    True
    >>> tid = commit(storage, (oid, old, content("new")))
    >>> newest(storage).load(oid) == (content("new"), tid)
    True
    """


@example("storage.none-is-no-transaction", SHOULD, rules="STOR-2 STOR-3")
def none_is_no_transaction() -> None:
    """None stands for no transaction: calls with it are refused, while no other is being committed
    as well, and `tpc_abort` does nothing.

    A program that has lost its transaction makes such calls, and a storage that compares what it is
    given with what it has may take None for the transaction that it has not.

    >>> oid = storage.new_oid()
    >>> old = commit(storage, (oid, z64, content("old")))
    >>> storage.tpc_abort(voted(storage, (oid, old, content("aborted"))))
    >>> with raises("Exception"):
    ...     storage.store(oid, old, content("wrong"), "", None)
    >>> with raises("Exception"):
    ...     storage.tpc_vote(None)
    >>> with raises("Exception"):
    ...     storage.tpc_finish(None)
    >>> storage.tpc_abort(None)
    >>> newest(storage).load(oid) == (content("old"), old)
    True
    >>> tid = commit(storage, (oid, old, content("new")))
    >>> newest(storage).load(oid) == (content("new"), tid)
    True
    """


@example("storage.abort-of-another", MUST, rules="STOR-3")
def abort_of_another_ignored() -> None:
    """`tpc_abort` for another transaction than the one that is being committed does nothing,
    whatever the state of this one: it can be finished.

    >>> oid, tid, ended, kept = storage.new_oid(), z64, metadata(), []
    >>> _ = commit(storage, meta=ended)
    >>> for other in (metadata(), ended):
    ...     meta = begun(storage)
    ...     storage.tpc_abort(other)
    ...     storage.store(oid, tid, content("one"), "", meta)
    ...     storage.tpc_abort(other)
    ...     _ = storage.tpc_vote(meta)
    ...     storage.tpc_abort(other)
    ...     tid = storage.tpc_finish(meta)
    ...     kept.append(newest(storage).load(oid) == (content("one"), tid))
    >>> kept
    [True, True]
    """


@example("storage.abort-when-idle", MUST, rules="STOR-3")
def abort_when_idle_ignored() -> None:
    """`tpc_abort` does nothing while no transaction is being committed: for one that has never
    begun, one that was finished, and one that was aborted, as often as somebody wants.

    >>> oid, finished, aborted = storage.new_oid(), metadata(), metadata()
    >>> storage.tpc_abort(finished)
    >>> tid = commit(storage, (oid, z64, content("one")), meta=finished)
    >>> storage.tpc_abort(finished)
    >>> storage.tpc_abort(begun(storage, (oid, tid, content("two")), meta=aborted))
    >>> for meta in (aborted, aborted, finished, metadata()):
    ...     storage.tpc_abort(meta)
    >>> newest(storage).load(oid) == (content("one"), tid)
    True
    >>> later = commit(storage, (oid, tid, content("three")))
    >>> newest(storage).load(oid) == (content("three"), later)
    True
    """


@example("storage.finish-without-vote", SHOULD, rules="STOR-1")
def finish_without_vote_refused() -> None:
    """A transaction for which the storage has not voted can't be finished: `tpc_finish` is refused,
    and the transaction can be aborted.

    >>> oid = storage.new_oid()
    >>> meta = begun(storage, (oid, z64, content("one")))
    >>> with raises("Exception"):
    ...     storage.tpc_finish(meta)
    >>> storage.tpc_abort(meta)
    >>> with raises("KeyError"):
    ...     newest(storage).load(oid)
    """


@example("storage.finish-without-vote-spares", MUST, rules="STOR-1")
def finish_without_vote_spares_others() -> None:
    """Whatever becomes of a transaction that is finished without a vote, nothing that was committed
    before is damaged by it, and what is committed after it is kept.

    >>> one, two, three = (storage.new_oid() for _ in range(3))
    >>> tid = commit(storage, (one, z64, content("one")))
    >>> meta = begun(storage, (two, z64, content("two")))
    >>> with allowing("Exception"):
    ...     storage.tpc_finish(meta)
    >>> storage.tpc_abort(meta)
    >>> newest(storage).load(one) == (content("one"), tid)
    True
    >>> later = commit(storage, (three, z64, content("three")))
    >>> newest(storage).load(three) == (content("three"), later)
    True
    >>> newest(storage).load(one) == (content("one"), tid)
    True
    """


@example("storage.finish-without-vote-spares-files", MUST, rules="STOR-1 STOR-8", needs="durable")
def finish_without_vote_spares_what_lasts() -> None:
    """After a transaction was finished without a vote, what was committed before and after it is
    there when the storage is opened again.

    >>> one, two, three = (storage.new_oid() for _ in range(3))
    >>> tid = commit(storage, (one, z64, content("one")))
    >>> meta = begun(storage, (two, z64, content("two")))
    >>> with allowing("Exception"):
    ...     storage.tpc_finish(meta)
    >>> storage.tpc_abort(meta)
    >>> later = commit(storage, (three, z64, content("three")))
    >>> seen = newest(reopened(storage))
    >>> seen.load(one) == (content("one"), tid)
    True
    >>> seen.load(three) == (content("three"), later)
    True
    """


@example("storage.store-after-vote", SHOULD, rules="STOR-1")
def store_after_vote_refused() -> None:
    """When the storage has voted for a transaction, this takes nothing more: `store` and
    `checkCurrentSerialInTransaction` are refused, and what is stored is what was there when the
    storage voted, if anything.

    >>> oid, added = storage.new_oid(), storage.new_oid()
    >>> old = commit(storage, (oid, z64, content("old")))
    >>> meta = voted(storage, (added, z64, content("added")))
    >>> with raises("Exception"):
    ...     storage.store(oid, old, content("late"), "", meta)
    >>> with raises("Exception"):
    ...     storage.checkCurrentSerialInTransaction(oid, old, meta)
    >>> with allowing("StorageTransactionError"):
    ...     _ = storage.tpc_finish(meta)
    >>> newest(storage).load(oid) == (content("old"), old)
    True
    """


@example("storage.store-after-vote-spares", MUST, rules="STOR-1")
def store_after_vote_spares_others() -> None:
    """Whatever becomes of a transaction that stores something after the vote, nothing that was
    committed before is damaged by it: it can be read, unless the transaction has changed it, and
    others can be committed.

    >>> one, two, three = (storage.new_oid() for _ in range(3))
    >>> tid = commit(storage, *((oid, z64, content("old")) for oid in (one, two, three)))
    >>> meta = voted(storage, (one, tid, content("new")))
    >>> with allowing("Exception"):
    ...     storage.store(two, tid, content("late"), "", meta)
    >>> with allowing("Exception"):
    ...     storage.tpc_finish(meta)
    >>> storage.tpc_abort(meta)
    >>> newest(storage).load(three) == (content("old"), tid)
    True
    >>> value_in(newest(storage).load(two)[0]) in ("old", "late")
    True
    >>> later = commit(storage, (three, tid, content("later")))
    >>> newest(storage).load(three) == (content("later"), later)
    True
    >>> value_in(newest(storage).load(two)[0]) in ("old", "late")
    True
    """


@example("storage.store-after-vote-spares-files", MUST, rules="STOR-1 STOR-8", needs="durable")
def store_after_vote_spares_what_lasts() -> None:
    """After a transaction has stored something after the vote, what was committed before and after
    it is there when the storage is opened again.

    >>> one, two, three = (storage.new_oid() for _ in range(3))
    >>> tid = commit(storage, *((oid, z64, content("old")) for oid in (one, two, three)))
    >>> meta = voted(storage, (one, tid, content("new")))
    >>> with allowing("Exception"):
    ...     storage.store(two, tid, content("late"), "", meta)
    >>> with allowing("Exception"):
    ...     storage.tpc_finish(meta)
    >>> storage.tpc_abort(meta)
    >>> later = commit(storage, (three, tid, content("later")))
    >>> seen = newest(reopened(storage))
    >>> value_in(seen.load(two)[0]) in ("old", "late")
    True
    >>> seen.load(three) == (content("later"), later)
    True
    """


@example("storage.store-after-vote-can-be-aborted", MUST, rules="STOR-1 STOR-3")
def store_after_vote_can_be_aborted() -> None:
    """A transaction that has stored something after the vote can be aborted, and nothing of it is
    left.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> tid = commit(storage, (one, z64, content("old")), (two, z64, content("old")))
    >>> meta = voted(storage, (one, tid, content("new")))
    >>> with allowing("Exception"):
    ...     storage.store(two, tid, content("late"), "", meta)
    >>> storage.tpc_abort(meta)
    >>> later = commit(storage, (two, tid, content("later")))
    >>> seen = newest(storage)
    >>> seen.load(one) == (content("old"), tid)
    True
    >>> seen.load(two) == (content("later"), later)
    True
    """


@example("storage.undo-out-of-order", MUST, rules="STOR-1 STOR-51", needs="undo")
def undo_out_of_order() -> None:
    """`undo` belongs into a transaction that has begun: it is refused for any other, whether one is
    being committed or none.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, content("first")))
    >>> second = commit(storage, (oid, first, content("second")))
    >>> undoable = newest(storage).undoLog(0, 1)[0]["id"]
    >>> with raises("StorageTransactionError"):
    ...     storage.undo(undoable, metadata())
    >>> meta = begun(storage)
    >>> with raises("StorageTransactionError"):
    ...     storage.undo(undoable, metadata())
    >>> storage.tpc_abort(meta)
    >>> newest(storage).load(oid) == (content("second"), second)
    True
    """


@example("storage.deletion-after-vote", SHOULD, rules="STOR-1 STOR-43", needs="deletion")
def deletion_after_vote_refused() -> None:
    """When the storage has voted for a transaction, `deleteObject` is refused, too: the object that
    it names is there as it was. A deletion that is passed over without a word would be missed, too,
    by who believes that something is gone.

    >>> oid, added = storage.new_oid(), storage.new_oid()
    >>> tid = commit(storage, (oid, z64, content("one")))
    >>> meta = voted(storage, (added, z64, content("added")))
    >>> with raises("Exception"):
    ...     storage.deleteObject(oid, tid, meta)
    >>> with allowing("StorageTransactionError"):
    ...     _ = storage.tpc_finish(meta)
    >>> newest(storage).load(oid) == (content("one"), tid)
    True
    """


@example("storage.deletion-after-vote-spares", MUST, rules="STOR-1 STOR-43", needs="deletion")
def deletion_after_vote_spares_others() -> None:
    """Whatever becomes of a transaction that deletes something after the vote, nothing that was
    committed before is damaged by it: the object is there as it was, or it is deleted.

    >>> oid, other, added = (storage.new_oid() for _ in range(3))
    >>> tid = commit(storage, (oid, z64, content("one")), (other, z64, content("other")))
    >>> meta, seen = voted(storage, (added, z64, content("added"))), []
    >>> with allowing("Exception"):
    ...     storage.deleteObject(oid, tid, meta)
    >>> with allowing("Exception"):
    ...     storage.tpc_finish(meta)
    >>> storage.tpc_abort(meta)
    >>> with allowing("KeyError"):
    ...     seen.append(newest(storage).load(oid))
    >>> later = commit(storage, (other, tid, content("later")))
    >>> with allowing("KeyError"):
    ...     seen.append(newest(storage).load(oid))
    >>> seen in ([], [(content("one"), tid)] * 2)
    True
    >>> newest(storage).load(other) == (content("later"), later)
    True
    """


@example("storage.restore-after-vote", SHOULD, rules="STOR-1 STOR-40", needs="restoring")
def restore_after_vote_refused() -> None:
    """When the storage has voted for a transaction, `restore` is refused, too: a copy to which it
    adds something would not be what the storage has voted for, and one that leaves it out would not
    be whole.

    >>> oid, added = storage.new_oid(), storage.new_oid()
    >>> old = commit(storage, (oid, z64, content("old")))
    >>> meta, tid = metadata(), next_tid(old)
    >>> storage.tpc_begin(meta, tid)
    >>> storage.restore(added, tid, content("added"), "", None, meta)
    >>> _ = storage.tpc_vote(meta)
    >>> with raises("Exception"):
    ...     storage.restore(oid, tid, content("late"), "", None, meta)
    >>> with allowing("StorageTransactionError"):
    ...     _ = storage.tpc_finish(meta)
    >>> newest(storage).load(oid) == (content("old"), old)
    True
    """


@example("storage.restore-after-vote-spares", MUST, rules="STOR-1 STOR-40", needs="restoring")
def restore_after_vote_spares_others() -> None:
    """Whatever becomes of a transaction that restores something after the vote, nothing that was
    committed before is damaged by it: the object shows what it showed, or what was restored.

    >>> oid, other = storage.new_oid(), storage.new_oid()
    >>> old = commit(storage, (oid, z64, content("old")), (other, z64, content("other")))
    >>> meta, tid = metadata(), next_tid(old)
    >>> storage.tpc_begin(meta, tid)
    >>> _ = storage.tpc_vote(meta)
    >>> with allowing("Exception"):
    ...     storage.restore(oid, tid, content("late"), "", None, meta)
    >>> with allowing("Exception"):
    ...     storage.tpc_finish(meta)
    >>> storage.tpc_abort(meta)
    >>> value_in(newest(storage).load(oid)[0]) in ("old", "late")
    True
    >>> later = commit(storage, (other, old, content("later")))
    >>> newest(storage).load(other) == (content("later"), later)
    True
    >>> value_in(newest(storage).load(oid)[0]) in ("old", "late")
    True
    """
