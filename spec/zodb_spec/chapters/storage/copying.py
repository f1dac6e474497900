"""Copying: whole storages, with all that they have ever committed.

This is how databases move from one kind of storage to another. Who reads the copy finds what is
found in the original.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, SHOULD, example


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
    "storage.copy-of-what-was-packed",
    MUST,
    rules="STOR-41 STOR-45",
    needs="restoring iteration pack old-revisions",
)
def copy_of_what_was_packed() -> None:
    """A storage that was packed can be copied as well: the copy has what the pack has left, and
    what came after it.

    >>> oid = storage.new_oid()
    >>> tid = commit(storage, (z64, z64, content("root", oid)), (oid, z64, content(0)))
    >>> last = commit(storage, (oid, tid, content(1)))
    >>> storage.pack(pause(), oids_in)
    >>> last = commit(storage, (oid, last, content(2)))
    >>> def told(storage):
    ...     return [
    ...         (each.tid, sorted((record.oid, record.tid, record.data) for record in each))
    ...         for each in storage.iterator()
    ...     ]
    >>> copy = open_storage()
    >>> copy.copyTransactionsFrom(storage)
    >>> told(copy) == told(storage)
    True
    >>> newest(copy).load(z64) == (content("root", oid), tid)
    True
    >>> newest(copy).load(oid) == (content(2), last)
    True
    """


@example("storage.copy-lasts", MUST, rules="STOR-41", needs="restoring iteration durable")
def copy_lasts() -> None:
    """A copy is there when it is opened again, and goes on from there.

    >>> oid, tid = storage.new_oid(), z64
    >>> for number in range(3):
    ...     tid = commit(storage, (oid, tid, content(number)))
    >>> copy = open_storage()
    >>> copy.copyTransactionsFrom(storage)
    >>> copy = reopened(copy)
    >>> newest(copy).load(oid) == (content(2), tid) and newest(copy).lastTransaction() == tid
    True
    >>> copy.new_oid() != oid, commit(copy, (oid, tid, content("on"))) > tid
    (True, True)
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
    >>> reader = newest(beside(copy))
    >>> reader.load(oids[0]) == (content(2), last)
    True
    >>> new = commit(copy, (oids[0], last, content(3)), (oids[1], tid, content(2)))
    >>> new > last, newest(copy).load(oids[0]) == (content(3), new)
    (True, True)
    >>> meta = metadata()
    >>> with raises("ConflictError"):
    ...     commit(reader, (oids[0], last, content("stale")), meta=meta)
    >>> reader.tpc_abort(meta)
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
    >>> newest(copy).lastTransaction() == tids[-1]
    True
    >>> newest(copy).load(oid) == (content(3), tids[-1])
    True
    """


@example(
    "storage.copy-puts-tids-in-order",
    MUST,
    rules="STOR-41 STOR-14",
    needs="restoring iteration old-revisions",
)
def copy_puts_tids_in_order() -> None:
    """Where the transactions of the original are not in the order of their tids, as in a file that
    was written while a clock was wrong, a copy still has all of them, in the order in which they
    came, and with tids that increase: those that come too late get later ones. By the old ones,
    what is current in the original would be of the past in its copy, and a pack would remove it.

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
    needs="restoring iteration old-revisions",
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
    >>> found = {}
    >>> for transaction in copy.iterator():
    ...     for each in transaction:
    ...         found[each.oid] = transaction.tid, each.tid
    >>> [tid == own for tid, own in found.values()]
    [True, True, True]
    >>> newest(copy).load(oid) == (content(1), found[oid][0])
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
