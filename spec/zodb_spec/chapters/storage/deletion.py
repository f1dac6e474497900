"""Deletion: objects that cease to exist by `deleteObject`.

A storage collects its own garbage when it is packed. What nobody refers to from any of several
databases is found by somebody else, who then deletes it, object by object, in transactions like all
others.
"""

from __future__ import annotations

from zodb_spec.clause import MAY, MUST, example


@example("storage.deleted-is-gone", MUST, rules="STOR-43", needs="deletion", error="POSKeyError")
def deleted_is_gone() -> None:
    """Once its transaction is finished, an object that was deleted can't be loaded any more: it is
    a key error, as if it had never been. Others are what they were, and the tid of the transaction
    is that of the last one.

    >>> oid, other = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (oid, z64, content(1)), (other, z64, content("other")))
    >>> tid = delete(storage, (oid, first))
    >>> with raises("POSKeyError"):
    ...     newest(storage).load(oid)
    >>> newest(storage).load(other) == (content("other"), first)
    True
    >>> newest(storage).lastTransaction() == tid > first
    True
    """


@example(
    "storage.deletion-is-a-revision", MUST, rules="STOR-43 STOR-25", needs="deletion old-revisions"
)
def deletion_is_a_revision() -> None:
    """A deletion is a revision without data, and takes nothing away from those before it: a reader
    with an older snapshot finds what it always found, with the tid of the deletion for an end.
    `loadSerial` gives the old revisions, and for that of the deletion a key error.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, content(1)))
    >>> second = commit(storage, (oid, first, content(2)))
    >>> tid = delete(storage, (oid, second))
    >>> newest(storage).loadBefore(oid, tid) == (content(2), second, tid)
    True
    >>> newest(storage).loadBefore(oid, second) == (content(1), first, second)
    True
    >>> [storage.loadSerial(oid, old) for old in (first, second)] == [content(1), content(2)]
    True
    >>> with raises("POSKeyError"):
    ...     storage.loadSerial(oid, tid)
    """


@example(
    "storage.deleted-is-not-loaded-before",
    MUST,
    rules="STOR-24",
    needs="deletion",
    error="POSKeyError",
)
def deleted_is_not_loaded_before() -> None:
    r"""Where the revision that `loadBefore` would give is a deletion, it gives no data: not those
    of the last revision before, and not empty ones. It is a key error, or None.

    Both are in use, and a reader that gets either finds no object there.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, content(1)))
    >>> tid = delete(storage, (oid, first))
    >>> other = commit(storage, (storage.new_oid(), z64, content("other")))
    >>> found = []
    >>> for before in (next_tid(tid), other, next_tid(other), b"\x7f" + b"\xff" * 7):
    ...     with allowing("POSKeyError"):
    ...         found.append(newest(storage).loadBefore(oid, before))
    >>> any(found)
    False
    """


@example(
    "storage.uncreated-is-not-loaded-before",
    MUST,
    rules="STOR-24",
    needs="undo",
    error="POSKeyError",
)
def uncreated_is_not_loaded_before() -> None:
    r"""Where an undo has taken back that an object was created, `loadBefore` for a later time finds
    nothing, as where the object was deleted.

    >>> oid = storage.new_oid()
    >>> kept = commit(storage, (storage.new_oid(), z64, content("kept")))
    >>> first = commit(storage, (oid, z64, content(1)))
    >>> tid, undone = undo(storage, storage.undoLog()[0]["id"])
    >>> found = []
    >>> for before in (next_tid(tid), b"\x7f" + b"\xff" * 7):
    ...     with allowing("POSKeyError"):
    ...         found.append(newest(storage).loadBefore(oid, before))
    >>> any(found), newest(storage).loadBefore(oid, tid) == (content(1), first, tid)
    (False, True)
    >>> with raises("POSKeyError"):
    ...     newest(storage).load(oid)
    """


