"""Undoing several transactions: as one, or beside other work.

What is undone in one transaction is undone together or not at all, one after the other, in the
order in which the program asks for it.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, SHOULD, example


@example("storage.undo-several", MUST, rules="STOR-51 STOR-52", needs="undo")
def undo_several() -> None:
    """One transaction can undo several others, the newest first: each is undone on top of what the
    one before has left. They are undone as one, with one revision of each object, and can be undone
    so.

    >>> one, others, tid = storage.new_oid(), [storage.new_oid() for _ in range(3)], z64
    >>> for number, other in enumerate(others):
    ...     tid = commit(storage, (one, tid, content(number)), (other, z64, content("other")))
    >>> ids = [each["id"] for each in storage.undoLog(0, 3)]
    >>> last, told = undo(storage, *ids[:2])
    >>> values_of(storage, one, *others), told == sorted([one, *others[1:]])
    ([0, 'other', None, None], True)
    >>> newest(storage).load(one)[1] == last
    True
    >>> _ = undo(storage, storage.undoLog(0, 1)[0]["id"])
    >>> values_of(storage, one, *others)
    [2, 'other', 'other', 'other']
    """


@example(
    "storage.undo-several-as-one", MUST, rules="STOR-51 STOR-52 STOR-27", needs="undo iteration"
)
def undo_several_as_one() -> None:
    """Who goes through the transactions finds a record of each object in the one that has undone
    several, with the data that the object has then; it is without data where the object does not
    exist any more. Where there are several records of an object, the last one counts.

    >>> one, two, tid = storage.new_oid(), storage.new_oid(), z64
    >>> for number in range(3):
    ...     tid = commit(storage, (one, tid, content(number)))
    >>> tid = commit(storage, (two, z64, content("new")))
    >>> tid, _ = undo(storage, *[each["id"] for each in storage.undoLog(0, 3)])
    >>> records = {
    ...     record.oid: (record.tid == tid, record.data and value_in(record.data))
    ...     for transaction in storage.iterator(tid)
    ...     for record in transaction
    ... }
    >>> records == {one: (True, 0), two: (True, None)}
    True
    """


@example(
    "storage.undo-in-wrong-order", MUST, rules="STOR-54 STOR-52", error="UndoError", needs="undo"
)
def undo_in_wrong_order() -> None:
    """Transactions that have changed the same object can't be undone from the oldest on: the first
    of them was followed by others. None is undone then. Where they have no object in common, the
    order does not matter.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (one, z64, content(1)), (two, z64, content(2)))
    >>> second = commit(storage, (one, first, content("new")))
    >>> third = commit(storage, (one, second, content("newer")))
    >>> fourth = commit(storage, (two, first, content("new")))
    >>> ids = [each["id"] for each in storage.undoLog(0, 3)]
    >>> with raises("UndoError"):
    ...     undo(storage, ids[2], ids[1])
    >>> values_of(storage, one, two), newest(storage).lastTransaction() == fourth
    (['newer', 'new'], True)
    >>> fifth, _ = undo(storage, ids[1], ids[0], ids[2])
    >>> values_of(storage, one, two)
    [1, 2]
    """


@example("storage.undo-several-or-none", MUST, rules="STOR-52", error="UndoError", needs="undo")
def undo_several_or_none() -> None:
    """Where one of several can't be undone, and its transaction is aborted, none is.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (one, z64, content(1)), (two, z64, content(2)))
    >>> second = commit(storage, (two, first, content("new")))
    >>> third = commit(storage, (two, second, content("newer")))
    >>> fourth = commit(storage, (one, first, content("new")))
    >>> ids = [each["id"] for each in storage.undoLog(0, 3)]
    >>> with raises("UndoError"):
    ...     undo(storage, ids[0], ids[2])
    >>> values_of(storage, one, two), newest(storage).lastTransaction() == fourth
    (['new', 'newer'], True)
    """


@example("storage.undo-merges-several", SHOULD, rules="STOR-52", needs="undo conflict-resolution")
def undo_merges_several() -> None:
    """Where a class can merge the changes, several of them can be undone in any order.

    >>> counter, tid = storage.new_oid(), z64
    >>> for n in 0, 1, 3, 7, 15:
    ...     tid = commit(storage, (counter, tid, record(Counter, {"n": n})))
    >>> ids = [each["id"] for each in storage.undoLog(0, 4)]
    >>> _ = undo(storage, ids[2], ids[0], ids[1])
    >>> parts(newest(storage).load(counter)[0])[1]["n"]
    1
    """


@example(
    "storage.undo-beside-stores",
    MUST,
    rules="TXN-14 STOR-51",
    error="POSError TransactionError TypeError ValueError",
    needs="undo",
)
def undo_beside_stores() -> None:
    """A transaction may undo others and store objects as well. Then both take effect, or the one is
    refused where the other was called first, and nothing happens.

    That is said of different objects. Where one is stored from the revision that is undone, the two
    can't both be what it shows, and whether the second call is refused is left open: whoever stores
    has seen what he replaces.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (one, z64, content(1)), (two, z64, content(2)))
    >>> second = commit(storage, (one, first, content("new")))
    >>> id, serial = storage.undoLog(0, 1)[0]["id"], first
    >>> def both(*calls):
    ...     meta, done = metadata(), False
    ...     storage.tpc_begin(meta)
    ...     with allowing("POSError", "TransactionError", "TypeError", "ValueError"):
    ...         for call in calls:
    ...             call(meta)
    ...         storage.tpc_vote(meta)
    ...         done = storage.tpc_finish(meta)
    ...     storage.tpc_abort(meta)
    ...     return done
    >>> def undo_it(meta):
    ...     storage.undo(id, meta)
    >>> def store_it(meta):
    ...     storage.store(two, serial, content("stored"), "", meta)
    >>> done = both(undo_it, store_it)
    >>> values_of(storage, one, two) == ([1, "stored"] if done else ["new", 2])
    True
    >>> serial = newest(storage).load(two)[1]
    >>> if done:
    ...     id = storage.undoLog(0, 1)[0]["id"]
    ...     third, _ = undo(storage, id)
    ...     id, serial = storage.undoLog(0, 3)[2]["id"], third
    >>> values_of(storage, one, two)
    ['new', 2]
    >>> done = both(store_it, undo_it)
    >>> values_of(storage, one, two) == ([1, "stored"] if done else ["new", 2])
    True
    """


@example(
    "storage.undo-against-a-commit",
    MUST,
    rules="STOR-52 STOR-5",
    error="ConflictError UndoError",
    needs="undo",
)
def undo_against_a_commit() -> None:
    """Where somebody undoes a change of an object while another one changes it once more, one of
    the two succeeds, wherever the undo is when the other comes: he who has to wait, or comes later,
    is told that the object was changed. Both would only be told that they succeeded if one change
    were lost.

    >>> one = storage.new_oid()
    >>> tid = commit(storage, (one, z64, content("first")))
    >>> worker = beside(storage)
    >>> def schedule(place):
    ...     serial = commit(storage, (one, newest(storage).load(one)[1], content("before")))
    ...     serial = commit(storage, (one, serial, content("changed")))
    ...     id, halt = storage.undoLog(0, 1)[0]["id"], Halt()
    ...     def take_back(meta):
    ...         with allowing("UndoError", "ConflictError"):
    ...             storage.tpc_begin(meta)
    ...             halt() if place == "begun" else None
    ...             storage.undo(id, meta)
    ...             halt() if place == "undone" else None
    ...             storage.tpc_vote(meta)
    ...             halt() if place == "voted" else None
    ...             return storage.tpc_finish(meta)
    ...         storage.tpc_abort(meta)
    ...     def change(meta):
    ...         with allowing("ConflictError"):
    ...             return commit(newest(worker), (one, serial, content("new")), meta=meta)
    ...         worker.tpc_abort(meta)
    ...     tids = meanwhile(lambda: take_back(metadata()), lambda: change(metadata()), halt)
    ...     return *[tid is not None for tid in tids], *values_of(storage, one)
    >>> found = {schedule(place) for place in ("begun", "undone", "voted")}
    >>> found <= {(True, False, "before"), (False, True, "new")}
    True
    """
