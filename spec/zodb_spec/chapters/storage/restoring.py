"""Restoring: what another storage has committed, written as it was, and copies of whole storages.

This is how databases move from one kind of storage to another, and how replicas are kept. The
transactions are not new: they have their tids, nothing is a conflict, and who reads the copy finds
what is found in the original.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, SHOULD, example


@example("storage.restores-a-revision", MUST, rules="STOR-40", needs="restoring")
def restores_a_revision() -> None:
    """`restore` adds a record to a transaction that has begun with a given tid. Once that is
    finished, its objects have this record and this tid, and it is the last transaction.

    >>> oid, new = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (oid, z64, content(1)))
    >>> tid, meta = next_tid(next_tid(first)), metadata()
    >>> storage.tpc_begin(meta, tid)
    >>> for each, value in ((oid, 2), (new, "new")):
    ...     storage.restore(each, tid, content(value), "", None, meta)
    >>> resolved = storage.tpc_vote(meta)
    >>> storage.tpc_finish(meta) == tid
    True
    >>> newest(storage).load(oid) == (content(2), tid)
    True
    >>> newest(storage).load(new) == (content("new"), tid)
    True
    >>> newest(storage).lastTransaction() == tid
    True
    """


@example(
    "storage.restore-keeps-the-past", MUST, rules="STOR-40 STOR-23", needs="restoring old-revisions"
)
def restore_keeps_the_past() -> None:
    """The revisions that were there stay, and the restored ones follow them.

    >>> oid = storage.new_oid()
    >>> tids = [commit(storage, (oid, z64, content(0)))]
    >>> for number in (1, 2):
    ...     tids.append(next_tid(tids[-1]))
    ...     meta = metadata()
    ...     storage.tpc_begin(meta, tids[-1])
    ...     storage.restore(oid, tids[-1], content(number), "", None, meta)
    ...     resolved = storage.tpc_vote(meta)
    ...     tid = storage.tpc_finish(meta)
    >>> found = [newest(storage).loadBefore(oid, tid) for tid in tids[1:]]
    >>> found == [(content(0), tids[0], tids[1]), (content(1), tids[1], tids[2])]
    True
    >>> [storage.loadSerial(oid, tid) for tid in tids] == [content(n) for n in range(3)]
    True
    """


@example("storage.restore-knows-no-conflicts", MUST, rules="STOR-40", needs="restoring")
def restore_knows_no_conflicts() -> None:
    """Nothing that is restored is a conflict, or is merged with what is there: neither an object
    that is there already, as new as it may be, nor one that never was.

    >>> oid, new = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (oid, z64, content(1)))
    >>> second = commit(storage, (oid, first, content(2)))
    >>> tid, meta = next_tid(second), metadata()
    >>> storage.tpc_begin(meta, tid)
    >>> storage.restore(oid, tid, content("restored"), "", None, meta)
    >>> storage.restore(new, tid, content("restored"), "", None, meta)
    >>> bool(storage.tpc_vote(meta))
    False
    >>> storage.tpc_finish(meta) == tid
    True
    >>> [newest(storage).load(each) == (content("restored"), tid) for each in (oid, new)]
    [True, True]
    """


@example(
    "storage.restores-an-end", MUST, rules="STOR-40 STOR-28", needs="restoring", error="POSKeyError"
)
def restores_an_end() -> None:
    """A record whose data is None restores that the object ceased to exist: it can't be loaded from
    then on.

    >>> oid, other = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (oid, z64, content(1)), (other, z64, content("other")))
    >>> tid, meta = next_tid(first), metadata()
    >>> storage.tpc_begin(meta, tid)
    >>> storage.restore(oid, tid, None, "", None, meta)
    >>> resolved = storage.tpc_vote(meta)
    >>> storage.tpc_finish(meta) == tid
    True
    >>> with raises("POSKeyError"):
    ...     newest(storage).load(oid)
    >>> newest(storage).load(other) == (content("other"), first)
    True
    """


@example("storage.restore-takes-hints", MUST, rules="STOR-40", needs="restoring")
def restore_takes_hints() -> None:
    """The transaction that is said to have the same data is a hint, by which a storage may save
    space. What counts is the data: also where that transaction has other data for the object, of
    the same length or not, or none for this object.

    >>> oid, other = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (oid, z64, content(1)))
    >>> second = commit(storage, (other, z64, content(1)))
    >>> last, found = second, []
    >>> hints = [(first, 1), (first, 2), (first, "longer"), (second, 1)]
    >>> for hint, value in hints:
    ...     last, meta = next_tid(last), metadata()
    ...     storage.tpc_begin(meta, last)
    ...     storage.restore(oid, last, content(value), "", hint, meta)
    ...     resolved = storage.tpc_vote(meta)
    ...     tid = storage.tpc_finish(meta)
    ...     found.append(newest(storage).load(oid) == (content(value), last))
    >>> found
    [True, True, True, True]
    """


@example("storage.restore-takes-dead-hints", MUST, rules="STOR-40", needs="restoring")
def restore_takes_dead_hints() -> None:
    """So it is with a hint to a transaction that the storage does not have. It may have been packed
    away here and not there, and the copy goes on all the same.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (storage.new_oid(), z64, content("other")))
    >>> second = commit(storage, (oid, z64, content(1)))
    >>> last, found = second, []
    >>> for hint in (next_tid(first), next_tid(z64)):
    ...     last, meta = next_tid(last), metadata()
    ...     storage.tpc_begin(meta, last)
    ...     storage.restore(oid, last, content(2), "", hint, meta)
    ...     resolved = storage.tpc_vote(meta)
    ...     tid = storage.tpc_finish(meta)
    ...     found.append(newest(storage).load(oid) == (content(2), last))
    >>> found
    [True, True]
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
    >>> for voting in (False, True):
    ...     meta = metadata()
    ...     storage.tpc_begin(meta, tid)
    ...     with raises("StorageTransactionError"):
    ...         storage.restore(oid, tid, content("stray"), "", None, metadata())
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

    >>> first = int.from_bytes(storage.new_oid(), "big")
    >>> restored = [(first + number).to_bytes(8, "big") for number in (1, 2, 3, 1000)]
    >>> tid, meta = next_tid(next_tid(z64)), metadata()
    >>> storage.tpc_begin(meta, tid)
    >>> for oid in restored:
    ...     storage.restore(oid, tid, content("restored"), "", None, meta)
    >>> resolved = storage.tpc_vote(meta)
    >>> storage.tpc_finish(meta) == tid
    True
    >>> handed_out = [storage.new_oid() for number in range(1100)]
    >>> set(handed_out) & set(restored)
    set()
    """


@example(
    "storage.copy-tells-the-same", MUST, rules="STOR-41", needs="restoring iteration old-revisions"
)
def copy_tells_the_same() -> None:
    """`copyTransactionsFrom` gives an empty storage all that another one has: the transactions in
    their order, with their tids, users, descriptions and extensions, and the records of each. The
    original stays as it was.

    >>> oids, tid = [storage.new_oid() for number in range(3)], z64
    >>> for turn in range(4):
    ...     noted = metadata(b"user %d" % turn, "ärger".encode(), {"turn": turn})
    ...     writes = [(oid, tid, content((turn, number))) for number, oid in enumerate(oids)]
    ...     tid = commit(storage, *writes, meta=noted)
    >>> tid = commit(storage, (storage.new_oid(), z64, content("x" * 100_000)))
    >>> def told(storage):
    ...     return [
    ...         (
    ...             (each.tid, each.user, each.description, each.extension),
    ...             sorted((record.oid, record.tid, record.data) for record in each),
    ...         )
    ...         for each in storage.iterator()
    ...     ]
    >>> before, copy = told(storage), open_storage()
    >>> copy.copyTransactionsFrom(storage)
    >>> told(copy) == before == told(storage)
    True
    >>> newest(copy).lastTransaction() == tid
    True
    """


@example(
    "storage.copy-reads-the-same", MUST, rules="STOR-41", needs="restoring iteration old-revisions"
)
def copy_reads_the_same() -> None:
    """What can be loaded from the original can be loaded from its copy: the current revisions, the
    old ones, and what a snapshot of any time shows.

    >>> oid, other, tids = storage.new_oid(), storage.new_oid(), [z64]
    >>> for turn in range(3):
    ...     tids.append(commit(storage, (oid, tids[-1], content(turn))))
    >>> last = commit(storage, (other, z64, content("other")))
    >>> copy = open_storage()
    >>> copy.copyTransactionsFrom(storage)
    >>> storage, copy, wrong = newest(storage), newest(copy), []
    >>> for each in (oid, other):
    ...     if copy.load(each) != storage.load(each):
    ...         wrong.append(each)
    >>> for tid in [*tids[1:], last, next_tid(last)]:
    ...     if copy.loadBefore(oid, tid) != storage.loadBefore(oid, tid):
    ...         wrong.append(tid)
    >>> [copy.loadSerial(oid, tid) for tid in tids[1:]] == [content(turn) for turn in range(3)]
    True
    >>> wrong
    []
    """


@example("storage.copy-has-undos", MUST, rules="STOR-41 STOR-28", needs="restoring iteration undo")
def copy_has_undos() -> None:
    """A copy has also what was undone, what was undone again, and what ceased to exist by an undo.

    >>> oid, new = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (oid, z64, content(1)))
    >>> second = commit(storage, (oid, first, content(2)), (new, z64, content("new")))
    >>> for turn in range(3):
    ...     tid, undone = undo(storage, storage.undoLog()[0]["id"])
    >>> def told(storage):
    ...     return [
    ...         (each.tid, sorted((record.oid, record.tid, record.data) for record in each))
    ...         for each in storage.iterator()
    ...     ]
    >>> copy = open_storage()
    >>> copy.copyTransactionsFrom(storage)
    >>> told(copy) == told(storage)
    True
    >>> newest(copy).load(oid) == (content(1), tid)
    True
    >>> with raises("POSKeyError"):
    ...     newest(copy).load(new)
    """


@example(
    "storage.copy-has-deletions",
    MUST,
    rules="STOR-41 STOR-43",
    needs="restoring iteration deletion old-revisions",
)
def copy_has_deletions() -> None:
    """A copy has the deletions of the original, and what was stored again after one.

    >>> oid, other = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (oid, z64, content(1)), (other, z64, content("other")))
    >>> deleted = delete(storage, *((each, first) for each in (oid, other)))
    >>> again = commit(storage, (oid, deleted, content("again")))
    >>> copy = open_storage()
    >>> copy.copyTransactionsFrom(storage)
    >>> newest(copy).load(oid) == (content("again"), again)
    True
    >>> newest(copy).loadBefore(other, deleted) == (content("other"), first, deleted)
    True
    >>> with raises("POSKeyError"):
    ...     newest(copy).load(other)
    """


@example(
    "storage.copy-can-be-worked-with",
    MUST,
    rules="STOR-41 STOR-14 STOR-18",
    needs="restoring iteration",
)
def copy_can_be_worked_with() -> None:
    """A copy is a storage like any other: new oids are none that were copied, new transactions are
    later than all that were copied, and they change the objects from where the original left them.

    >>> oids = [storage.new_oid() for number in range(30)]
    >>> tid = commit(storage, *((oid, z64, content(1)) for oid in oids))
    >>> last = commit(storage, (oids[0], tid, content(2)))
    >>> copy = open_storage()
    >>> copy.copyTransactionsFrom(storage)
    >>> copy.new_oid() in oids
    False
    >>> meta = metadata()
    >>> with raises("ConflictError"):
    ...     commit(copy, (oids[0], tid, content("stale")), meta=meta)
    >>> copy.tpc_abort(meta)
    >>> new = commit(copy, (oids[0], last, content(3)), (oids[1], tid, content(2)))
    >>> new > last, newest(copy).load(oids[0]) == (content(3), new)
    (True, True)
    >>> newest(storage).load(oids[0]) == (content(2), last)
    True
    """


@example("storage.copy-of-nothing", MUST, rules="STOR-41", needs="restoring iteration")
def copy_of_nothing() -> None:
    """The copy of an empty storage is empty.

    >>> copy = open_storage()
    >>> copy.copyTransactionsFrom(storage)
    >>> newest(copy).lastTransaction() == z64, list(copy.iterator())
    (True, [])
    """


@example("storage.copy-goes-on", MUST, rules="STOR-41 STOR-27", needs="restoring iteration")
def copy_goes_on() -> None:
    """What was committed since a copy was made can be added to it, as the transactions that an
    iteration gives from there on.

    >>> oid, tid = storage.new_oid(), z64
    >>> for number in range(2):
    ...     tid = commit(storage, (oid, tid, content(number)))
    >>> copy = open_storage()
    >>> copy.copyTransactionsFrom(storage)
    >>> tids = [tid]
    >>> for number in range(2, 4):
    ...     tids.append(commit(storage, (oid, tids[-1], content(number))))
    >>> for transaction in storage.iterator(next_tid(tid)):
    ...     copy.tpc_begin(transaction, transaction.tid, transaction.status)
    ...     for each in transaction:
    ...         copy.restore(each.oid, each.tid, each.data, "", each.data_txn, transaction)
    ...     resolved = copy.tpc_vote(transaction)
    ...     finished = copy.tpc_finish(transaction)
    >>> [each.tid for each in copy.iterator(tid)] == tids
    True
    >>> newest(copy).load(oid) == (content(3), tids[-1])
    True
    """


@example(
    "storage.copy-puts-tids-in-order", MUST, rules="STOR-41 STOR-14", needs="restoring iteration"
)
def copy_puts_tids_in_order() -> None:
    """Where the transactions of the original are not in the order of their tids, as in a file that
    was written while a clock was wrong, a copy still has all of them, in the order in which they
    came, and with tids that increase: those that come too late get later ones.

    >>> oid, last = storage.new_oid(), z64
    >>> for number in range(4):
    ...     last = commit(storage, (oid, last, content(number)))
    >>> class Disordered:
    ...     def __init__(self, transaction, records):
    ...         self.user, self.description = transaction.user, transaction.description
    ...         self.extension, self.extension_bytes = {}, b""
    ...         self.tid, self.status, self.records = transaction.tid, " ", records
    ...     def __iter__(self):
    ...         return iter(self.records)
    >>> transactions = [Disordered(each, list(each)) for each in storage.iterator()]
    >>> class Source:
    ...     def iterator(self):
    ...         return iter([transactions[place] for place in (0, 2, 1, 3)])
    >>> copy = open_storage()
    >>> copy.copyTransactionsFrom(Source())
    >>> tids = [transaction.tid for transaction in copy.iterator()]
    >>> len(tids), tids == sorted(set(tids)), tids[:2] == [transactions[0].tid, transactions[2].tid]
    (4, True, True)
    >>> values = []
    >>> for transaction in copy.iterator():
    ...     values += [value_in(record.data) for record in transaction]
    >>> values
    [0, 2, 1, 3]
    """


@example(
    "storage.copy-moves-records-with-their-transaction",
    SHOULD,
    rules="STOR-41",
    needs="restoring iteration",
)
def copy_moves_records_with_their_transaction() -> None:
    """A transaction that gets another tid in a copy takes its records with it: an object that it
    has stored has that tid, for whoever loads it and in every iteration.

    Where it keeps the old one, what is loaded belongs to no transaction of the copy.

    >>> first = commit(storage, (storage.new_oid(), z64, content(0)))
    >>> oid = storage.new_oid()
    >>> second = commit(storage, (oid, z64, content(1)))
    >>> third = commit(storage, (storage.new_oid(), z64, content(2)))
    >>> class Disordered:
    ...     def __init__(self, transaction, records):
    ...         self.user, self.description = transaction.user, transaction.description
    ...         self.extension, self.extension_bytes = {}, b""
    ...         self.tid, self.status, self.records = transaction.tid, " ", records
    ...     def __iter__(self):
    ...         return iter(self.records)
    >>> transactions = [Disordered(each, list(each)) for each in storage.iterator()]
    >>> class Source:
    ...     def iterator(self):
    ...         return iter([transactions[place] for place in (0, 2, 1)])
    >>> copy = open_storage()
    >>> copy.copyTransactionsFrom(Source())
    >>> found = [(each.tid, [record.tid for record in each]) for each in copy.iterator()]
    >>> [records == [tid] for tid, records in found]
    [True, True, True]
    >>> newest(copy).load(oid) == (content(1), found[-1][0])
    True
    """


@example(
    "storage.copy-over-later-transactions",
    SHOULD,
    rules="STOR-16 STOR-41",
    needs="restoring iteration",
    error="ValueError POSError TransactionError",
)
def copy_over_later_transactions() -> None:
    """A copy into a storage whose last transaction is later is refused, before anything changes. It
    would put old revisions on top of newer ones, and so undo what was committed since: somebody has
    made the copy already, and has begun to work with it.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, content(1)))
    >>> copy = open_storage()
    >>> copy.copyTransactionsFrom(storage)
    >>> second = commit(copy, (oid, first, content(2)))
    >>> with raises("ValueError", "POSError", "TransactionError"):
    ...     copy.copyTransactionsFrom(storage)
    >>> newest(copy).load(oid) == (content(2), second)
    True
    """
