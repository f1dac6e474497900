"""Lifetime: opening, closing and opening again, and storages that can only be read.

What a storage keeps beyond the life of a process it keeps in a folder, or on a server; examples
that need that open it again with `reopened(storage)`, or as one that can only be read.
"""

from __future__ import annotations

from zodb_spec.clause import MAY, MUST, SHOULD, example, text


@example("storage.durable", MUST, rules="STOR-8", needs="durable")
def committed_is_durable() -> None:
    """What was committed is there when the storage is opened again: current data, their tids, and
    the last transaction, however often it is closed and opened, and whatever was committed in
    between.

    >>> oids, kept, is_there = [storage.new_oid() for _ in range(8)], {}, []
    >>> for turn, oid in enumerate(oids):
    ...     for data in (content(turn), content((turn, "again"))):
    ...         for each in {oid, oids[0]}:
    ...             serial = kept[each][1] if each in kept else z64
    ...             kept[each] = data, commit(storage, (each, serial, data))
    ...     storage = reopened(storage)
    ...     seen = newest(storage)
    ...     is_there.append({each: seen.load(each) for each in kept} == kept)
    ...     is_there.append(seen.lastTransaction() == max(tid for _, tid in kept.values()))
    >>> all(is_there)
    True
    """


@example("storage.durable-empty", MUST, rules="STOR-8 STOR-17", needs="durable")
def empty_is_durable() -> None:
    """A storage in which nothing was ever stored is empty when it is opened again, and can be used.

    >>> storage = reopened(storage)
    >>> newest(storage).lastTransaction() == z64
    True
    >>> oid = storage.new_oid()
    >>> tid = commit(storage, (oid, z64, content("one")))
    >>> newest(reopened(storage)).load(oid) == (content("one"), tid)
    True
    """


@example("storage.durable-history", MUST, rules="STOR-8", needs="durable old-revisions")
def history_is_durable() -> None:
    """Revisions that are not current are there when the storage is opened again.

    >>> oid, tids = storage.new_oid(), [z64]
    >>> for number in range(5):
    ...     tids.append(commit(storage, (oid, tids[-1], content(number))))
    >>> seen = newest(reopened(storage))
    >>> [value_in(seen.loadSerial(oid, tid)) for tid in tids[1:]]
    [0, 1, 2, 3, 4]
    >>> seen.loadBefore(oid, tids[3]) == (content(1), tids[2], tids[3])
    True
    """


@example("storage.last-store-lasts", MUST, rules="STOR-20 STOR-8", needs="durable")
def last_store_lasts() -> None:
    """Where a transaction has stored one object several times, what it stored last is there when
    the storage is opened again.

    >>> oid = storage.new_oid()
    >>> old = commit(storage, (oid, z64, content("old")))
    >>> tid = commit(storage, (oid, old, content("passing")), (oid, old, content("lasting")))
    >>> newest(reopened(storage)).load(oid) == (content("lasting"), tid)
    True
    """


@example("storage.closed-in-a-transaction", MUST, rules="STOR-8 STOR-1", needs="durable")
def closed_in_a_transaction() -> None:
    """Where a storage is closed while a transaction is being committed, nothing of that is there
    when it is opened again, whether the storage has voted for it or not, and all that was committed
    before is.

    >>> oid, added, serial, is_old = storage.new_oid(), storage.new_oid(), z64, []
    >>> for state in (begun, voted, begun, voted):
    ...     serial = commit(storage, (oid, serial, content("old")))
    ...     _ = state(storage, (oid, serial, content("new")), (added, z64, content("new")))
    ...     storage = reopened(storage)
    ...     is_old.append(newest(storage).load(oid) == (content("old"), serial))
    ...     with raises("KeyError"):
    ...         newest(storage).load(added)
    >>> is_old
    [True, True, True, True]
    """


@example(
    "storage.last-transaction-after-reopening",
    MUST,
    rules="STOR-17 STOR-15 STOR-68",
    needs="durable",
)
def last_transaction_after_reopening() -> None:
    """When a storage is opened again that was closed, or ended, while a transaction was being
    committed, `lastTransaction` tells the last one that was finished, and not the one that never
    was, even where the storage had voted for it.

    >>> oid, told = storage.new_oid(), []
    >>> tid = commit(storage, (oid, z64, content("old")))
    >>> for state in (begun, voted):
    ...     _ = state(storage, (oid, tid, content("new")))
    ...     storage = reopened(storage)
    ...     told.append(newest(storage).lastTransaction())
    >>> [each == tid for each in told]
    [True, True]
    """


@example("storage.aborted-does-not-last", MUST, rules="STOR-8 STOR-1", needs="durable")
def aborted_does_not_last() -> None:
    """What was aborted is not there when the storage is opened again, be it large or small, and
    neither is anything of it between what was committed before and after.

    >>> oid, added = storage.new_oid(), storage.new_oid()
    >>> old = commit(storage, (oid, z64, content("old")))
    >>> for state in (begun, voted):
    ...     storage.tpc_abort(
    ...         state(storage, (oid, old, content("x" * 100_000)), (added, z64, content("new")))
    ...     )
    >>> tid = commit(storage, (oid, old, content("new")))
    >>> storage.tpc_abort(voted(storage, (oid, tid, content("newer"))))
    >>> storage = reopened(storage)
    >>> seen = newest(storage)
    >>> seen.load(oid) == (content("new"), tid)
    True
    >>> with raises("KeyError"):
    ...     seen.load(added)
    """


