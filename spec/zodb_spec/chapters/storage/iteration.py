"""Iteration over all that there is: the transactions with their records, and the current
records of all objects.

This is what copies, replicas, analyses, and the garbage collection of several databases are made
with.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, SHOULD, example


@example("storage.iterator-tells-all", MUST, rules="STOR-27", needs="iteration old-revisions")
def iterator_tells_all() -> None:
    """`iterator` gives every transaction, in the order of the tids, and each of them gives its
    records, one for each object that it has stored. A transaction tells its `tid`, a record the
    `oid`, the `tid` of its transaction, and the `data`.

    >>> oids, first, second = [storage.new_oid() for number in range(3)], {}, {}
    >>> first = {oid: content(number) for number, oid in enumerate(oids)}
    >>> tids = [commit(storage, *((oid, z64, data) for oid, data in first.items()))]
    >>> second = {oid: content("again") for oid in oids[1:]}
    >>> tids.append(commit(storage, *((oid, tids[0], data) for oid, data in second.items())))
    >>> new = storage.new_oid()
    >>> tids.append(commit(storage, (new, z64, content("new"))))
    >>> found = []
    >>> for transaction in storage.iterator():
    ...     records = [(each.oid, each.tid, each.data) for each in transaction]
    ...     found.append((transaction.tid, sorted(records)))
    >>> stored = zip(tids, (first, second, {new: content("new")}))
    >>> found == [
    ...     (tid, sorted((oid, tid, data) for oid, data in records.items()))
    ...     for tid, records in stored
    ... ]
    True
    """


@example(
    "storage.iterator-tells-the-notes",
    MUST,
    rules="STOR-27 STOR-41",
    needs="iteration old-revisions",
)
def iterator_tells_the_notes() -> None:
    r"""A transaction of an iteration tells the user and the description that it was committed with,
    as the same bytes, and the extension, as a mapping.

    >>> oid, tid = storage.new_oid(), z64
    >>> user, description = "gärtner".encode(), b"line one\nline two \xff"
    >>> tid = commit(storage, (oid, tid, content(1)), meta=metadata(user, description, {"a": [1]}))
    >>> tid = commit(storage, (oid, tid, content(2)))
    >>> told = [(each.user, each.description, each.extension) for each in storage.iterator()]
    >>> told == [(user, description, {"a": [1]}), (b"", b"", {})]
    True
    """


@example(
    "storage.iterated-stand-for-transactions",
    MUST,
    rules="STOR-27 STOR-41",
    needs="iteration old-revisions",
)
def iterated_stand_for_transactions() -> None:
    """A transaction of an iteration can stand for one in another storage, which is how copies are
    made: it has all that a storage asks of what it is given, and keeps for each storage what that
    notes by `set_data(storage, data)`, until it asks for it by `data(storage)`.

    >>> user, target, keys = b"gardener", open_storage(), (Layer(), Layer())
    >>> oid, meta = storage.new_oid(), metadata(user, b"planted", {"a": 1})
    >>> tid = commit(storage, (oid, z64, content("tree")), meta=meta)
    >>> (found,) = storage.iterator()
    >>> found.set_data(keys[0], "kept for one")
    >>> found.set_data(keys[1], "kept for another")
    >>> [found.data(key) for key in keys]
    ['kept for one', 'kept for another']
    >>> with raises("KeyError"):
    ...     found.data(target)
    >>> again = commit(target, (oid, z64, content("tree")), meta=found)
    >>> newest(target).load(oid) == (content("tree"), again)
    True
    >>> (copied,) = target.iterator()
    >>> (copied.user, copied.description, copied.extension) == (user, b"planted", {"a": 1})
    True
    """


@example(
    "storage.iterator-tells-the-pickled-extension",
    SHOULD,
    rules="STOR-41",
    needs="iteration old-revisions",
)
def iterator_tells_the_pickled_extension() -> None:
    """The extension comes as the very bytes, too, that it was committed as: `extension_bytes`. So a
    copy has it as it was, also where a class in it can't be imported.

    >>> noted, oid = metadata(b"", b"", {"mood": "good"}), storage.new_oid()
    >>> noted.extension_bytes = pickle.dumps({"mood": "good"}, 0)
    >>> tid = commit(storage, (oid, z64, content(1)), meta=noted)
    >>> tid = commit(storage, (oid, tid, content(2)))
    >>> told = [each.extension_bytes for each in storage.iterator()]
    >>> told == [noted.extension_bytes, b""]
    True
    """


@example("storage.iterator-has-bounds", MUST, rules="STOR-27", needs="iteration")
def iterator_has_bounds() -> None:
    r"""The iteration begins with the first transaction whose tid is not less than `start`, and ends
    with the last one whose tid is not greater than `stop`, so that both are included. They may be
    any tids, also such as no transaction has, and None stands for no bound.

    >>> tids = [commit(storage, (storage.new_oid(), z64, content(n))) for n in range(5)]
    >>> def told(*bounds):
    ...     return [transaction.tid for transaction in storage.iterator(*bounds)]
    >>> last = b"\x7f" + b"\xff" * 7
    >>> told() == told(None) == told(None, None) == told(next_tid(z64), last) == tids
    True
    >>> told(tids[1], tids[3]) == tids[1:4], told(tids[0], tids[4]) == tids
    (True, True)
    >>> told(tids[3]) == tids[3:], told(None, tids[1]) == tids[:2]
    (True, True)
    >>> told(tids[2], tids[2]) == [tids[2]]
    True
    >>> between = [(int.from_bytes(tid, "big") - 1).to_bytes(8, "big") for tid in tids]
    >>> told(between[1], between[3]) == told(next_tid(tids[0]), next_tid(tids[2])) == tids[1:3]
    True
    """


@example("storage.iterator-may-have-nothing", MUST, rules="STOR-27", needs="iteration")
def iterator_may_have_nothing() -> None:
    r"""Where there is nothing within the bounds the iteration is over at once: in an empty storage,
    before the first transaction, behind the last one, between two of them, and where the bounds
    are in the wrong order.

    >>> last = b"\x7f" + b"\xff" * 7
    >>> [list(storage.iterator(*bounds)) for bounds in [(), (last, None)]]
    [[], []]
    >>> earlier = commit(storage, (storage.new_oid(), z64, content(1)))
    >>> later = commit(storage, (storage.new_oid(), z64, content(2)))
    >>> early = next_tid(z64), next_tid(next_tid(z64))
    >>> [list(storage.iterator(*bounds)) for bounds in [early, (next_tid(later), None)]]
    [[], []]
    >>> between = next_tid(earlier), (int.from_bytes(later, "big") - 1).to_bytes(8, "big")
    >>> [list(storage.iterator(*bounds)) for bounds in [between, (later, earlier)]]
    [[], []]
    """


@example("storage.iterator-tells-what-was-committed", MUST, rules="STOR-27", needs="iteration")
def iterator_tells_what_was_committed() -> None:
    r"""An iteration tells of what was committed, and of nothing that the storage has done for
    itself. That shows where the bounds are eight zero bytes, which are less than all tids.

    >>> last = b"\x7f" + b"\xff" * 7
    >>> [list(storage.iterator(*bounds)) for bounds in [(z64,), (z64, last), (z64, z64)]]
    [[], [], []]
    >>> tid = commit(storage, (storage.new_oid(), z64, content(1)))
    >>> [transaction.tid for transaction in storage.iterator(z64)] == [tid]
    True
    >>> list(storage.iterator(z64, z64))
    []
    """


@example("storage.iterator-takes-names", SHOULD, rules="STOR-27", needs="iteration")
def iterator_takes_names() -> None:
    """The bounds can be given by their names, `start` and `stop`.

    >>> tids = [commit(storage, (storage.new_oid(), z64, content(n))) for n in range(3)]
    >>> [each.tid for each in storage.iterator(start=tids[1])] == tids[1:]
    True
    >>> [each.tid for each in storage.iterator(stop=tids[1])] == tids[:2]
    True
    """


@example(
    "storage.iterator-shows-the-time-of-its-call",
    MUST,
    rules="STOR-27",
    needs="iteration old-revisions",
)
def iterator_shows_the_time_of_its_call() -> None:
    """An iteration shows what was there when it was asked for, whenever it is gone through: not
    what is committed later, before its first step or between two. A copy is of one moment.

    >>> oid = storage.new_oid()
    >>> tids = [commit(storage, (oid, z64, content(0)))]
    >>> tids.append(commit(storage, (oid, tids[-1], content(1))))
    >>> iterator = storage.iterator()
    >>> tids.append(commit(storage, (oid, tids[-1], content(2))))
    >>> next(iterator).tid == tids[0]
    True
    >>> tids.append(commit(storage, (oid, tids[-1], content(3))))
    >>> [transaction.tid for transaction in iterator] == tids[1:2]
    True
    >>> [transaction.tid for transaction in storage.iterator()] == tids
    True
    """


@example(
    "storage.iterator-shows-nothing-uncommitted",
    MUST,
    rules="STOR-27 STOR-8",
    needs="iteration old-revisions",
)
def iterator_shows_nothing_uncommitted() -> None:
    """A transaction that has begun, or has voted, is not in an iteration before it is finished, and
    does not keep anybody from iterating. One that was aborted never is.

    >>> oid = storage.new_oid()
    >>> tids = [commit(storage, (oid, z64, content(1)))]
    >>> for turn in range(2):
    ...     meta, told = metadata(), []
    ...     storage.tpc_begin(meta)
    ...     storage.store(oid, tids[0], content(2), "", meta)
    ...     told.append([transaction.tid for transaction in storage.iterator()])
    ...     resolved = storage.tpc_vote(meta)
    ...     told.append([transaction.tid for transaction in storage.iterator()])
    ...     if turn == 0:
    ...         storage.tpc_abort(meta)
    ...         told.append([transaction.tid for transaction in storage.iterator()])
    ...     if any(each != tids for each in told):
    ...         raise AssertionError("expected the first transaction alone")
    >>> tids.append(storage.tpc_finish(meta))
    >>> [transaction.tid for transaction in storage.iterator()] == tids
    True
    """


@example(
    "storage.iterator-leaves-votes-out", SHOULD, rules="STOR-27", needs="iteration old-revisions"
)
def iterator_leaves_votes_out() -> None:
    """A transaction that had voted when the iteration was asked for, and is finished before the
    iteration comes to it, is none of what was there at that time, and is left out.

    Where it is told, it is complete, and nothing that comes before it is missing.

    >>> oid = storage.new_oid()
    >>> tids = [commit(storage, (oid, z64, content(1)))]
    >>> meta = voted(storage, (oid, tids[0], content(2)))
    >>> iterator = storage.iterator()
    >>> tid = storage.tpc_finish(meta)
    >>> [transaction.tid for transaction in iterator] == tids
    True
    """


@example(
    "storage.iterator-gives-records-again", MUST, rules="STOR-27", needs="iteration old-revisions"
)
def iterator_gives_records_again() -> None:
    """The records of a transaction can be gone through more than once, as long as the iteration has
    not gone on to the next transaction; and they may be left out.

    >>> oid, tid = storage.new_oid(), z64
    >>> for number in range(3):
    ...     tid = commit(storage, (oid, tid, content(number)))
    >>> found = []
    >>> for number, transaction in enumerate(storage.iterator()):
    ...     for turn in range(number):
    ...         found += [value_in(each.data) for each in transaction]
    >>> found
    [1, 2, 2]
    """


@example("storage.iterator-tells-many", MUST, rules="STOR-27", needs="iteration old-revisions")
def iterator_tells_many() -> None:
    """However many transactions there are, and however many records one of them has, an iteration
    tells each of them once.

    >>> oids = [storage.new_oid() for number in range(1100)]
    >>> tids = [commit(storage, *((oid, z64, content(0)) for oid in oids))]
    >>> for number in range(120):
    ...     tids.append(commit(storage, (oids[0], tids[-1], content(number))))
    >>> found = [(each.tid, sorted(record.oid for record in each)) for each in storage.iterator()]
    >>> [tid for tid, told in found] == tids, found[0][1] == sorted(oids)
    (True, True)
    >>> all(told == oids[:1] for tid, told in found[1:])
    True
    """


@example(
    "storage.iterators-are-independent", MUST, rules="STOR-27", needs="iteration old-revisions"
)
def iterators_are_independent() -> None:
    """Several iterations can be under way at once, from different places and at different paces;
    one that is not gone through to its end hinders nobody.

    >>> oid, tids = storage.new_oid(), [z64]
    >>> for number in range(4):
    ...     tids.append(commit(storage, (oid, tids[-1], content(number))))
    >>> slow, left, fast = storage.iterator(), storage.iterator(), storage.iterator(tids[2])
    >>> next(left).tid == next(slow).tid == tids[1], next(fast).tid == tids[2]
    (True, True)
    >>> [value_in(record.data) for each in fast for record in each]
    [2, 3]
    >>> [value_in(record.data) for each in slow for record in each]
    [1, 2, 3]
    >>> commit(storage, (oid, tids[-1], content("on"))) > tids[-1]
    True
    """


@example("storage.iterator-says-what-is-shared", MUST, rules="STOR-28", needs="iteration undo")
def iterator_says_what_is_shared() -> None:
    """A record has its data also where the storage keeps them only once, since an undo has brought
    back those of an earlier revision. `data_txn` may say so: it is None, or the tid of an earlier
    transaction that has stored the same data for the object.

    >>> oid, tids = storage.new_oid(), [z64]
    >>> for number in range(3):
    ...     tids.append(commit(storage, (oid, tids[-1], content(number))))
    >>> for turn in range(2):
    ...     tids.append(undo(storage, storage.undoLog()[0]["id"])[0])
    >>> known, values, wrong = {None: None}, [], []
    >>> for transaction in storage.iterator():
    ...     for each in transaction:
    ...         if known.get(each.data_txn) not in (None, each.data):
    ...             wrong.append("other data")
    ...         if each.data_txn not in known:
    ...             wrong.append("no earlier transaction")
    ...         known[each.tid] = each.data
    ...         values.append(value_in(each.data))
    >>> values, wrong
    ([0, 1, 2, 1, 2], [])
    """


@example("storage.iterator-tells-what-was-uncreated", MUST, rules="STOR-28", needs="iteration undo")
def iterator_tells_what_was_uncreated() -> None:
    """Where an undo has taken back that an object was created, the transaction of the undo has a
    record of it, whose data is None.

    >>> oid = storage.new_oid()
    >>> kept = commit(storage, (storage.new_oid(), z64, content("kept")))
    >>> created = commit(storage, (oid, z64, content(1)))
    >>> tid, undone = undo(storage, storage.undoLog()[0]["id"])
    >>> found = []
    >>> for transaction in storage.iterator(created):
    ...     found += [(each.oid, each.tid, each.data) for each in transaction]
    >>> found == [(oid, created, content(1)), (oid, tid, None)]
    True
    """


@example("storage.record-iteration", MUST, rules="STOR-42", needs="record-iteration")
def record_iteration() -> None:
    """`record_iternext` gives the current record of one object, as its oid, its tid and its data,
    and a value that leads to the next one when it is passed to the next call; the first call is
    passed None, or nothing. Each object comes once, in the order of the oids, and behind the last
    one the value is None.

    >>> oids = [storage.new_oid() for number in range(250)]
    >>> first = commit(storage, *((oid, z64, content(number)) for number, oid in enumerate(oids)))
    >>> second = commit(storage, *((oid, first, content("new")) for oid in oids[::3]))
    >>> storage, found = newest(storage), []
    >>> oid, tid, data, following = storage.record_iternext()
    >>> found.append((oid, tid, data))
    >>> while following is not None:
    ...     oid, tid, data, following = storage.record_iternext(following)
    ...     found.append((oid, tid, data))
    >>> stored = {oid: (first, content(number)) for number, oid in enumerate(oids)}
    >>> stored |= {oid: (second, content("new")) for oid in oids[::3]}
    >>> found == [(oid, *stored[oid]) for oid in sorted(oids)]
    True
    """


@example("storage.record-iteration-of-one", MUST, rules="STOR-42", needs="record-iteration")
def record_iteration_of_one() -> None:
    """Where there is one object alone, it is the first and the last.

    >>> oid = storage.new_oid()
    >>> tid = commit(storage, (oid, z64, content(1)))
    >>> newest(storage).record_iternext(None) == (oid, tid, content(1), None)
    True
    """


@example(
    "storage.record-iteration-of-nothing",
    SHOULD,
    rules="STOR-42",
    needs="record-iteration",
    error="ValueError",
)
def record_iteration_of_nothing() -> None:
    """In an empty storage there is no first record, and to ask for it is a ValueError.

    >>> with raises("ValueError"):
    ...     newest(storage).record_iternext()
    """


@example(
    "storage.record-iteration-passes-over-the-uncreated",
    MUST,
    rules="STOR-42",
    needs="record-iteration undo",
)
def record_iteration_passes_over_the_uncreated() -> None:
    """An object whose creation was undone has no current record, and is passed over, wherever it
    comes in the order.

    >>> oids = sorted(storage.new_oid() for number in range(5))
    >>> tid = commit(storage, *((oid, z64, content("kept")) for oid in oids[1::2]))
    >>> other = commit(storage, *((oid, z64, content("gone")) for oid in oids[::2]))
    >>> undone = undo(storage, storage.undoLog()[0]["id"])[0]
    >>> storage, found, following = newest(storage), [], None
    >>> while not found or following is not None:
    ...     *record, following = storage.record_iternext(following)
    ...     found.append(tuple(record))
    >>> found == [(oid, tid, content("kept")) for oid in oids[1::2]]
    True
    """


@example("storage.record-iteration-beside-commits", MUST, rules="STOR-42", needs="record-iteration")
def record_iteration_beside_commits() -> None:
    """What is committed between two calls disturbs nothing: every object that was there at the
    beginning comes once, with a revision that is or was current, and in the order of the oids.
    Objects that are new meanwhile may come or not.

    >>> oids = sorted(storage.new_oid() for number in range(6))
    >>> tids = dict.fromkeys(oids, commit(storage, *((oid, z64, content(0)) for oid in oids)))
    >>> old, found, following = dict(tids), [], None
    >>> reader = beside(storage)
    >>> reader = newest(reader)
    >>> while not found or following is not None:
    ...     *record, following = reader.record_iternext(following)
    ...     found.append(record)
    ...     if len(found) < 5:
    ...         stale = oids[len(found)]
    ...         new = storage.new_oid(), z64, content("new")
    ...         tids[stale] = commit(storage, (stale, tids[stale], content(1)), new)
    >>> [oid for oid, tid, data in found if oid in tids] == oids
    True
    >>> [tid in (old[oid], tids[oid]) for oid, tid, data in found if oid in tids]
    [True, True, True, True, True, True]
    >>> [oid for oid, tid, data in found] == sorted({oid for oid, tid, data in found})
    True
    """
