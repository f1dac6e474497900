"""Undo in a storage: it brings back what was before a transaction.

To undo is a call of the first phase of a transaction, like `store`: it writes records, with the
data that the objects had before, and leaves what is undone where it is, in the past. What has
happened to the objects since decides whether that is possible.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, SHOULD, example


@example("storage.undo-supported", MUST, rules="STOR-51 STOR-58", needs="undo")
def undo_supported() -> None:
    """A storage in which transactions can be undone says so: `supportsUndo()` is true.

    >>> bool(storage.supportsUndo())
    True
    """


@example("storage.undo-restores", MUST, rules="STOR-51", needs="undo")
def undo_restores() -> None:
    """`undo(id, transaction)` brings every object that the transaction of this id has stored back
    to what it was before that, and no other. When `transaction` is finished, the objects have a new
    revision, of its tid.

    >>> one, two, three = oids = [storage.new_oid() for _ in range(3)]
    >>> first = commit(storage, *[(oid, z64, content(n)) for n, oid in enumerate(oids)])
    >>> second = commit(storage, (one, first, content("new")), (two, first, content("new")))
    >>> third = commit(storage, (three, first, content("newer")))
    >>> id = storage.undoLog(1, 2)[0]["id"]
    >>> fourth, _ = undo(storage, id)
    >>> values_of(storage, *oids), newest(storage).lastTransaction() == fourth > third
    ([0, 1, 'newer'], True)
    >>> [newest(storage).load(oid)[1] for oid in oids] == [fourth, fourth, third]
    True
    """


@example("storage.undo-adds", MUST, rules="STOR-51", needs="undo")
def undo_adds() -> None:
    """What was undone stays in the past: its revisions can be read, and a snapshot from before the
    undo shows them.

    >>> first = commit(storage, (z64, z64, content(1)))
    >>> second = commit(storage, (z64, first, content(2)))
    >>> third, _ = undo(storage, storage.undoLog(0, 1)[0]["id"])
    >>> kept(storage, z64, first, second, third)
    [1, 2, 1]
    >>> data, tid, end = newest(storage).loadBefore(z64, third)
    >>> value_in(data), tid == second, end == third
    (2, True, True)
    """


@example("storage.undo-tells-what-it-changes", MUST, rules="STOR-51 STOR-55", needs="undo")
def undo_tells_what_it_changes() -> None:
    """Which objects an undo changes is told by what it returns, a pair whose second part is their
    oids, or by what the vote returns: together they name all of them, so that they can be announced
    to those who have them in memory. What the first part of the pair is does not matter, and the
    undo may return nothing.

    >>> one, two, three = oids = [storage.new_oid() for _ in range(3)]
    >>> first = commit(storage, (one, z64, content(1)), (three, z64, content(3)))
    >>> second = commit(storage, (one, first, content("new")), (two, z64, content(2)))
    >>> third = commit(storage, (three, first, content("newer")))
    >>> ids = [each["id"] for each in storage.undoLog(0, 2)]
    >>> _, told = undo(storage, ids[1])
    >>> told == sorted([one, two])
    True
    >>> _, told = undo(storage, *[each["id"] for each in storage.undoLog(0, 3)])
    >>> told == sorted(oids)
    True
    """


@example("storage.undo-is-part-of-its-transaction", MUST, rules="STOR-51 STOR-9", needs="undo")
def undo_is_part_of_its_transaction() -> None:
    """Nothing is undone before the transaction is finished, and nothing at all where that is
    aborted, be it before the vote or after.

    >>> first = commit(storage, (z64, z64, content(1)))
    >>> second = commit(storage, (z64, first, content(2)))
    >>> id = storage.undoLog(0, 1)[0]["id"]
    >>> seen, other = [], beside(storage)
    >>> for has_voted in False, True:
    ...     meta = metadata()
    ...     storage.tpc_begin(meta)
    ...     _ = storage.undo(id, meta)
    ...     if has_voted:
    ...         _ = storage.tpc_vote(meta)
    ...     data, _, end = newest(other).loadBefore(z64, next_tid(second))
    ...     seen.append((value_in(data), end, newest(other).lastTransaction() == second))
    ...     seen.append(len(storage.undoLog(0, 9)))
    ...     storage.tpc_abort(meta)
    ...     seen += values_of(storage, z64)
    >>> seen
    [(2, None, True), 2, 2, (2, None, True), 2, 2]
    >>> third = commit(storage, (z64, second, content(3)))
    >>> values_of(storage, z64)
    [3]
    """


@example(
    "storage.undo-belongs-to-first-phase",
    SHOULD,
    rules="STOR-1 STOR-51",
    error="StorageTransactionError",
    needs="undo",
)
def undo_belongs_to_first_phase() -> None:
    """An undo is refused that is asked for in the name of a transaction for which the storage has
    voted.

    >>> first = commit(storage, (z64, z64, content(1)))
    >>> second = commit(storage, (z64, first, content(2)))
    >>> id, meta = storage.undoLog(0, 1)[0]["id"], voted(storage)
    >>> with raises("StorageTransactionError"):
    ...     storage.undo(id, meta)
    >>> storage.tpc_abort(meta)
    """


@example("storage.undo-out-of-order-harms-nothing", MUST, rules="STOR-1 STOR-51", needs="undo")
def undo_out_of_order_harms_nothing() -> None:
    """Where an undo is asked for after the vote all the same, nothing comes to harm that was
    committed before, or that the transaction has stored: every object can be read, at once and
    later. Where the transaction is aborted, nothing was undone.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (one, z64, content(1)), (two, z64, content(2)))
    >>> second = commit(storage, (one, first, content("new")))
    >>> def undone_too_late():
    ...     meta = voted(storage, (two, first, content("stored")))
    ...     with allowing("Exception"):
    ...         storage.undo(storage.undoLog(0, 1)[0]["id"], meta)
    ...     return meta
    >>> storage.tpc_abort(undone_too_late())
    >>> values_of(storage, one, two)
    ['new', 2]
    >>> meta = undone_too_late()
    >>> with allowing("Exception"):
    ...     storage.tpc_finish(meta)
    >>> storage.tpc_abort(meta)
    >>> values_of(storage, one)[0] in ("new", 1), values_of(storage, two)[0] in ("stored", 2)
    (True, True)
    >>> third = commit(storage, (z64, z64, content("root")))
    >>> values_of(storage, one)[0] in ("new", 1), values_of(storage, two, z64)[1]
    (True, 'root')
    """


@example(
    "storage.undo-outdates", MUST, rules="STOR-51 STOR-19", error="ConflictError", needs="undo"
)
def undo_outdates() -> None:
    """What an undo has brought back is a new revision, even if the data are old: who changes the
    object from what it was before the undo, or from the revision that came back, has a conflict.

    >>> one = storage.new_oid()
    >>> first = commit(storage, (one, z64, content(1)))
    >>> second = commit(storage, (one, first, content(2)))
    >>> third, _ = undo(storage, storage.undoLog(0, 1)[0]["id"])
    >>> for serial in first, second:
    ...     meta = metadata()
    ...     newest(storage).tpc_begin(meta)
    ...     with raises("ConflictError"):
    ...         storage.store(one, serial, content("stale"), "", meta)
    ...         storage.tpc_vote(meta)
    ...     storage.tpc_abort(meta)
    >>> fourth = commit(storage, (one, third, content(3)))
    >>> values_of(storage, one)
    [3]
    """


@example("storage.undo-uncreates", MUST, rules="STOR-53", error="POSKeyError", needs="undo")
def undo_uncreates() -> None:
    """An object that the undone transaction has created does not exist any more: to load it is a
    key error, and there is no current revision. A snapshot from before the undo shows it.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (one, z64, content(1)))
    >>> second = commit(storage, (one, first, content("new")), (two, z64, content(2)))
    >>> third, _ = undo(storage, storage.undoLog(0, 1)[0]["id"])
    >>> values_of(storage, one, two)
    [1, None]
    >>> for call in newest(storage).load, getattr(storage, "getTid", storage.load):
    ...     with raises("POSKeyError"):
    ...         call(two)
    >>> data, tid, end = newest(storage).loadBefore(two, third)
    >>> value_in(data), tid == second, end == third
    (2, True, True)
    """


@example("storage.undo-uncreates-until-undone", MUST, rules="STOR-53 STOR-51", needs="undo")
def undo_uncreates_until_undone() -> None:
    """To undo the undo brings the object back, as it was.

    >>> one = storage.new_oid()
    >>> first = commit(storage, (one, z64, content(1)))
    >>> seen = []
    >>> for _ in range(4):
    ...     tid, told = undo(storage, storage.undoLog(0, 1)[0]["id"])
    ...     seen.append((*values_of(storage, one), told == [one]))
    >>> seen
    [(None, True), (1, True), (None, True), (1, True)]
    >>> newest(storage).load(one)[1] == tid
    True
    """


@example("storage.undo-of-undo", MUST, rules="STOR-51 STOR-52", needs="undo")
def undo_of_undo() -> None:
    """An undo can be undone like any other transaction, as often as one likes; and where the last
    change is undone, the one before it can be, and so on back to the first, and behind it.

    >>> one, tid = storage.new_oid(), z64
    >>> for number in 1, 2, 3:
    ...     tid = commit(storage, (one, tid, content(number)))
    >>> three, two, first = [each["id"] for each in storage.undoLog(0, 3)]
    >>> def undone(id):
    ...     undo(storage, id)
    ...     return values_of(storage, one)[0]
    >>> def last():
    ...     return storage.undoLog(0, 1)[0]["id"]
    >>> [undone(last()) for _ in range(4)]
    [2, 3, 2, 3]
    >>> [undone(each) for each in (three, two, first)]
    [2, 1, None]
    >>> [undone(last()), undone(last())]
    [1, None]
    """


@example("storage.undo-blocked", MUST, rules="STOR-52", error="UndoError", needs="undo")
def undo_blocked() -> None:
    """A transaction can't be undone where one of its objects was changed since: the undo fails, or
    the vote. Then nothing is undone, not even of the objects that nobody has changed, and the
    storage is ready for the next transaction.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (one, z64, content(1)), (two, z64, content(2)))
    >>> second = commit(storage, (one, first, content("new")), (two, first, content("new")))
    >>> third = commit(storage, (two, second, content("newer")))
    >>> with raises("UndoError"):
    ...     undo(storage, storage.undoLog(1, 2)[0]["id"])
    >>> values_of(storage, one, two), newest(storage).lastTransaction() == third
    (['new', 'newer'], True)
    >>> fourth = commit(storage, (one, second, content("more")))
    >>> values_of(storage, one)
    ['more']
    """


@example("storage.undo-of-changed-creation", MUST, rules="STOR-52", error="UndoError", needs="undo")
def undo_of_changed_creation() -> None:
    """The creation of an object that was changed since can't be undone, whatever its class may be
    able to merge: there is nothing that the change could be merged with.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> first = commit(
    ...     storage,
    ...     (one, z64, record(Counter, {"n": 1})),
    ...     (two, z64, content(2)),
    ... )
    >>> second = commit(storage, (one, first, record(Counter, {"n": 2})))
    >>> with raises("UndoError"):
    ...     undo(storage, storage.undoLog(1, 2)[0]["id"])
    >>> values_of(storage, two), newest(storage).load(one)[1] == second
    ([2], True)
    """


@example("storage.undo-of-changed-back", MUST, rules="STOR-52", needs="undo")
def undo_of_changed_back() -> None:
    """Later changes are in nobody's way where they come to the same: where the object has the very
    data again that the undone transaction has given it, be it by another change or by an undo.

    >>> one = storage.new_oid()
    >>> first = commit(storage, (one, z64, content(1)))
    >>> second = commit(storage, (one, first, content(2)))
    >>> id = storage.undoLog(0, 1)[0]["id"]
    >>> third = commit(storage, (one, second, content(3)))
    >>> fourth = commit(storage, (one, third, content(2)))
    >>> fifth, _ = undo(storage, id)
    >>> values_of(storage, one)
    [1]
    >>> sixth, _ = undo(storage, storage.undoLog(0, 1)[0]["id"])
    >>> seventh = commit(storage, (one, sixth, content(4)))
    >>> _ = undo(storage, storage.undoLog(0, 1)[0]["id"])
    >>> _ = undo(storage, id)
    >>> values_of(storage, one)
    [1]
    """


@example("storage.undo-merges", SHOULD, rules="STOR-52 ISO-22", needs="undo conflict-resolution")
def undo_merges() -> None:
    """Where an object was changed since, its class may be able to take back the one change and
    leave the others: its `_p_resolveConflict` is called as in a conflict. Old is the state after
    the undone transaction, committed the current one, and new the one before. To refuse such an
    undo is safe too.

    >>> one, tid = storage.new_oid(), z64
    >>> for n in 10, 15, 18:
    ...     tid = commit(storage, (one, tid, record(Counter, {"n": n})))
    >>> _ = undo(storage, storage.undoLog(1, 2)[0]["id"])
    >>> parts(newest(storage).load(one)[0])[1]["n"]
    13
    >>> two, tid = storage.new_oid(), z64
    >>> for n in "first", "second", "third":
    ...     state = {"n": n, "questions": ["old['n']", "committed['n']", "new['n']"]}
    ...     tid = commit(storage, (two, tid, record(Asked, state)))
    >>> _ = undo(storage, storage.undoLog(1, 2)[0]["id"])
    >>> parts(newest(storage).load(two)[0])[1]["answers"]
    ["'second'", "'third'", "'first'"]
    """


@example(
    "storage.undo-errors-together",
    SHOULD,
    rules="STOR-52",
    error="MultipleUndoErrors",
    needs="undo",
)
def undo_errors_together() -> None:
    """Where several objects are in the way, the error is of all of them, `MultipleUndoErrors`: a
    person sees at once what it would take. It is an `UndoError`.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (one, z64, content(1)), (two, z64, content(2)))
    >>> second = commit(storage, (one, first, content(3)), (two, first, content(4)))
    >>> third = commit(storage, (one, second, content(5)), (two, second, content(6)))
    >>> id = storage.undoLog(1, 2)[0]["id"]
    >>> with raises("MultipleUndoErrors"):
    ...     undo(storage, id)
    >>> with raises("UndoError"):
    ...     undo(storage, id)
    """
