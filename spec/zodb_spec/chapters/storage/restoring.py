"""Restoring: what another storage has committed, written as it was.

Replicas and copies are made of this. The transactions are not new: they have their tids, and
nothing is a conflict.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, SHOULD, example


@example("storage.begins-with-a-tid", MUST, rules="STOR-16 STOR-14", needs="restoring")
def begins_with_a_tid() -> None:
    """A transaction that begins with a given tid, later than the last one, has that tid: what
    it stores is found under it, and it is the last transaction then. Those that begin without are
    later, also where the given tid is of a time that is still to come.

    >>> oid, tids = storage.new_oid(), [z64]
    >>> tids.append(commit(storage, (oid, z64, content(0))))
    >>> soon = (int.from_bytes(tids[-1], "big") + 2**40).to_bytes(8, "big")
    >>> for tid in (next_tid(tids[-1]), soon):
    ...     meta = metadata()
    ...     storage.tpc_begin(meta, tid)
    ...     storage.store(oid, tids[-1], content(len(tids)), "", meta)
    ...     resolved = storage.tpc_vote(meta)
    ...     tids.append(storage.tpc_finish(meta))
    ...     if tids[-1] != tid or newest(storage).load(oid) != (content(len(tids) - 1), tid):
    ...         raise AssertionError("expected the given tid")
    ...     if newest(storage).lastTransaction() != tid:
    ...         raise AssertionError("expected the given tid to be the last")
    >>> commit(storage, (oid, tids[-1], content("on"))) > soon
    True
    """


@example(
    "storage.refuses-tids-of-the-past",
    SHOULD,
    rules="STOR-16 STOR-14",
    needs="restoring",
    error="POSError TransactionError ValueError",
)
def refuses_tids_of_the_past() -> None:
    """A transaction that is to begin with a tid which is not later than the last one is refused,
    at the latest in its vote. The storage goes on as if it had not been asked.

    Where one is taken, the order of the transactions is not that of their tids any more, and
    nothing that relies on it can be relied on.

    >>> oid, new = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (oid, z64, content(1)))
    >>> second = commit(storage, (oid, first, content(2)))
    >>> for tid in (second, first, next_tid(z64)):
    ...     meta = metadata()
    ...     with raises("POSError", "TransactionError", "ValueError"):
    ...         storage.tpc_begin(meta, tid)
    ...         storage.restore(new, tid, content("late"), "", None, meta)
    ...         storage.tpc_vote(meta)
    ...     storage.tpc_abort(meta)
    >>> newest(storage).lastTransaction() == second
    True
    >>> commit(storage, (oid, second, content(3))) > second
    True
    """


@example("storage.restores-a-revision", MUST, rules="STOR-40", needs="restoring")
def restores_a_revision() -> None:
    """`restore` adds a record to a transaction that has begun with a given tid. Once that is
    finished, its objects have this record and this tid, and it is the last transaction.

    >>> oid, new = storage.new_oid(), storage.new_oid()
    >>> first = restore(storage, next_tid(z64), (oid, content(1)))
    >>> second = restore(storage, next_tid(next_tid(first)), (oid, content(2)), (new, content(0)))
    >>> second == next_tid(next_tid(first)) == newest(storage).lastTransaction()
    True
    >>> newest(storage).load(oid) == (content(2), second)
    True
    >>> newest(storage).load(new) == (content(0), second)
    True
    """


@example("storage.restore-returns-nothing", MUST, rules="STOR-40", needs="restoring")
def restore_returns_nothing() -> None:
    """`restore` returns nothing, whatever it is given: the tid is known already.

    >>> oid, meta = storage.new_oid(), metadata()
    >>> storage.tpc_begin(meta, next_tid(z64))
    >>> results = [storage.restore(oid, next_tid(z64), content(1), "", None, meta)]
    >>> results.append(storage.restore(oid, next_tid(z64), None, "", None, meta))
    >>> storage.tpc_abort(meta)
    >>> results
    [None, None]
    """


@example("storage.restore-is-seen-at-once", MUST, rules="STOR-40 STOR-15", needs="restoring")
def restore_is_seen_at_once() -> None:
    """What was restored is read by everybody from then on, as after any commit: also by who has
    committed, or read, the revision before.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, content(1)))
    >>> newest(storage).load(oid) == (content(1), first)
    True
    >>> tid = restore(storage, next_tid(first), (oid, content(2)))
    >>> newest(storage).load(oid) == (content(2), tid)
    True
    >>> newest(storage).loadBefore(oid, next_tid(tid)) == (content(2), tid, None)
    True
    """


@example(
    "storage.restore-is-seen-by-clients",
    MUST,
    rules="STOR-40 STOR-34",
    needs="restoring several-clients",
)
def restore_is_seen_by_clients() -> None:
    """Other clients see what was restored as soon as they tell of the transaction, as after any
    commit, whatever they have read before.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, content(1)))
    >>> other = client_of(storage)
    >>> other.registerDB(Layer())
    >>> caught_up(other, first).load(oid) == (content(1), first)
    True
    >>> tid = restore(storage, next_tid(first), (oid, content(2)))
    >>> caught_up(other, tid).load(oid) == (content(2), tid)
    True
    >>> third = commit(other, (oid, tid, content(3)))
    >>> caught_up(storage, third).load(oid) == (content(3), third)
    True
    """


@example(
    "storage.restore-keeps-the-past",
    MUST,
    rules="STOR-40 STOR-23",
    needs="restoring old-revisions",
)
def restore_keeps_the_past() -> None:
    """The revisions that were there stay, and the restored ones follow them.

    >>> oid, tids = storage.new_oid(), [z64]
    >>> for number in range(3):
    ...     tids.append(restore(storage, next_tid(tids[-1]), (oid, content(number))))
    >>> found = [newest(storage).loadBefore(oid, tid) for tid in tids[2:]]
    >>> found == [(content(0), tids[1], tids[2]), (content(1), tids[2], tids[3])]
    True
    >>> [storage.loadSerial(oid, tid) for tid in tids[1:]] == [content(n) for n in range(3)]
    True
    """


@example("storage.restore-knows-no-conflicts", MUST, rules="STOR-40", needs="restoring")
def restore_knows_no_conflicts() -> None:
    """Nothing that is restored is a conflict, or is merged with what is there: neither an object
    that is there already, as new as it may be, nor one that never was.

    >>> oid, new = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (oid, z64, counted(1)))
    >>> second = commit(storage, (oid, first, counted(2)))
    >>> tid, meta = next_tid(second), metadata()
    >>> storage.tpc_begin(meta, tid)
    >>> storage.restore(oid, tid, counted(5), "", None, meta)
    >>> storage.restore(new, tid, counted(5), "", None, meta)
    >>> bool(storage.tpc_vote(meta))
    False
    >>> storage.tpc_finish(meta) == tid
    True
    >>> [newest(storage).loadSerial(each, tid) == counted(5) for each in (oid, new)]
    [True, True]
    """


@example(
    "storage.restores-an-end",
    MUST,
    rules="STOR-40 STOR-28",
    needs="restoring",
    error="POSKeyError",
)
def restores_an_end() -> None:
    """A record whose data is None restores that the object ceased to exist: it can't be loaded from
    then on.

    >>> oid, other = storage.new_oid(), storage.new_oid()
    >>> first = restore(storage, next_tid(z64), (oid, content(1)), (other, content("other")))
    >>> tid = restore(storage, next_tid(first), (oid, None))
    >>> with raises("POSKeyError"):
    ...     newest(storage).load(oid)
    >>> newest(storage).load(other) == (content("other"), first)
    True
    """


@example("storage.restore-takes-hints", MUST, rules="STOR-40", needs="restoring")
def restore_takes_hints() -> None:
    """The transaction that is said to have the same data is a hint, by which a storage may save
    space. What counts is the data: also where that transaction has other data for the object, of
    the same length or not, its own or by such a hint, or has its end, or nothing of this object.

    >>> oid, other = storage.new_oid(), storage.new_oid()
    >>> first = restore(storage, next_tid(z64), (oid, content(1)))
    >>> tid, found = restore(storage, next_tid(first), (other, content(1))), []
    >>> for hint, value in ((first, 1), (first, 2), (first, "longer"), (tid, 1)):
    ...     tid = restore(storage, next_tid(tid), (oid, content(value), hint))
    ...     found.append(newest(storage).loadSerial(oid, tid) == content(value))
    >>> found
    [True, True, True, True]
    >>> hinted = restore(storage, next_tid(tid), (oid, content(1), first))
    >>> tid = end = restore(storage, next_tid(hinted), (oid, None))
    >>> for hint, value in ((hinted, 3), (end, 4)):
    ...     tid = restore(storage, next_tid(tid), (oid, content(value), hint))
    ...     found += kept(storage, oid, tid)
    >>> found[-2:]
    [3, 4]
    """


@example("storage.restore-takes-dead-hints", MUST, rules="STOR-40", needs="restoring")
def restore_takes_dead_hints() -> None:
    """A hint of `restore` to a transaction that the storage does not have is passed over. It may
    have been packed away here and not there, and the copy goes on all the same.

    >>> oid = storage.new_oid()
    >>> tid = restore(storage, next_tid(next_tid(z64)), (oid, content(1)))
    >>> hints, tid, found = (next_tid(z64), next_tid(tid)), next_tid(next_tid(tid)), []
    >>> for number, hint in enumerate(hints):
    ...     tid = restore(storage, next_tid(tid), (oid, content(number), hint))
    ...     found.append(value_in(newest(storage).loadSerial(oid, tid)))
    >>> found
    [0, 1]
    """


@example(
    "storage.restore-needs-its-transaction",
    MUST,
    rules="STOR-40",
    needs="restoring",
    error="StorageTransactionError",
)
def restore_needs_its_transaction() -> None:
    """To restore is a call of the first phase, like a store: with another transaction than the one
    that has begun, or where none has, it is refused, and what was restored in a transaction that is
    aborted was never there.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, content(1)))
    >>> tid, storage = next_tid(first), newest(storage)
    >>> with raises("StorageTransactionError"):
    ...     storage.restore(oid, tid, content("stray"), "", None, metadata())
    >>> meta = metadata()
    >>> storage.tpc_begin(meta, tid)
    >>> with raises("StorageTransactionError"):
    ...     storage.restore(oid, tid, content("stray"), "", None, metadata())
    >>> storage.tpc_abort(meta)
    >>> for voting in (False, True):
    ...     meta = metadata()
    ...     storage.tpc_begin(meta, tid)
    ...     storage.restore(oid, tid, content("aborted"), "", None, meta)
    ...     resolved = storage.tpc_vote(meta) if voting else None
    ...     if storage.load(oid) != (content(1), first):
    ...         raise AssertionError("expected what was committed, as long as the transaction runs")
    ...     storage.tpc_abort(meta)
    >>> newest(storage).load(oid) == (content(1), first)
    True
    >>> newest(storage).lastTransaction() == first
    True
    """


@example("storage.restored-oids-are-taken", MUST, rules="STOR-40 STOR-18", needs="restoring")
def restored_oids_are_taken() -> None:
    """The oids of restored objects are not handed out for new ones, however great they are.

    >>> oids = [number.to_bytes(8, "big") for number in (1, 2, 3, 1000)]
    >>> tid = restore(storage, next_tid(z64), *((oid, content("restored")) for oid in oids))
    >>> handed_out = [storage.new_oid() for number in range(1100)]
    >>> set(handed_out) & set(oids)
    set()
    """
