"""Current reads: what a storage guarantees about objects that a transaction has read.

A transaction that has worked something out from what it has read can ask, in its first phase, that
what it has read is current: by `checkCurrentSerialInTransaction(oid, serial, transaction)`. What
comes of the question is known when the transaction has voted. A storage may look at once, or when
the next record is stored, or in the vote; so an example here lets the refusal come in any of them.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, SHOULD, example


@example("storage.current-read", MUST, rules="STOR-38")
def current_read() -> None:
    """A transaction that has read the current revision of an object is committed. The object is
    what it was: nothing was stored of it.

    >>> read, written = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (read, z64, content("read")), (written, z64, content("old")))
    >>> meta = begun(storage)
    >>> storage.checkCurrentSerialInTransaction(read, first, meta)
    >>> storage.store(written, first, content("new"), "", meta)
    >>> resolved = storage.tpc_vote(meta)
    >>> tid = storage.tpc_finish(meta)
    >>> [newest(storage).load(oid)[1] == serial for oid, serial in ((read, first), (written, tid))]
    [True, True]
    """


@example("storage.outdated-read", MUST, rules="STOR-38", error="ReadConflictError")
def outdated_read() -> None:
    """A transaction that has read a revision which is not the current one is refused in the vote,
    or before. Once it is aborted nothing is left of it, and the storage takes the next one.

    >>> read, written = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (read, z64, content("old")), (written, z64, content("old")))
    >>> second = commit(storage, (read, first, content("new")))
    >>> meta = begun(storage)
    >>> with raises("ReadConflictError"):
    ...     storage.checkCurrentSerialInTransaction(read, first, meta)
    ...     storage.store(written, first, content("worked out"), "", meta)
    ...     storage.tpc_vote(meta)
    >>> storage.tpc_abort(meta)
    >>> value_in(newest(storage).load(written)[0])
    'old'
    >>> meta = begun(storage, (written, first, content("worked out again")))
    >>> storage.checkCurrentSerialInTransaction(read, second, meta)
    >>> resolved = storage.tpc_vote(meta)
    >>> tid = storage.tpc_finish(meta)
    >>> value_in(newest(storage).load(written)[0])
    'worked out again'
    """


@example("storage.outdated-read-alone", MUST, rules="STOR-38", error="ReadConflictError")
def outdated_read_alone() -> None:
    """A transaction that stores nothing is refused all the same: others may take part in it, in
    other storages, with what was worked out from the reading.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, content("old")))
    >>> second = commit(storage, (oid, first, content("new")))
    >>> meta = begun(storage)
    >>> with raises("ReadConflictError"):
    ...     storage.checkCurrentSerialInTransaction(oid, first, meta)
    ...     storage.tpc_vote(meta)
    >>> storage.tpc_abort(meta)
    """


@example("storage.one-outdated-read-among-many", MUST, rules="STOR-38", error="ReadConflictError")
def one_outdated_read_among_many() -> None:
    """Of any number of objects that a transaction has read, one in a revision that is not current
    is enough, wherever it comes among the others, and whatever else the transaction stores.

    >>> oids = [storage.new_oid() for n in range(20)]
    >>> first = commit(storage, *((oid, z64, content("old")) for oid in oids))
    >>> for outdated in oids[0], oids[10], oids[19]:
    ...     second = commit(storage, (outdated, first, content("new")))
    ...     serials = [newest(storage).load(oid)[1] for oid in oids]
    ...     serials[oids.index(outdated)] = first
    ...     meta = begun(storage, (storage.new_oid(), z64, content("more")))
    ...     with raises("ReadConflictError"):
    ...         for oid, serial in zip(oids, serials):
    ...             storage.checkCurrentSerialInTransaction(oid, serial, meta)
    ...         storage.tpc_vote(meta)
    ...     storage.tpc_abort(meta)
    """


@example("storage.outdated-read-is-told", SHOULD, rules="STOR-38", error="ReadConflictError")
def outdated_read_is_told() -> None:
    """The error tells which object it was, as `oid`, and by `serials` which revision is current,
    and which was read.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, content("old")))
    >>> second = commit(storage, (oid, first, content("new")))
    >>> meta, told = begun(storage), []
    >>> try:
    ...     storage.checkCurrentSerialInTransaction(oid, first, meta)
    ...     vote = storage.tpc_vote(meta)
    ... except Exception as error:
    ...     told += error.oid, *error.serials
    >>> told == [oid, second, first]
    True
    >>> storage.tpc_abort(meta)
    """


@example("storage.unknown-read", MUST, rules="STOR-38", error="POSKeyError ReadConflictError")
def unknown_read() -> None:
    """What is not there can't be current: a transaction is refused that has read an object of which
    the storage knows nothing. Where the object has been there, and this is known, the refusal may
    be that of any outdated revision.

    >>> oid = storage.new_oid()
    >>> tid = commit(storage, (oid, z64, content("another")))
    >>> for serial in z64, tid:
    ...     meta = begun(storage, (oid, tid, content("worked out")))
    ...     with raises("POSKeyError", "ReadConflictError"):
    ...         storage.checkCurrentSerialInTransaction(storage.new_oid(), serial, meta)
    ...         storage.tpc_vote(meta)
    ...     storage.tpc_abort(meta)
    >>> newest(storage).load(oid)[1] == tid
    True
    """


@example("storage.read-and-stored", MUST, rules="STOR-38 STOR-20")
def read_and_stored() -> None:
    """A transaction may store an object that it has asked about: what has to be current is what was
    committed, and not what the transaction itself is about to store, be it asked before or after.

    >>> oid = storage.new_oid()
    >>> serial = commit(storage, (oid, z64, content("old")))
    >>> meta = begun(storage)
    >>> storage.checkCurrentSerialInTransaction(oid, serial, meta)
    >>> storage.store(oid, serial, content("new"), "", meta)
    >>> resolved = storage.tpc_vote(meta)
    >>> serial = storage.tpc_finish(meta)
    >>> meta = begun(storage, (oid, serial, content("newer")))
    >>> storage.checkCurrentSerialInTransaction(oid, serial, meta)
    >>> resolved = storage.tpc_vote(meta)
    >>> serial = storage.tpc_finish(meta)
    >>> data, tid = newest(storage).load(oid)
    >>> value_in(data), tid == serial
    ('newer', True)
    """


@example("storage.read-twice", MUST, rules="STOR-38", error="ReadConflictError")
def read_twice() -> None:
    """To ask again for the same revision changes nothing. To ask for two revisions of one object is
    to be refused, whichever comes first: one of them is not current.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, content("old")))
    >>> second = commit(storage, (oid, first, content("new")))
    >>> meta = begun(storage)
    >>> for again in 1, 2:
    ...     storage.checkCurrentSerialInTransaction(oid, second, meta)
    >>> resolved = storage.tpc_vote(meta)
    >>> tid = storage.tpc_finish(meta)
    >>> for order in (first, second), (second, first):
    ...     meta = begun(storage)
    ...     with raises("ReadConflictError"):
    ...         for serial in order:
    ...             storage.checkCurrentSerialInTransaction(oid, serial, meta)
    ...         storage.tpc_vote(meta)
    ...     storage.tpc_abort(meta)
    """


@example(
    "storage.outdated-read-is-not-resolved",
    MUST,
    rules="STOR-38 STOR-19",
    error="ReadConflictError",
    needs="conflict-resolution",
)
def outdated_read_is_not_resolved() -> None:
    """Conflicts are resolved between what was stored and what is to be stored. That an object was
    read in a revision which is not current can't be resolved, also where its class would merge what
    was stored.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, record(Counter, {"n": 0})))
    >>> second = commit(storage, (oid, first, record(Counter, {"n": 1})))
    >>> meta = begun(storage)
    >>> with raises("ReadConflictError"):
    ...     storage.checkCurrentSerialInTransaction(oid, first, meta)
    ...     storage.store(oid, first, record(Counter, {"n": 10}), "", meta)
    ...     storage.tpc_vote(meta)
    >>> storage.tpc_abort(meta)
    >>> parts(newest(storage).load(oid)[0])[1]
    {'n': 1}
    """


@example("storage.read-stays-current", MUST, rules="STOR-38", error="ConflictError")
def read_stays_current() -> None:
    """What was current stays so until the transaction is over: another one that changes the object
    waits, and gets a later tid; or it is refused; or it comes first, and this one is refused. This
    is so from the moment on when the storage has looked, and so from the vote on in any case.

    >>> read, written = storage.new_oid(), storage.new_oid()
    >>> tid = commit(storage, (read, z64, content(0)), (written, z64, content(0)))
    >>> def rely(halts):
    ...     meta = begun(storage, (written, newest(storage).load(written)[1], content("new")))
    ...     with allowing("ConflictError"):
    ...         storage.checkCurrentSerialInTransaction(read, serial, meta)
    ...         halts[0]()
    ...         storage.tpc_vote(meta)
    ...         halts[1]()
    ...         return storage.tpc_finish(meta)
    ...     storage.tpc_abort(meta)
    >>> def change():
    ...     meta = metadata()
    ...     with allowing("ConflictError"):
    ...         return commit(other, (read, serial, content("changed")), meta=meta)
    ...     other.tpc_abort(meta)
    >>> kept = []
    >>> for place in 0, 1:
    ...     halts = [lambda: None, lambda: None]
    ...     halts[place] = Halt()
    ...     serial, other = newest(storage).load(read)[1], beside(storage)
    ...     relied, changed = meanwhile(lambda: rely(halts), change, halts[place])
    ...     kept.append(None in (relied, changed) or relied < changed)
    >>> kept
    [True, True]
    """


@example("storage.aborted-read", MUST, rules="STOR-38 STOR-3")
def aborted_read() -> None:
    """With an abort the question is forgotten: others may change the object, and the next
    transaction is not asked for what this one has read.

    >>> read, written = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (read, z64, content("old")), (written, z64, content("old")))
    >>> for is_voted in False, True:
    ...     meta = begun(storage)
    ...     storage.checkCurrentSerialInTransaction(read, first, meta)
    ...     if is_voted:
    ...         resolved = storage.tpc_vote(meta)
    ...     storage.tpc_abort(meta)
    >>> second = commit(storage, (read, first, content("new")))
    >>> third = commit(storage, (written, first, content("new")))
    >>> first < second < third
    True
    """


@example("storage.read-of-the-deleted", MUST, rules="STOR-38", needs="deletion")
def read_of_the_deleted() -> None:
    """A transaction is refused that has read an object which was deleted since, be it that the
    storage takes it for outdated, or for unknown.

    >>> oid = storage.new_oid()
    >>> serial = commit(storage, (oid, z64, content("deleted")))
    >>> meta = begun(storage)
    >>> result = storage.deleteObject(oid, serial, meta)
    >>> resolved = storage.tpc_vote(meta)
    >>> tid = storage.tpc_finish(meta)
    >>> meta = begun(storage)
    >>> with raises("POSKeyError", "ReadConflictError"):
    ...     storage.checkCurrentSerialInTransaction(oid, serial, meta)
    ...     storage.tpc_vote(meta)
    >>> storage.tpc_abort(meta)
    """


@example("storage.read-of-the-undone", MUST, rules="STOR-38", needs="undo")
def read_of_the_undone() -> None:
    """To undo a transaction makes a new revision, though with data that was there before: what was
    read of an object before that is outdated.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, content("old")))
    >>> second = commit(storage, (oid, first, content("new")))
    >>> meta = begun(storage)
    >>> undone = storage.undo(storage.undoLog(0, 1)[0]["id"], meta)
    >>> resolved = storage.tpc_vote(meta)
    >>> third = storage.tpc_finish(meta)
    >>> for serial in first, second:
    ...     meta = begun(storage)
    ...     with raises("ReadConflictError"):
    ...         storage.checkCurrentSerialInTransaction(oid, serial, meta)
    ...         storage.tpc_vote(meta)
    ...     storage.tpc_abort(meta)
    >>> meta = begun(storage)
    >>> storage.checkCurrentSerialInTransaction(oid, third, meta)
    >>> resolved = storage.tpc_vote(meta)
    >>> tid = storage.tpc_finish(meta)
    """


@example("storage.read-before-packing", MUST, rules="STOR-38", needs="pack")
def read_before_packing() -> None:
    """To pack a storage makes no new revision: what was read before is current, if nobody has
    changed it.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (z64, z64, content("root", oid)), (oid, z64, content("old")))
    >>> second = commit(storage, (oid, first, content("new")))
    >>> storage.pack(pause(), oids_in)
    >>> meta = begun(storage, (z64, first, content("worked out", oid)))
    >>> storage.checkCurrentSerialInTransaction(oid, second, meta)
    >>> resolved = storage.tpc_vote(meta)
    >>> tid = storage.tpc_finish(meta)
    >>> newest(storage).load(oid)[1] == second
    True
    """


@example(
    "storage.read-in-an-old-snapshot",
    MUST,
    rules="STOR-38 STOR-36",
    error="ReadConflictError",
    needs="instances",
)
def read_in_an_old_snapshot() -> None:
    """What is current is decided by what was committed, and not by what the snapshot of an instance
    shows: what was read there, and changed by another instance since, is outdated, before the
    instance has heard of it.

    >>> read, written = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (read, z64, content("old")), (written, z64, content("old")))
    >>> reader = newest(storage.new_instance())
    >>> serial = reader.load(read)[1]
    >>> second = commit(storage, (read, first, content("new")))
    >>> meta = begun(reader)
    >>> with raises("ReadConflictError"):
    ...     reader.checkCurrentSerialInTransaction(read, serial, meta)
    ...     reader.store(written, first, content("worked out"), "", meta)
    ...     reader.tpc_vote(meta)
    >>> reader.tpc_abort(meta)
    >>> value_in(newest(storage).load(written)[0])
    'old'
    """


@example(
    "storage.read-by-a-client",
    MUST,
    rules="STOR-38",
    error="ReadConflictError",
    needs="several-clients",
)
def read_by_a_client() -> None:
    """What is current is decided by what was committed, through whichever client, and not by what
    one of them remembers.

    >>> read, written = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (read, z64, content("old")), (written, z64, content("old")))
    >>> other = client_of(storage)
    >>> other.registerDB(Layer())
    >>> serial = newest(storage).load(read)[1]
    >>> second = commit(other, (read, first, content("new")))
    >>> meta = begun(storage)
    >>> with raises("ReadConflictError"):
    ...     storage.checkCurrentSerialInTransaction(read, serial, meta)
    ...     storage.store(written, first, content("worked out"), "", meta)
    ...     storage.tpc_vote(meta)
    >>> storage.tpc_abort(meta)
    >>> value_in(newest(other).load(written)[0])
    'old'
    """


@example(
    "storage.read-stays-current-for-clients",
    MUST,
    rules="STOR-38",
    error="ConflictError",
    needs="several-clients",
)
def read_stays_current_for_clients() -> None:
    """Of two clients, one that relies on an object and one that changes it, the second comes later,
    or one of them is refused.

    >>> read, written = storage.new_oid(), storage.new_oid()
    >>> serial = commit(storage, (read, z64, content("old")), (written, z64, content("old")))
    >>> other, halt = client_of(storage), Halt()
    >>> other.registerDB(Layer())
    >>> def rely():
    ...     meta = begun(storage, (written, serial, content("worked out")))
    ...     with allowing("ConflictError"):
    ...         storage.checkCurrentSerialInTransaction(read, serial, meta)
    ...         storage.tpc_vote(meta)
    ...         halt()
    ...         return storage.tpc_finish(meta)
    ...     storage.tpc_abort(meta)
    >>> def change():
    ...     meta = metadata()
    ...     with allowing("ConflictError"):
    ...         return commit(other, (read, serial, content("changed")), meta=meta)
    ...     other.tpc_abort(meta)
    >>> relied, changed = meanwhile(rely, change, halt)
    >>> None in (relied, changed) or relied < changed
    True
    """