@example(
    "storage.deletes-the-current-alone",
    MUST,
    rules="STOR-43",
    needs="deletion",
    error="ConflictError",
)
def deletes_the_current_alone() -> None:
    """A deletion names the revision that was found to be garbage. Where that is not the current one
    any more it is a conflict, in the call or in the vote, and nothing is deleted: who has changed
    the object has a use for it.

    >>> oid, other = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (oid, z64, content(1)), (other, z64, content("other")))
    >>> second = commit(storage, (oid, first, content(2)))
    >>> for serial in (first, z64, next_tid(second)):
    ...     meta = metadata()
    ...     storage.tpc_begin(meta)
    ...     storage.deleteObject(other, first, meta)
    ...     with raises("ConflictError"):
    ...         storage.deleteObject(oid, serial, meta)
    ...         storage.tpc_vote(meta)
    ...     storage.tpc_abort(meta)
    >>> newest(storage).load(oid) == (content(2), second)
    True
    >>> newest(storage).load(other) == (content("other"), first)
    True
    """


@example(
    "storage.deletes-no-unknown-object",
    MUST,
    rules="STOR-43",
    needs="deletion",
    error="POSKeyError",
)
def deletes_no_unknown_object() -> None:
    """To delete an object that was never stored is a key error, in the call or in the vote.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (storage.new_oid(), z64, content("other")))
    >>> for serial in (z64, first):
    ...     meta = metadata()
    ...     storage.tpc_begin(meta)
    ...     with raises("POSKeyError"):
    ...         storage.deleteObject(oid, serial, meta)
    ...         storage.tpc_vote(meta)
    ...     storage.tpc_abort(meta)
    """


@example(
    "storage.deletes-once",
    MUST,
    rules="STOR-43",
    needs="deletion",
    error="POSKeyError ConflictError",
)
def deletes_once() -> None:
    """An object that was deleted can't be deleted again by who knows its last revision alone. That
    is refused, as what is not there or as what has changed.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, content(1)))
    >>> for turn in range(2):
    ...     meta = metadata()
    ...     storage.tpc_begin(meta)
    ...     with raises("POSKeyError", "ConflictError") if turn else allowing():
    ...         storage.deleteObject(oid, first, meta)
    ...         resolved = storage.tpc_vote(meta)
    ...         tid = storage.tpc_finish(meta)
    ...     storage.tpc_abort(meta)
    >>> newest(storage).lastTransaction() == tid
    True
    """


@example(
    "storage.deletion-of-a-deletion",
    MAY,
    rules="STOR-43",
    needs="deletion",
    error="POSKeyError ConflictError",
)
def deletion_of_a_deletion() -> None:
    """Who names the deletion itself for the current revision may be refused, or may delete the
    object again. In either case it is not there.

    >>> oid = storage.new_oid()
    >>> tid = commit(storage, (oid, z64, content(1)))
    >>> for turn in range(2):
    ...     meta = metadata()
    ...     storage.tpc_begin(meta)
    ...     with allowing(*["POSKeyError", "ConflictError"][: 2 * turn]):
    ...         storage.deleteObject(oid, tid, meta)
    ...         resolved = storage.tpc_vote(meta)
    ...         tid = storage.tpc_finish(meta)
    ...     storage.tpc_abort(meta)
    >>> with raises("POSKeyError"):
    ...     newest(storage).load(oid)
    """


@example(
    "storage.deletion-needs-its-transaction",
    MUST,
    rules="STOR-43",
    needs="deletion",
    error="StorageTransactionError",
)
def deletion_needs_its_transaction() -> None:
    """A deletion is a part of the transaction that has begun: with another one, or where none has
    begun, it is refused. Until its transaction is finished the object is there. It is there still
    where the transaction is aborted, before the vote or after it, and whatever was stored beside:
    then there was no such transaction.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, content(1)))
    >>> for voting, storing in ((True, True), (True, False), (False, False)):
    ...     meta = metadata()
    ...     storage.tpc_begin(meta)
    ...     storage.deleteObject(oid, first, meta)
    ...     if storing:
    ...         storage.store(storage.new_oid(), z64, content("beside"), "", meta)
    ...     resolved = storage.tpc_vote(meta) if voting else None
    ...     if newest(storage).load(oid) != (content(1), first):
    ...         raise AssertionError("expected the object, as long as the transaction runs")
    ...     storage.tpc_abort(meta)
    >>> newest(storage).load(oid) == (content(1), first)
    True
    >>> newest(storage).lastTransaction() == first
    True
    >>> with raises("StorageTransactionError"):
    ...     storage.deleteObject(oid, first, metadata())
    >>> meta = metadata()
    >>> storage.tpc_begin(meta)
    >>> with raises("StorageTransactionError"):
    ...     storage.deleteObject(oid, first, metadata())
    >>> storage.tpc_abort(meta)
    """


