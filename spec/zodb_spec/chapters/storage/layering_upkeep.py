"""Upkeep through layers: undo, deletion, copies and lists, in a storage of changes and in its base.

What the upper storage can do beside reading and committing is not fixed: its interfaces tell. What
it can do it does above, to what there is above and below together.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, example, text


@example("storage.layered-undo", MUST, rules="STOR-64 STOR-51", needs="layers undo")
def layered_undo() -> None:
    """An upper storage that can undo gives an object that was changed there the state from before,
    also where that is in the base, and can give it the other again. It goes on from there: who has
    loaded the object can change it. The base has no part in that.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, content("base")))
    >>> above, found = layer_over(storage), []
    >>> second = commit(above, (oid, first, content("above")))
    >>> if getattr(above, "supportsUndo", bool)():
    ...     for n in range(3):
    ...         undone = undo(above, above.undoLog(0, 1)[0]["id"])
    ...         found += values_of(above, oid)
    ...     third = commit(above, (oid, above.load(oid)[1], content("changed")))
    ...     found += values_of(above, oid)
    >>> found in ([], ["base", "above", "base", "changed"])
    True
    >>> storage.load(oid) == (content("base"), first), storage.lastTransaction() == first
    (True, True)
    """


@example("storage.layered-undo-of-creation", MUST, rules="STOR-64 STOR-53", needs="layers undo")
def layered_undo_of_creation() -> None:
    """Where the creation of an object above is undone, there is no such object any more. The past
    of what the base has is there as before.

    >>> oid, new = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (oid, z64, content("base")))
    >>> above, found = layer_over(storage), []
    >>> second = commit(above, (oid, first, content("above")), (new, z64, content("new")))
    >>> if getattr(above, "supportsUndo", bool)():
    ...     third, oids = undo(above, above.undoLog(0, 1)[0]["id"])
    ...     found += [*values_of(above, oid, new), oids == sorted([oid, new])]
    ...     for tid in second, third:
    ...         data, begin, end = above.loadBefore(oid, tid)
    ...         found.append((value_in(data), begin in (first, second), end == tid))
    >>> found in ([], ["base", None, True, ("base", True, True), ("above", True, True)])
    True
    """


@example("storage.layered-undo-of-the-base", MUST, rules="STOR-64 STOR-51", needs="layers undo")
def layered_undo_of_the_base() -> None:
    """What the base has committed the upper storage undoes above, or not at all, by whatever error;
    in the base it stays done.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, content("old")))
    >>> second = commit(storage, (oid, first, content("new")))
    >>> above, name = layer_over(storage), storage.undoLog(0, 1)[0]["id"]
    >>> before = [storage.load(oid), undo_log_of(storage), transactions(storage.iterator())]
    >>> with allowing("Exception"):
    ...     third, oids = undo(above, name)
    >>> values_of(above, oid) in (["old"], ["new"])
    True
    >>> [storage.load(oid), undo_log_of(storage), transactions(storage.iterator())] == before
    True
    """


@example(
    "storage.layered-undone-below",
    MUST,
    rules="STOR-64 STOR-53 STOR-25",
    error="POSKeyError",
    needs="layers undo old-revisions",
)
def layered_undone_below() -> None:
    """What was undone in the base is as it is there: a change is taken back, an object whose
    creation was undone is not there, and what it was before can be read.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (one, z64, content("old")))
    >>> second = commit(storage, (one, first, content("new")), (two, z64, content("created")))
    >>> third, oids = undo(storage, storage.undoLog(0, 1)[0]["id"])
    >>> above = layer_over(storage)
    >>> values_of(above, one, two), above.load(one)[1] == third
    (['old', None], True)
    >>> above.loadBefore(two, third) == (content("created"), second, third)
    True
    >>> fourth = commit(above, (one, third, content("above")))
    >>> values_of(above, one, two), values_of(storage, one, two)
    (['above', None], ['old', None])
    """


@example(
    "storage.layered-deleted-below",
    MUST,
    rules="STOR-64 STOR-43 STOR-44",
    error="POSKeyError",
    needs="layers deletion old-revisions",
)
def layered_deleted_below() -> None:
    """An object that was deleted in the base is not there above either, and what it was before can
    be read. Whoever has it in memory, and stores it above, has a conflict: it stays deleted.

    >>> oid, other = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (oid, z64, content("deleted")), (other, z64, content("other")))
    >>> deleted = delete(storage, (oid, first))
    >>> above, meta = layer_over(storage), metadata()
    >>> values_of(above, oid, other)
    [None, 'other']
    >>> above.loadBefore(oid, deleted) == (content("deleted"), first, deleted)
    True
    >>> with raises("ConflictError"):
    ...     commit(above, (oid, first, content("stale")), meta=meta)
    >>> above.tpc_abort(meta)
    >>> values_of(above, oid, other), values_of(storage, oid)
    ([None, 'other'], [None])
    """


@example(
    "storage.layered-deletion",
    MUST,
    rules="STOR-64 STOR-43",
    needs="layers deletion old-revisions pack",
)
def layered_deletion() -> None:
    """An upper storage from which objects can be deleted hides those of the base by that: the
    object is not there any more, also after a pack, and is there in the past. In the base it stays.

    >>> oid, other, found = storage.new_oid(), storage.new_oid(), []
    >>> first = commit(storage, (oid, z64, content("base")), (other, z64, content("other")))
    >>> above = layer_over(storage)
    >>> if hasattr(above, "deleteObject"):
    ...     second = delete(above, (oid, first))
    ...     found += values_of(above, oid, other)
    ...     found.append(above.loadBefore(oid, second) == (content("base"), first, second))
    ...     with allowing("Exception"):
    ...         above.pack(pause(), oids_in)
    ...     found += values_of(above, oid, other)
    >>> found in ([], [None, "other", True, None, "other"])
    True
    >>> storage.load(oid) == (content("base"), first), storage.lastTransaction() == first
    (True, True)
    """


@example(
    "storage.layered-current-records",
    MUST,
    rules="STOR-64 STOR-42",
    needs="layers record-iteration",
)
def layered_current_records() -> None:
    """An upper storage that lists its current records lists all that are current: those of the base
    that were not changed, and what is above; each object once.

    >>> oids = [storage.new_oid() for n in range(4)]
    >>> first = commit(storage, *((oid, z64, content("base")) for oid in oids))
    >>> above = layer_over(storage)
    >>> listed = [current_records(above)] if hasattr(above, "record_iternext") else []
    >>> oids.append(above.new_oid())
    >>> changed = [oids[1], oids[3], oids[4]]
    >>> second = commit(
    ...     above, *((oid, first if oid in oids[:4] else z64, content("above")) for oid in changed)
    ... )
    >>> if listed:
    ...     listed.append(current_records(above))
    >>> expected = [
    ...     [(oid, first, ("base", [])) for oid in oids[:4]],
    ...     [(oid, *seen) for oid in oids for seen in [
    ...         (second, ("above", [])) if oid in changed else (first, ("base", []))
    ...     ]],
    ... ]
    >>> [sorted(each) for each in listed] in ([], [sorted(each) for each in expected])
    True
    """


@example(
    "storage.layered-copied",
    MUST,
    rules="STOR-64 STOR-41",
    needs="layers restoring iteration old-revisions",
)
def layered_copied() -> None:
    """A copy of the upper storage has all of it, what is in the base and what is above, under the
    same tids. That is how changes are kept that were tried.

    >>> oid = storage.new_oid()
    >>> tids = [commit(storage, (oid, z64, content(1)))]
    >>> tids.append(commit(storage, (oid, tids[-1], content(2))))
    >>> above = layer_over(storage)
    >>> new = above.new_oid()
    >>> tids.append(commit(above, (oid, tids[-1], content(3)), (new, z64, content("new"))))
    >>> copy = open_storage()
    >>> copy.copyTransactionsFrom(above)
    >>> kept(copy, oid, *tids), values_of(copy, oid, new)
    ([1, 2, 3], [3, 'new'])
    >>> [each[0] for each in transactions(copy.iterator())] == tids
    True
    >>> storage.lastTransaction() == tids[1]
    True
    """


@text("storage.layered-base-stays", MUST, rules="STOR-64", binds="caller")
def layered_base_stays() -> None:
    """As long as a storage of changes stands over it, nobody else changes the base: not through the
    base itself, nor as another client of it. What the upper storage has kept in mind of the base
    would not be so any more, and revisions of the two could no longer be put in one order.
    """
