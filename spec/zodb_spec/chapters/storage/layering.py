"""Layering: a storage of changes over another one, the base, which stays as it is.

So a program is tried on data that must not suffer, and many tests have one beginning in common. To
whoever works with it, the upper storage is like others, with all that is in the base. In the
examples `storage` is the base, and `layer_over(storage)` a new storage of changes over it.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, example


@example(
    "storage.layered-reads-fall-through",
    MUST,
    rules="STOR-64",
    needs="layers old-revisions history",
)
def layered_reads_fall_through() -> None:
    """What was not changed above is read from the base, by every call and in every revision: an
    object, its past, its history, and what it is like in a snapshot.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, content("first")), (z64, z64, content("root", oid)))
    >>> second = commit(storage, (oid, first, content("second")))
    >>> above = layer_over(storage)
    >>> values_of(above, z64, oid), kept(above, oid, first, second)
    (['root', 'second'], ['first', 'second'])
    >>> calls = [
    ...     lambda each: each.load(oid),
    ...     lambda each: each.loadBefore(oid, second),
    ...     lambda each: each.loadBefore(oid, next_tid(second)),
    ...     lambda each: each.loadBefore(oid, first),
    ...     lambda each: history_of(each, oid),
    ...     lambda each: each.lastTransaction(),
    ... ]
    >>> [call(above) == call(storage) for call in calls]
    [True, True, True, True, True, True]
    >>> with raises("POSKeyError"):
    ...     above.load(above.new_oid())
    """


@example("storage.layered-writes-stay-above", MUST, rules="STOR-64", needs="layers iteration")
def layered_writes_stay_above() -> None:
    """What is committed above is there, and not in the base, in which nothing changes: no object,
    no transaction, and not the tid of the last one.

    >>> oid, other = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (oid, z64, content("base")), (other, z64, content("other")))
    >>> above, told = layer_over(storage), []
    >>> def state():
    ...     seen = [storage.load(oid), storage.load(other), storage.lastTransaction()]
    ...     return [*seen, len(storage), transactions(storage.iterator())]
    >>> before, new = state(), above.new_oid()
    >>> meta = begun(above, (oid, first, content("above")), (new, z64, content("new")))
    >>> resolved = above.tpc_vote(meta)
    >>> second = above.tpc_finish(meta, told.append)
    >>> values_of(above, oid, other, new), above.load(oid)[1] == second > first
    (['above', 'other', 'new'], True)
    >>> told == [second] == [above.lastTransaction()], state() == before
    (True, True)
    >>> with raises("POSKeyError"):
    ...     storage.load(new)
    >>> third = commit(above, (oid, second, content("again")), (other, first, content("too")))
    >>> values_of(above, oid, other), state() == before
    (['again', 'too'], True)
    """


@example("storage.layered-aborts-leave-nothing", MUST, rules="STOR-64 STOR-3", needs="layers")
def layered_aborts_leave_nothing() -> None:
    """What is aborted above has happened neither there nor in the base, be it before the vote or
    after.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, content("base")))
    >>> above = layer_over(storage)
    >>> above.tpc_abort(begun(above, (oid, first, content("aborted"))))
    >>> above.tpc_abort(voted(above, (oid, first, content("aborted"))))
    >>> values_of(above, oid), values_of(storage, oid)
    (['base'], ['base'])
    >>> above.lastTransaction() == storage.lastTransaction() == first
    True
    >>> second = commit(above, (oid, first, content("above")))
    >>> values_of(above, oid), values_of(storage, oid)
    (['above'], ['base'])
    """


@example("storage.layered-past-is-one", MUST, rules="STOR-64 STOR-23", needs="layers old-revisions")
def layered_past_is_one() -> None:
    """The revisions of the base and those above follow one another: a snapshot from before a change
    shows what is in the base, up to the tid of the first revision above.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, content(1)))
    >>> second = commit(storage, (oid, first, content(2)))
    >>> above = layer_over(storage)
    >>> third = commit(above, (oid, second, content(3)))
    >>> fourth = commit(above, (oid, third, content(4)))
    >>> shows = []
    >>> for tid in second, third, fourth, next_tid(fourth):
    ...     data, begin, end = above.loadBefore(oid, tid)
    ...     shows.append((value_in(data), begin, end))
    >>> shows == [(1, first, second), (2, second, third), (3, third, fourth), (4, fourth, None)]
    True
    >>> kept(above, oid, first, second, third, fourth)
    [1, 2, 3, 4]
    >>> above.loadBefore(oid, first) is None
    True
    """


@example("storage.layered-history", MUST, rules="STOR-64 STOR-26", needs="layers history")
def layered_history() -> None:
    """The history of an object goes on in the base, as far as it was asked for.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, content(1)), meta=metadata(b"", b"first"))
    >>> second = commit(storage, (oid, first, content(2)), meta=metadata(b"", b"second"))
    >>> above = layer_over(storage)
    >>> third = commit(above, (oid, second, content(3)), meta=metadata(b"", b"third"))
    >>> history_of(above, oid) == [(third, b"third"), (second, b"second"), (first, b"first")]
    True
    >>> [[entry["tid"] for entry in above.history(oid, size=size)] for size in (1, 2)] == [
    ...     [third],
    ...     [third, second],
    ... ]
    True
    """


@example(
    "storage.layered-conflicts",
    MUST,
    rules="STOR-64 STOR-19",
    error="ConflictError",
    needs="layers",
)
def layered_conflicts() -> None:
    """What is current above decides whether there is a conflict, wherever that is: a change of what
    the base shows is none, as long as there is no revision above; with one it is.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, content(1)))
    >>> second = commit(storage, (oid, first, content(2)))
    >>> above = layer_over(storage)
    >>> def refuses(serial):
    ...     meta = metadata()
    ...     above.tpc_begin(meta)
    ...     with raises("ConflictError"):
    ...         above.store(oid, serial, content("refused"), "", meta)
    ...         above.tpc_vote(meta)
    ...     above.tpc_abort(meta)
    >>> refuses(first), refuses(z64), values_of(above, oid)
    (None, None, [2])
    >>> third = commit(above, (oid, second, content(3)))
    >>> refuses(second), refuses(first), values_of(above, oid)
    (None, None, [3])
    """


@example(
    "storage.layered-resolution",
    MUST,
    rules="STOR-64 ISO-27",
    needs="layers conflict-resolution old-revisions",
)
def layered_resolution() -> None:
    """Conflicts are resolved above as in the base, and with the states that are there: also where
    the one from which both were made, or even the current one, is in the base.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, counted(0)))
    >>> second = commit(storage, (oid, first, counted(1)))
    >>> above = layer_over(storage)
    >>> third = commit(above, (oid, first, counted(10)))
    >>> shown(above.load(oid)) == ((11, []), third)
    True
    >>> fourth = commit(above, (oid, second, counted(101)))
    >>> shown(above.load(oid)) == ((111, []), fourth), shown(storage.load(oid)) == ((1, []), second)
    (True, True)
    """


@example("storage.layered-current-reads", MUST, rules="STOR-64 STOR-38", needs="layers")
def layered_current_reads() -> None:
    """An object that was read from the base is current as long as it has no revision above.

    >>> oid, other = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (oid, z64, content(1)), (other, z64, content(1)))
    >>> above = layer_over(storage)
    >>> meta = begun(above, (other, first, content(2)))
    >>> above.checkCurrentSerialInTransaction(oid, first, meta)
    >>> resolved = above.tpc_vote(meta)
    >>> second = above.tpc_finish(meta)
    >>> third = commit(above, (oid, first, content(2)))
    >>> meta = begun(above, (other, second, content(3)))
    >>> with raises("ReadConflictError"):
    ...     above.checkCurrentSerialInTransaction(oid, first, meta)
    ...     above.tpc_vote(meta)
    >>> above.tpc_abort(meta)
    """


@example("storage.layered-oids-are-new", MUST, rules="STOR-64 STOR-18", needs="layers")
def layered_oids_are_new() -> None:
    """An oid that the upper storage hands out is that of no object, neither there nor in the base,
    and it hands out none twice.

    >>> oids = [storage.new_oid() for n in range(20)]
    >>> first = commit(storage, *((oid, z64, content("base")) for oid in oids))
    >>> above = layer_over(storage)
    >>> mine = [above.new_oid() for n in range(20)]
    >>> second = commit(above, *((oid, z64, content("above")) for oid in mine))
    >>> mine += [above.new_oid() for n in range(20)]
    >>> len({*oids, *mine}), {len(oid) for oid in mine}
    (60, {8})
    """


@example("storage.layered-tids-are-later", MUST, rules="STOR-64 STOR-16", needs="layers")
def layered_tids_are_later() -> None:
    """The tid of a transaction above is later than all in the base, also where the clock is behind
    that of the base.

    >>> import time
    >>> oid, future = storage.new_oid(), time.time() + 10**6
    >>> with patch("time.time", lambda: future):
    ...     first = commit(storage, (oid, z64, content("base")))
    >>> above = layer_over(storage)
    >>> second = commit(above, (oid, first, content("above")))
    >>> second > first, above.lastTransaction() == second, values_of(above, oid)
    (True, True, ['above'])
    """


@example("storage.layered-length", MUST, rules="STOR-64", needs="layers")
def layered_length() -> None:
    """The length is the number of objects of which there are revisions above. It says whether there
    are changes, and of how many objects.

    >>> oids = [storage.new_oid() for n in range(3)]
    >>> first = commit(storage, *((oid, z64, content("base")) for oid in oids))
    >>> above = layer_over(storage)
    >>> lengths = [len(above)]
    >>> second = commit(above, (oids[0], first, content("above")))
    >>> lengths.append(len(above))
    >>> third = commit(above, (oids[0], second, content(3)), (above.new_oid(), z64, content(3)))
    >>> [*lengths, len(above)]
    [0, 1, 2]
    """


@example("storage.layered-transactions", MUST, rules="STOR-64 STOR-27", needs="layers iteration")
def layered_transactions() -> None:
    """Who goes through the transactions comes by those of the base first, and then by those above,
    each within the bounds.

    >>> oid = storage.new_oid()
    >>> tids = [commit(storage, (oid, z64, content(1)))]
    >>> tids.append(commit(storage, (oid, tids[-1], content(2))))
    >>> above = layer_over(storage)
    >>> for n in 3, 4:
    ...     tids.append(commit(above, (oid, tids[-1], content(n))))
    >>> def through(*bounds):
    ...     found = transactions(above.iterator(*bounds))
    ...     return [(tid, records[oid][0]) for tid, notes, records in found]
    >>> through() == list(zip(tids, (1, 2, 3, 4)))
    True
    >>> through(tids[1], tids[2]) == list(zip(tids[1:3], (2, 3)))
    True
    >>> [len(through(tids[2])), len(through(None, tids[1]))]
    [2, 2]
    """


@example("storage.layered-packing", MUST, rules="STOR-64 STOR-45", needs="layers pack")
def layered_packing() -> None:
    """A pack of the upper storage leaves the base as it is, and what is current above: also of
    objects that only the base leads to. It may refuse to collect garbage, or to pack at all, by
    whatever error.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> first = commit(
    ...     storage,
    ...     (z64, z64, content("root", one)),
    ...     (one, z64, content(1, two)),
    ...     (two, z64, content(2)),
    ... )
    >>> above = layer_over(storage)
    >>> second = commit(above, (two, first, content("changed")), (z64, first, content("new", one)))
    >>> third = commit(above, (two, second, content("again")))
    >>> before = [storage.load(oid) for oid in (z64, one, two)]
    >>> for options in {}, {"gc": True}, {"gc": False}:
    ...     with allowing("Exception"):
    ...         above.pack(pause(), oids_in, **options)
    >>> values_of(above, z64, one, two), above.load(two)[1] == third
    (['new', 1, 'again'], True)
    >>> [storage.load(oid) for oid in (z64, one, two)] == before
    True
    """


@example("storage.layered-layers", MUST, rules="STOR-64", needs="layers")
def layered_layers() -> None:
    """A storage of changes can be the base of another one. Two that stand over one base know
    nothing of each other.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, content("base")))
    >>> one, other = layer_over(storage), layer_over(storage)
    >>> second = commit(one, (oid, first, content("one")))
    >>> upper = layer_over(one)
    >>> values_of(upper, oid), values_of(other, oid)
    (['one'], ['base'])
    >>> third = commit(upper, (oid, second, content("upper")))
    >>> [values_of(each, oid) for each in (upper, one, other, storage)]
    [['upper'], ['one'], ['base'], ['base']]
    >>> third > second > first, one.lastTransaction() == second
    (True, True)
    """