@text("storage.use-after-close", MAY, rules="STOR-32")
def use_after_close() -> None:
    """What becomes of calls of a storage that was closed is not defined: each may fail with any
    error, or still work. A program makes none.
    """


@example("storage.use-after-close-spares", MUST, rules="STOR-8 STOR-32", needs="durable")
def use_after_close_spares() -> None:
    """Whatever becomes of calls of a storage that was closed, what was committed before is not
    damaged by them: it is there when the storage is opened again.

    >>> oid = storage.new_oid()
    >>> tid = commit(storage, (oid, z64, content("one")))
    >>> storage.close()
    >>> calls = (
    ...     lambda: storage.load(oid),
    ...     lambda: storage.tpc_abort(metadata()),
    ...     lambda: commit(storage, (oid, tid, content("after"))),
    ... )
    >>> for call in calls:
    ...     with allowing("Exception"):
    ...         in_thread(call)
    >>> seen = newest(reopened(storage))
    >>> value_in(seen.load(oid)[0]) in ("one", "after")
    True
    """


@example("storage.writable", MUST, rules="STOR-31")
def writable_says_so() -> None:
    """`isReadOnly` is false for a storage that takes changes, before, during and after one.

    >>> answers = [storage.isReadOnly()]
    >>> meta = begun(storage)
    >>> answers.append(storage.isReadOnly())
    >>> storage.tpc_abort(meta)
    >>> _ = commit(storage, (storage.new_oid(), z64, content("one")))
    >>> [bool(answer) for answer in (*answers, storage.isReadOnly())]
    [False, False, False]
    """


@example("storage.read-only", MUST, rules="STOR-31", needs="read-only durable")
def read_only_can_be_read() -> None:
    """A storage that was opened to be read only says so by `isReadOnly`, and shows what is there.

    >>> oid = storage.new_oid()
    >>> tid = commit(storage, (oid, z64, content("one")))
    >>> storage = reopened(storage, read_only=True)
    >>> bool(storage.isReadOnly())
    True
    >>> newest(storage).load(oid) == (content("one"), tid)
    True
    >>> newest(storage).lastTransaction() == tid
    True
    >>> bool(storage.isReadOnly())
    True
    """


@example(
    "storage.read-only-refuses",
    MUST,
    rules="STOR-31 STOR-18",
    needs="read-only durable",
    error="ReadOnlyError",
)
def read_only_refuses() -> None:
    """A storage that was opened to be read only refuses every call by which something is changed,
    and new oids, with an error that says why.

    >>> oid = storage.new_oid()
    >>> tid = commit(storage, (oid, z64, content("one")))
    >>> storage = reopened(storage, read_only=True)
    >>> meta = metadata()
    >>> with raises("ReadOnlyError"):
    ...     storage.new_oid()
    >>> with raises("ReadOnlyError"):
    ...     storage.tpc_begin(meta)
    >>> with raises("ReadOnlyError"):
    ...     storage.store(oid, tid, content("two"), "", meta)
    """


@example(
    "storage.read-only-refuses-what-follows",
    MUST,
    rules="STOR-31 STOR-2",
    needs="read-only durable",
    error="ReadOnlyError StorageTransactionError",
)
def read_only_refuses_what_follows() -> None:
    """A storage that was opened to be read only neither votes nor finishes, and an abort does
    nothing.

    >>> oid = storage.new_oid()
    >>> tid = commit(storage, (oid, z64, content("one")))
    >>> storage = reopened(storage, read_only=True)
    >>> meta = metadata()
    >>> with raises("ReadOnlyError", "StorageTransactionError"):
    ...     storage.tpc_vote(meta)
    >>> with raises("ReadOnlyError", "StorageTransactionError"):
    ...     storage.tpc_finish(meta)
    >>> storage.tpc_abort(meta)
    >>> newest(storage).load(oid) == (content("one"), tid)
    True
    """


@example(
    "storage.read-only-refuses-undo",
    MUST,
    rules="STOR-31",
    needs="read-only durable undo",
    error="ReadOnlyError",
)
def read_only_refuses_undo() -> None:
    """A storage that was opened to be read only undoes nothing.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, content("one")))
    >>> second = commit(storage, (oid, first, content("two")))
    >>> undoable = newest(storage).undoLog(0, 1)[0]["id"]
    >>> storage = reopened(storage, read_only=True)
    >>> with raises("ReadOnlyError"):
    ...     storage.undo(undoable, metadata())
    """


