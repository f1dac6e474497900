"""Wrapping: a layer above a storage that changes records on their way, to compress them, say.

It registers itself with the storage, as a database does, and is registered with by what stands
above it. The storage keeps what it is handed. Where it has to look into a record, it asks the layer
to turn it into pickles, and where it makes one, to turn that into what is stored. The layer of
these examples writes records in hexadecimal: to a storage that does not ask they are no pickles.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, SHOULD, example


@example("storage.wrapped-records-stay-as-they-are", MUST, rules="SER-19", needs="old-revisions")
def wrapped_records_stay_as_they_are() -> None:
    """What a layer hands to `store` is a record, whatever it looks like: it is kept, and given
    back by every call, to the byte. The storage neither transforms it nor takes that back, and has
    no need to understand it.

    >>> above = Hexadecimal()
    >>> storage.registerDB(above)
    >>> first = [above.transform_record_data(content("old")), bytes([46, 255, 0]), bytes(300)]
    >>> second = [above.transform_record_data(content("new")), bytes([128]), b".h"]
    >>> oids = [storage.new_oid() for data in first]
    >>> one = commit(storage, *((oid, z64, data) for oid, data in zip(oids, first)))
    >>> two = commit(storage, *((oid, one, data) for oid, data in zip(oids, second)))
    >>> seen = newest(storage)
    >>> [seen.load(oid) for oid in oids] == [(data, two) for data in second]
    True
    >>> [seen.loadBefore(oid, two) for oid in oids] == [(data, one, two) for data in first]
    True
    >>> [seen.loadSerial(oid, tid) for oid in oids for tid in (one, two)] == [
    ...     data for both in zip(first, second) for data in both
    ... ]
    True
    """


@example("storage.wrapped-transactions", MUST, rules="SER-19", needs="iteration old-revisions")
def wrapped_transactions() -> None:
    """Who goes through the transactions finds the records as they were stored, too: it is the layer
    that turns them into pickles.

    >>> above = Hexadecimal()
    >>> storage.registerDB(above)
    >>> oid = storage.new_oid()
    >>> data = [above.transform_record_data(content(n)) for n in range(3)]
    >>> tids = [z64]
    >>> for each in data:
    ...     tids.append(commit(storage, (oid, tids[-1], each)))
    >>> seen = newest(storage)
    >>> [record.data for each in seen.iterator(tids[1]) for record in each] == data
    True
    """


@example(
    "storage.wrapped-conflicts-are-resolved",
    MUST,
    rules="SER-19 ISO-22",
    error="ConflictError",
    needs="conflict-resolution old-revisions",
)
def wrapped_conflicts_are_resolved() -> None:
    """Where a conflict is resolved, the resolver gets the states out of the records as the layer
    gives them back, and what is stored is what the layer makes of the result. That is so through
    every instance of the storage. A storage that resolves conflicts elsewhere, where there is no
    such layer, leaves them as they are: then all are refused.

    >>> above, oid, outcomes = Hexadecimal(), storage.new_oid(), []
    >>> storage.registerDB(above)
    >>> def hexadecimal(n):
    ...     return above.transform_record_data(counted(n))
    >>> first = commit(storage, (oid, z64, hexadecimal(0)))
    >>> commits = [commit(newest(storage), (oid, first, hexadecimal(1)))]
    >>> for through in storage, beside(storage), storage:
    ...     meta = metadata()
    ...     newest(through).tpc_begin(meta)
    ...     with allowing("ConflictError"):
    ...         through.store(oid, first, hexadecimal(10), "", meta)
    ...         through.tpc_vote(meta)
    ...         commits.append(through.tpc_finish(meta))
    ...     through.tpc_abort(meta)
    >>> data, tid = newest(storage).load(oid)
    >>> state = shown(above.untransform_record_data(data))
    >>> expected = (1 + 10 * (len(commits) - 1), [])
    >>> (state, tid) == (expected, commits[-1]), len(commits) in (1, 4)
    (True, True)
    """


@example(
    "storage.wrapped-conflicts-are-resolved-here",
    MUST,
    rules="SER-19 ISO-22",
    needs="conflict-resolution old-revisions",
    without="several-clients",
)
def wrapped_conflicts_are_resolved_here() -> None:
    """A storage that one process has alone resolves its conflicts in that process, so the layer is
    there: what it would resolve without one it resolves for what it wraps as well, and the vote
    tells so.

    >>> above, oid = Hexadecimal(), storage.new_oid()
    >>> storage.registerDB(above)
    >>> questions = ["old['a']", "committed['a']", "new['a']", "new['to'].oid"]
    >>> def hexadecimal(a):
    ...     state = {"a": a, "to": ("ref", (oid, Asked)), "questions": questions}
    ...     return above.transform_record_data(record(Asked, state))
    >>> first = commit(storage, (oid, z64, hexadecimal(1)))
    >>> second = commit(storage, (oid, first, hexadecimal(2)))
    >>> meta = begun(newest(storage), (oid, first, hexadecimal(3)))
    >>> list(storage.tpc_vote(meta)) == [oid]
    True
    >>> third = storage.tpc_finish(meta)
    >>> data, tid = newest(storage).load(oid)
    >>> state = parts(above.untransform_record_data(data))[1]
    >>> state["answers"] == ["1", "2", "3", repr(oid)], state["to"][1][0] == oid, tid == third
    (True, True, True)
    """


@example(
    "storage.wrapped-as-the-last-layer-says",
    MUST,
    rules="SER-19 STOR-33",
    needs="conflict-resolution old-revisions",
    without="several-clients",
)
def wrapped_as_the_last_layer_says() -> None:
    """The layer that has registered itself last is the one that is asked: where a wrapper is put
    between a database and a storage, or is taken away, the storage follows.

    >>> above = Hexadecimal()
    >>> def merged(through):
    ...     data = [through.transform_record_data(counted(n)) for n in (0, 1, 10)]
    ...     storage.registerDB(through)
    ...     oid = storage.new_oid()
    ...     first = commit(newest(storage), (oid, z64, data[0]))
    ...     second = commit(newest(storage), (oid, first, data[1]))
    ...     third = commit(newest(storage), (oid, first, data[2]))
    ...     return shown(through.untransform_record_data(newest(storage).load(oid)[0]))
    >>> merged(layer), merged(above), merged(layer)
    ((11, []), (11, []), (11, []))
    """


@example(
    "storage.wrapped-references", MUST, rules="SER-19 STOR-46", needs="pack garbage-collection"
)
def wrapped_references() -> None:
    """To find what can be reached, a pack asks the function that it is given about records as they
    are stored, and about nothing else: that function, the layer's, turns them into pickles.

    >>> above = Hexadecimal()
    >>> storage.registerDB(above)
    >>> def hexadecimal(value, *oids):
    ...     return above.transform_record_data(content(value, *oids))
    >>> reached, there, garbage = (storage.new_oid() for n in range(3))
    >>> stored = {z64: hexadecimal("root", reached), reached: hexadecimal("reached", there)}
    >>> stored |= {there: hexadecimal("there"), garbage: hexadecimal("garbage", garbage)}
    >>> tid = commit(storage, *((oid, z64, data) for oid, data in stored.items()))
    >>> asked = []
    >>> def references(data, oids=None):
    ...     asked.append(data)
    ...     return above.references(data, oids)
    >>> storage.pack(pause(), references)
    >>> {*asked} <= {*stored.values()}
    True
    >>> [newest(storage).load(oid) == (stored[oid], tid) for oid in (z64, reached, there)]
    [True, True, True]
    >>> with raises("POSKeyError"):
    ...     newest(storage).load(garbage)
    """


@example("storage.wrapped-undo", MUST, rules="SER-19 STOR-51", needs="undo")
def wrapped_undo() -> None:
    """An undo brings the record back that was there before, to the byte.

    >>> above, oid = Hexadecimal(), storage.new_oid()
    >>> storage.registerDB(above)
    >>> old, new = (above.transform_record_data(content(value)) for value in ("old", "new"))
    >>> first = commit(storage, (oid, z64, old))
    >>> second = commit(storage, (oid, first, new))
    >>> third, _ = undo(storage, storage.undoLog(0, 1)[0]["id"])
    >>> newest(storage).load(oid) == (old, third)
    True
    >>> fourth, _ = undo(storage, storage.undoLog(0, 1)[0]["id"])
    >>> newest(storage).load(oid) == (new, fourth)
    True
    """


@example(
    "storage.wrapped-undo-of-one-of-several",
    MUST,
    rules="SER-19 STOR-52",
    error="UndoError",
    needs="undo",
)
def wrapped_undo_of_one_of_several() -> None:
    """An undo that takes back one of several changes of an object is refused; or what it stores is
    made of what the layer gives back, and has gone through the layer again, as in a conflict.

    >>> above, oid, tid = Hexadecimal(), storage.new_oid(), z64
    >>> storage.registerDB(above)
    >>> for n in 10, 15, 18:
    ...     tid = commit(storage, (oid, tid, above.transform_record_data(counted(n))))
    >>> done = False
    >>> with allowing("UndoError"):
    ...     done, _ = undo(storage, storage.undoLog(1, 2)[0]["id"])
    >>> data, serial = newest(storage).load(oid)
    >>> state = shown(above.untransform_record_data(data))
    >>> (state, serial) == (((13, []), done) if done else ((18, []), tid))
    True
    """


@example(
    "storage.wrapped-undo-merges",
    SHOULD,
    rules="SER-19 STOR-52",
    needs="undo conflict-resolution",
    without="several-clients",
)
def wrapped_undo_merges() -> None:
    """A storage that merges in an undo what is not wrapped does so with what is as well, where it
    belongs to one process, and the layer is there.

    >>> above, oid, tid = Hexadecimal(), storage.new_oid(), z64
    >>> storage.registerDB(above)
    >>> for n in 10, 15, 18:
    ...     tid = commit(storage, (oid, tid, above.transform_record_data(counted(n))))
    >>> tid, _ = undo(storage, storage.undoLog(1, 2)[0]["id"])
    >>> data, serial = newest(storage).load(oid)
    >>> shown(above.untransform_record_data(data)), serial == tid
    ((13, []), True)
    """