@example("storage.deletes-many-beside-stores", MUST, rules="STOR-43", needs="deletion")
def deletes_many_beside_stores() -> None:
    """A transaction can delete many objects, and store others. All of it comes to be at once.

    >>> oids = [storage.new_oid() for number in range(20)]
    >>> first = commit(storage, *((oid, z64, content(number)) for number, oid in enumerate(oids)))
    >>> new, meta = storage.new_oid(), metadata()
    >>> storage.tpc_begin(meta)
    >>> for oid in oids[5:]:
    ...     storage.deleteObject(oid, first, meta)
    >>> storage.store(oids[0], first, content("changed"), "", meta)
    >>> storage.store(new, z64, content("new"), "", meta)
    >>> resolved = storage.tpc_vote(meta)
    >>> tid = storage.tpc_finish(meta)
    >>> found = []
    >>> for oid in [*oids, new]:
    ...     with allowing("POSKeyError"):
    ...         found.append(value_in(newest(storage).load(oid)[0]))
    >>> found
    ['changed', 1, 2, 3, 4, 'new']
    """


@example(
    "storage.deletion-for-clients",
    MUST,
    rules="STOR-43 ISO-37",
    needs="deletion several-clients old-revisions",
    error="ConflictError POSKeyError",
)
def deletion_for_clients() -> None:
    """A client need not be told that another one has deleted an object, since nobody had a use for
    it: it may go on to load what it has. It can neither change that, nor rely on it.

    >>> oid, kept = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (oid, z64, content(1)), (kept, z64, content("kept")))
    >>> other = client_of(storage)
    >>> other.registerDB(Layer())
    >>> caught_up(other, first).load(oid) == (content(1), first)
    True
    >>> deleted = delete(storage, (oid, first))
    >>> found, meta = (content(1), first), metadata()
    >>> with allowing("POSKeyError"):
    ...     found = other.load(oid)
    >>> found == (content(1), first)
    True
    >>> with raises("ConflictError"):
    ...     commit(other, (oid, first, content("changed")), meta=meta)
    >>> other.tpc_abort(meta)
    >>> meta = begun(other, (kept, first, content("relies on it")))
    >>> with raises("ReadConflictError", "POSKeyError"):
    ...     other.checkCurrentSerialInTransaction(oid, first, meta)
    ...     other.tpc_vote(meta)
    >>> other.tpc_abort(meta)
    >>> newest(storage).load(kept) == (content("kept"), first)
    True
    """


@example(
    "storage.deletion-is-iterated",
    MUST,
    rules="STOR-28 STOR-43",
    needs="deletion iteration old-revisions",
)
def deletion_is_iterated() -> None:
    """In an iteration, the transaction of a deletion has a record for the object, whose data is
    None. So a copy has the deletion as well.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, content(1)))
    >>> tid = delete(storage, (oid, first))
    >>> found = []
    >>> for transaction in storage.iterator():
    ...     found += [(each.oid, each.tid, each.data) for each in transaction]
    >>> found == [(oid, first, content(1)), (oid, tid, None)]
    True
    """


@example(
    "storage.deleted-is-passed-over",
    MUST,
    rules="STOR-42 STOR-43",
    needs="deletion record-iteration",
)
def deleted_is_passed_over() -> None:
    """Objects that were deleted have no current record, and `record_iternext` passes them over,
    wherever they come in the order.

    >>> oids = sorted(storage.new_oid() for number in range(5))
    >>> first = commit(storage, *((oid, z64, content(number)) for number, oid in enumerate(oids)))
    >>> tid = delete(storage, *((oid, first) for oid in oids[::2]))
    >>> storage, found, following = newest(storage), [], None
    >>> while not found or following is not None:
    ...     *record, following = storage.record_iternext(following)
    ...     found.append(record)
    >>> [oid for oid, tid, data in found] == oids[1::2]
    True
    """


@example(
    "storage.deletion-has-a-history",
    MUST,
    rules="STOR-26 STOR-43",
    needs="deletion history old-revisions",
)
def deletion_has_a_history() -> None:
    """The history of an object that was deleted can be asked for, and goes on to tell of the
    transactions that have written it before. Whether it tells of the deletion, and with which size,
    is left to the storage.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, content(1)))
    >>> second = commit(storage, (oid, first, content(2)))
    >>> tid = delete(storage, (oid, second))
    >>> told = [entry["tid"] for entry in newest(storage).history(oid, size=10)]
    >>> [each for each in told if each != tid] == [second, first]
    True
    """