@example(
    "storage.read-only-refuses-restore",
    MUST,
    rules="STOR-31",
    needs="read-only durable restoring",
    error="ReadOnlyError",
)
def read_only_refuses_restore() -> None:
    """A storage that was opened to be read only takes no copies.

    >>> oid = storage.new_oid()
    >>> tid = next_tid(commit(storage, (oid, z64, content("one"))))
    >>> storage = reopened(storage, read_only=True)
    >>> with raises("ReadOnlyError"):
    ...     storage.tpc_begin(metadata(), tid)
    >>> with raises("ReadOnlyError"):
    ...     storage.restore(oid, tid, content("two"), "", None, metadata())
    """


@example(
    "storage.read-only-refuses-pack",
    SHOULD,
    rules="STOR-31",
    needs="read-only durable pack",
    error="ReadOnlyError",
)
def read_only_refuses_pack() -> None:
    """A storage that was opened to be read only is not packed.

    A server may let those pack it who look after it, even through a client that only reads: what is
    current does not change by that.

    >>> import time
    >>> first = commit(storage, (z64, z64, content("one")))
    >>> second = commit(storage, (z64, first, content("two")))
    >>> storage = reopened(storage, read_only=True)
    >>> with raises("ReadOnlyError"):
    ...     storage.pack(time.time() + 1, oids_in)
    """


@example(
    "storage.read-only-changes-nothing", MUST, rules="STOR-31 STOR-8", needs="read-only durable"
)
def read_only_changes_nothing() -> None:
    """After a storage was open to be read only, it can be opened for changes again, and is what it
    was before.

    >>> oid = storage.new_oid()
    >>> tid = commit(storage, (oid, z64, content("one")))
    >>> storage = reopened(storage, read_only=True)
    >>> for call in (storage.new_oid, lambda: commit(storage, (oid, tid, content("two")))):
    ...     with allowing("Exception"):
    ...         call()
    >>> storage = reopened(storage)
    >>> newest(storage).load(oid) == (content("one"), tid)
    True
    >>> newest(storage).lastTransaction() == tid
    True
    >>> later = commit(storage, (oid, tid, content("two")))
    >>> newest(storage).load(oid) == (content("two"), later)
    True
    """


@text("storage.serving-is-optional", MAY, rules="STOR-65")
def serving_is_optional() -> None:
    """A storage may lack what only a server asks for that serves it to others, as `tpc_transaction`
    does and `lastInvalidations`: everything else works without.
    """


@example("storage.tells-what-it-commits", MUST, rules="STOR-65", needs="serving")
def tells_what_it_commits() -> None:
    """`tpc_transaction` of a storage that can be served gives the object that stands for the
    transaction that is being committed, from `tpc_begin` to the end, and None while there is none.

    >>> told = [storage.tpc_transaction()]
    >>> aborted = begun(storage)
    >>> told.append(storage.tpc_transaction() is aborted)
    >>> storage.tpc_abort(aborted)
    >>> told.append(storage.tpc_transaction())
    >>> finished = voted(storage, (storage.new_oid(), z64, content("one")))
    >>> told.append(storage.tpc_transaction() is finished)
    >>> tid = storage.tpc_finish(finished)
    >>> [*told, storage.tpc_transaction()]
    [None, True, None, True, None]
    """


@example("storage.recent-invalidations", MUST, rules="STOR-65 STOR-34", needs="serving")
def recent_invalidations() -> None:
    """A storage that has `lastInvalidations(size)` gives by it the last transactions, at most so
    many, in the order of their tids: for each the tid and the oids that it has written, or pairs of
    an oid and the empty string. None is left out, for a server tells clients by them what they have
    missed.

    >>> recent = getattr(storage, "lastInvalidations", None)
    >>> tids, expected, told = [z64], [], []
    >>> oid = storage.new_oid()
    >>> for n in range(4):
    ...     new = storage.new_oid()
    ...     tids.append(commit(storage, (oid, tids[-1], content(n)), (new, z64, content(n))))
    ...     expected.append((tids[-1], {oid, new}))
    >>> aborted = begun(storage, (oid, tids[-1], content("aborted")))
    >>> for size in 0, 1, 3, 99:
    ...     found = [*recent(size)] if recent else expected[4 - min(4, size):]
    ...     told.append([(tid, {each[:8] if len(each) == 8 else each[0] for each in oids})
    ...         for tid, oids in found])
    >>> storage.tpc_abort(aborted)
    >>> told == [[], expected[-1:], expected[-3:], expected]
    True
    """


@example(
    "storage.recent-invalidations-of-undos", MUST, rules="STOR-65 STOR-34", needs="serving undo"
)
def recent_invalidations_of_undos() -> None:
    """Also what an undo has brought back, or taken away, is among the objects that a transaction
    has written.

    >>> recent = getattr(storage, "lastInvalidations", None)
    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> root = commit(storage, (z64, z64, content("root")))
    >>> first = commit(storage, (one, z64, content("old")))
    >>> second = commit(storage, (one, first, content("new")), (two, z64, content("created")))
    >>> third, _ = undo(storage, storage.undoLog(0, 1)[0]["id"])
    >>> [(tid, oids)] = recent(1) if recent else [(third, [one, two])]
    >>> tid == third, {each[:8] if len(each) == 8 else each[0] for each in oids} == {one, two}
    (True, True)
    """