@example(
    "storage.deletion-lasts",
    MUST,
    rules="STOR-43 STOR-44",
    needs="deletion durable old-revisions",
    error="POSKeyError",
)
def deletion_lasts() -> None:
    """A deletion stays when the storage was closed and opened again: the object is gone, its past
    is there, and it comes back only through the deletion.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, content(1)))
    >>> deleted = delete(storage, (oid, first))
    >>> storage = reopened(storage)
    >>> with raises("POSKeyError"):
    ...     newest(storage).load(oid)
    >>> newest(storage).loadBefore(oid, deleted) == (content(1), first, deleted)
    True
    >>> again = commit(storage, (oid, deleted, content("again")))
    >>> newest(storage).load(oid) == (content("again"), again)
    True
    """


@example(
    "storage.deletion-stays-the-last-transaction",
    MUST,
    rules="STOR-43 STOR-15 STOR-8",
    needs="deletion durable",
)
def deletion_stays_the_last_transaction() -> None:
    """The transaction of a deletion is one like others, and stays the last one when the storage is
    opened again, even if nothing is kept of it but that something is gone: `lastTransaction` does
    not go back. A client of a server that has heard of it, and finds that its server has not, takes
    the server for the wrong one.

    >>> oid = storage.new_oid()
    >>> kept = commit(storage, (z64, z64, content("root")))
    >>> first = commit(storage, (oid, z64, content(1)))
    >>> deleted = delete(storage, (oid, first))
    >>> storage = reopened(storage)
    >>> newest(storage).lastTransaction() == deleted
    True
    """


@example(
    "storage.deleted-is-not-current",
    MUST,
    rules="STOR-38 STOR-43",
    needs="deletion",
    error="ReadConflictError POSKeyError",
)
def deleted_is_not_current() -> None:
    """Who relies on an object that was read, and deleted since, is told that it is not current any
    more, or not there: in the call, or in the vote.

    >>> oid, other = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (oid, z64, content(1)), (other, z64, content("other")))
    >>> reader = newest(beside(storage))
    >>> reader.load(oid) == (content(1), first)
    True
    >>> deleted = delete(storage, (oid, first))
    >>> meta = begun(reader, (other, first, content("relies on it")))
    >>> with raises("ReadConflictError", "POSKeyError"):
    ...     reader.checkCurrentSerialInTransaction(oid, first, meta)
    ...     reader.tpc_vote(meta)
    >>> reader.tpc_abort(meta)
    >>> newest(storage).load(other) == (content("other"), first)
    True
    """


@example(
    "storage.deleted-is-packed-away",
    MUST,
    rules="STOR-43 STOR-45",
    needs="deletion pack history",
    error="POSKeyError",
)
def deleted_is_packed_away() -> None:
    """A pack removes an object that was deleted by then, with all its revisions: it is unknown from
    then on.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (z64, z64, content("root", oid)), (oid, z64, content(1)))
    >>> second = commit(storage, (z64, first, content("root")))
    >>> tid = delete(storage, (oid, first))
    >>> storage.pack(pause(), oids_in)
    >>> storage = newest(storage)
    >>> for ask in (storage.load, storage.history, lambda oid: storage.loadSerial(oid, first)):
    ...     with raises("POSKeyError"):
    ...         ask(oid)
    >>> storage.load(z64) == (content("root"), second)
    True
    """


@example(
    "storage.deletes-nothing-read-only",
    MUST,
    rules="STOR-31 STOR-43",
    needs="deletion read-only durable",
    error="ReadOnlyError",
)
def deletes_nothing_read_only() -> None:
    """Nothing can be deleted from a storage that was opened read-only.

    >>> oid = storage.new_oid()
    >>> tid = commit(storage, (oid, z64, content(1)))
    >>> storage = reopened(storage, read_only=True)
    >>> with raises("ReadOnlyError"):
    ...     storage.deleteObject(oid, tid, metadata())
    >>> newest(storage).load(oid) == (content(1), tid)
    True
    """
