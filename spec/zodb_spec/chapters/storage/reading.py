"""Reading from a storage: what it gives of an object, and when what is committed comes to be seen.

Of every object there are revisions, each written by a transaction and named by its tid. `load`
gives the current one, `loadBefore` the one that a reader shows whose snapshot is older, and
`loadSerial` exactly one. A storage may keep no revision but the current one; then it gives less
of the past, and never anything that is wrong.
"""

from __future__ import annotations

from zodb_spec.clause import MAY, MUST, example


@example("storage.loads-current", MUST, rules="STOR-22")
def loads_current() -> None:
    """`load` gives the record of the current revision of an object, the bytes that were stored, and
    the tid of the transaction that has stored it. Transactions that did not store the object don't
    change that.

    >>> oid, other = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (oid, z64, content(1)))
    >>> newest(storage).load(oid) == (content(1), first)
    True
    >>> second = commit(storage, (other, z64, content("other")))
    >>> newest(storage).load(oid) == (content(1), first)
    True
    >>> third = commit(storage, (oid, first, content(3)))
    >>> newest(storage).load(oid) == (content(3), third)
    True
    >>> newest(storage).load(other) == (content("other"), second)
    True
    """


@example("storage.loads-no-unknown-object", MUST, rules="STOR-22", error="POSKeyError")
def loads_no_unknown_object() -> None:
    """To load an object that was never stored is a key error: in an empty storage, as in one that
    has others, and also where its oid has been handed out.

    >>> oid, other = storage.new_oid(), storage.new_oid()
    >>> for unknown in (z64, oid, b"no such!"):
    ...     with raises("POSKeyError"):
    ...         newest(storage).load(unknown)
    >>> tid = commit(storage, (oid, z64, content(1)))
    >>> for unknown in (z64, other, b"no such!"):
    ...     with raises("POSKeyError"):
    ...         newest(storage).load(unknown)
    """


@example("storage.load-before-gives-the-current", MUST, rules="STOR-23")
def load_before_gives_the_current() -> None:
    r"""For a tid that is later than the current revision, `loadBefore` gives that: its record, its
    tid, and None, since no revision follows. It does so just behind the revision as for the
    greatest tid that there can be.

    >>> oid, other = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (oid, z64, content(1)))
    >>> second = commit(storage, (oid, first, content(2)))
    >>> third = commit(storage, (other, z64, content("other")))
    >>> ends = [next_tid(second), third, next_tid(third), b"\x7f" + b"\xff" * 7]
    >>> [newest(storage).loadBefore(oid, tid) == (content(2), second, None) for tid in ends]
    [True, True, True, True]
    """


@example("storage.load-before-gives-the-past", MUST, rules="STOR-23", needs="old-revisions")
def load_before_gives_the_past() -> None:
    """`loadBefore` gives what a snapshot shows: of all revisions with a smaller tid than the one
    that it is given the last, with the tid of the revision that came next, which tells how long it
    was current. Any tid will do, also one that no transaction has.

    >>> oid, tids = storage.new_oid(), [z64]
    >>> for number in range(1, 5):
    ...     tids.append(commit(storage, (oid, tids[-1], content(number))))
    ...     other = commit(storage, (storage.new_oid(), z64, content("other")))
    >>> wrong = []
    >>> for number in range(1, 4):
    ...     revision = content(number), tids[number], tids[number + 1]
    ...     for tid in (next_tid(tids[number]), tids[number + 1]):
    ...         if newest(storage).loadBefore(oid, tid) != revision:
    ...             wrong.append((number, tid))
    >>> wrong
    []
    """


@example("storage.load-before-the-beginning", MUST, rules="STOR-23")
def load_before_the_beginning() -> None:
    """Where all revisions of an object are as late as the tid, or later, `loadBefore` gives None:
    the object is known, and it was not there then.

    >>> oid = storage.new_oid()
    >>> earlier = commit(storage, (storage.new_oid(), z64, content("other")))
    >>> first = commit(storage, (oid, z64, content(1)))
    >>> [newest(storage).loadBefore(oid, tid) for tid in (first, earlier, z64)]
    [None, None, None]
    >>> second = commit(storage, (oid, first, content(2)))
    >>> [newest(storage).loadBefore(oid, tid) for tid in (first, earlier, z64)]
    [None, None, None]
    """


@example("storage.load-before-knows-no-unknown", MUST, rules="STOR-23", error="POSKeyError")
def load_before_knows_no_unknown() -> None:
    r"""An object that was never stored is a key error to `loadBefore`, whatever the tid. By that a
    reader tells it from one that is younger than its snapshot.

    >>> oid, other = storage.new_oid(), storage.new_oid()
    >>> tid = commit(storage, (oid, z64, content(1)))
    >>> for when in (z64, tid, next_tid(tid), b"\x7f" + b"\xff" * 7):
    ...     with raises("POSKeyError"):
    ...         newest(storage).loadBefore(other, when)
    """


@example("storage.load-serial-gives-one-revision", MUST, rules="STOR-25", needs="old-revisions")
def load_serial_gives_one_revision() -> None:
    """`loadSerial` gives the record of exactly the revision that a transaction has written, however
    old it is.

    >>> oid, other, tids = storage.new_oid(), storage.new_oid(), [z64]
    >>> for number in range(1, 5):
    ...     tid = commit(storage, (oid, tids[-1], content(number)))
    ...     tids.append(tid)
    >>> [value_in(storage.loadSerial(oid, tid)) for tid in tids[1:]]
    [1, 2, 3, 4]
    """


@example("storage.load-serial-gives-no-other", MUST, rules="STOR-25", error="POSKeyError")
def load_serial_gives_no_other() -> None:
    r"""Where the transaction has not written the object, `loadSerial` gives no revision that is
    near: it is a key error. So it is with tids of no transaction, and with objects that were never
    stored.

    >>> oid, other = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (oid, z64, content(1)))
    >>> second = commit(storage, (other, z64, content("other")))
    >>> third = commit(storage, (oid, first, content(3)))
    >>> newest(storage).loadSerial(oid, third) == content(3)
    True
    >>> for tid in (z64, next_tid(first), second, next_tid(third), b"\x7f" + b"\xff" * 7):
    ...     with raises("POSKeyError"):
    ...         newest(storage).loadSerial(oid, tid)
    >>> with raises("POSKeyError"):
    ...     newest(storage).loadSerial(b"no such!", first)
    """


@example("storage.get-tid", MUST, rules="STOR-15 STOR-65", needs="serving", error="POSKeyError")
def get_tid() -> None:
    """`getTid` gives the tid of the current revision, as `load` does, without the record. An object
    that was never stored is a key error.

    >>> oid, other = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (oid, z64, content(1)))
    >>> second = commit(storage, (other, z64, content("other")))
    >>> [newest(storage).getTid(each) for each in (oid, other)] == [first, second]
    True
    >>> third = commit(storage, (oid, first, content(3)))
    >>> newest(storage).getTid(oid) == third
    True
    >>> with raises("POSKeyError"):
    ...     newest(storage).getTid(b"no such!")
    """


@example("storage.last-transaction-was-finished", MUST, rules="STOR-17")
def last_transaction_was_finished() -> None:
    """A transaction that has begun, or has voted, counts for nothing in `lastTransaction`, and so
    does one that was aborted: in an empty storage it gives eight zero bytes still.

    >>> meta = metadata()
    >>> storage.tpc_begin(meta)
    >>> storage.store(storage.new_oid(), z64, content(1), "", meta)
    >>> resolved = storage.tpc_vote(meta)
    >>> storage.lastTransaction() == z64
    True
    >>> storage.tpc_abort(meta)
    >>> newest(storage).lastTransaction() == z64
    True
    """


@example("storage.last-transaction", MUST, rules="STOR-17")
def last_transaction() -> None:
    """`lastTransaction` gives the tid of the last transaction that was committed, which is what
    `tpc_finish` has returned, and can be asked for in the next call.

    >>> tids, told = [z64], []
    >>> oid = storage.new_oid()
    >>> for number in range(3):
    ...     tids.append(commit(storage, (oid, tids[-1], content(number))))
    ...     told.append(newest(storage).lastTransaction())
    >>> told == tids[1:]
    True
    >>> meta = voted(storage, (oid, tids[-1], content("aborted")))
    >>> storage.tpc_abort(meta)
    >>> newest(storage).lastTransaction() == tids[-1]
    True
    """


@example("storage.tids-never-go-back", MUST, rules="STOR-15 STOR-17")
def tids_never_go_back() -> None:
    r"""Of two answers that tell the tid of an object, or of the last transaction, the later one is
    never the smaller. What `lastTransaction` tells can be read at once: who has learned of a
    transaction finds the objects as it left them, whatever the thread that commits it is doing.

    The other thread asks at the moment when the one that commits tells of its transaction.

    >>> oid = storage.new_oid()
    >>> tids = [commit(storage, (oid, z64, content(0)))]
    >>> other, wrong = beside(storage), []
    >>> def look():
    ...     answers = []
    ...     for number in range(3):
    ...         answers.append(newest(other).lastTransaction())
    ...         answers.append(other.loadBefore(oid, b"\x7f" + b"\xff" * 7)[1])
    ...     return answers
    >>> def finish(halt):
    ...     meta = metadata()
    ...     storage.tpc_begin(meta)
    ...     storage.store(oid, tids[-1], content(len(tids)), "", meta)
    ...     resolved = storage.tpc_vote(meta)
    ...     tids.append(storage.tpc_finish(meta, halt))
    >>> for number in range(3):
    ...     halt = Halt()
    ...     done, answers = meanwhile(lambda: finish(halt), look, halt)
    ...     answers = [tids[-2], *answers, *look()]
    ...     if answers != sorted(answers) or answers[-1] != tids[-1]:
    ...         wrong.append(answers)
    >>> wrong
    []
    """


@example("storage.store-needs-the-current-serial", MUST, rules="STOR-19", error="ConflictError")
def store_needs_the_current_serial() -> None:
    """A store says by its serial which revision was read. Where that was replaced meanwhile, by one
    transaction or by several, it is a conflict; the storage may say so when it is asked to store or
    when it votes. Nothing of the transaction is committed then, and the next one goes well.

    >>> oid, other = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (oid, z64, content(1)), (other, z64, content("other")))
    >>> readers = [newest(beside(storage)) for number in range(2)]
    >>> [reader.load(oid) == (content(1), first) for reader in readers]
    [True, True]
    >>> last = first
    >>> for number, reader in enumerate(readers, 2):
    ...     last = commit(storage, (oid, last, content(number)))
    ...     meta, stale = metadata(), (oid, first, content("stale"))
    ...     with raises("ConflictError"):
    ...         commit(reader, (other, first, content("half")), stale, meta=meta)
    ...     reader.tpc_abort(meta)
    >>> newest(storage).load(oid) == (content(3), last)
    True
    >>> newest(storage).load(other) == (content("other"), first)
    True
    >>> tid = commit(storage, (oid, last, content(4)), (other, first, content("whole")))
    >>> newest(storage).load(oid) == (content(4), tid)
    True
    """


@example("storage.store-needs-a-serial", MUST, rules="STOR-19", error="ConflictError")
def store_needs_a_serial() -> None:
    """It is a conflict to store an object that is there as a new one, by eight zero bytes, or with
    the tid of a revision that it never had, be that earlier or later than the current one.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, content(1)))
    >>> second = commit(storage, (oid, first, content(2)))
    >>> for serial in (z64, next_tid(first), next_tid(second)):
    ...     meta = metadata()
    ...     with raises("ConflictError"):
    ...         commit(storage, (oid, serial, content("stale")), meta=meta)
    ...     storage.tpc_abort(meta)
    >>> newest(storage).load(oid) == (content(2), second)
    True
    """


@example("storage.store-of-what-is-gone", MAY, rules="STOR-19", error="ConflictError POSKeyError")
def store_of_what_is_gone() -> None:
    """Where a store names a revision of an object of which the storage has nothing, it may be
    refused as a conflict, or it may be taken for a new object.

    That happens where the object was removed as garbage while somebody had it in memory. Most
    storages can't tell it from one that never was, and to store it loses nothing: its whole state
    is in the record.

    >>> oid = storage.new_oid()
    >>> earlier = commit(storage, (storage.new_oid(), z64, content("other")))
    >>> tid, meta = None, metadata()
    >>> with allowing("ConflictError", "POSKeyError"):
    ...     tid = commit(storage, (oid, earlier, content(1)), meta=meta)
    >>> storage.tpc_abort(meta)
    >>> if tid is None:
    ...     with raises("POSKeyError"):
    ...         newest(storage).load(oid)
    ... elif newest(storage).load(oid) != (content(1), tid):
    ...     raise AssertionError("expected the object as it was stored")
    """


@example("storage.read-beside-a-commit", MUST, rules="STOR-8 STOR-15")
def read_beside_a_commit() -> None:
    """Others can read while a transaction is being committed, from its begin to its vote, and need
    not wait for its end.

    >>> oid = storage.new_oid()
    >>> tid = commit(storage, (oid, z64, content(1)))
    >>> other = beside(storage)
    >>> newest(other).load(oid) == (content(1), tid)
    True
    >>> meta = metadata()
    >>> storage.tpc_begin(meta)
    >>> storage.store(oid, tid, content(2), "", meta)
    >>> in_thread(lambda: newest(other).load(oid)) == (content(1), tid)
    True
    >>> resolved = storage.tpc_vote(meta)
    >>> in_thread(lambda: newest(other).load(oid)) == (content(1), tid)
    True
    >>> second = storage.tpc_finish(meta)
    >>> in_thread(lambda: newest(other).load(oid)) == (content(2), second)
    True
    """


@example("storage.snapshots-are-whole", MUST, rules="STOR-8 STOR-23", needs="old-revisions")
def snapshots_are_whole() -> None:
    """What `loadBefore` gives for the time just after the last transaction is all of that, and all
    that was before it: of objects that are always stored together, a reader never finds some as one
    transaction has left them and some as another.

    The reader comes when the committing thread tells of its transaction.

    >>> oids = [storage.new_oid() for number in range(3)]
    >>> tids, wrong = [commit(storage, *((oid, z64, content(0)) for oid in oids))], []
    >>> other = beside(storage)
    >>> def look():
    ...     before = next_tid(newest(other).lastTransaction())
    ...     return [value_in(other.loadBefore(oid, before)[0]) for oid in oids]
    >>> def finish(halt):
    ...     meta = voted(storage, *((oid, tids[-1], content(len(tids))) for oid in oids))
    ...     tids.append(storage.tpc_finish(meta, halt))
    >>> for number in range(1, 4):
    ...     halt = Halt()
    ...     done, seen = meanwhile(lambda: finish(halt), look, halt)
    ...     if len(set(seen)) > 1 or seen[0] not in (number - 1, number):
    ...         wrong.append(seen)
    >>> look(), wrong
    ([3, 3, 3], [])
    """


@example("storage.malformed-ids-lead-nowhere", MUST, rules="STOR-22 STOR-23 STOR-25")
def malformed_ids_lead_nowhere() -> None:
    """What is no oid or no tid, since it is not eight bytes, leads to no data: the call fails, with
    whatever error. Nothing else is disturbed by that.

    >>> oid = storage.new_oid()
    >>> tid, storage = commit(storage, (oid, z64, content(1))), newest(storage)
    >>> for wrong in (b"", b"short", oid[:7], oid + b"x", None, 1, oid.decode("latin-1")):
    ...     for ask in (storage.load, lambda oid: storage.loadSerial(oid, tid)):
    ...         with raises("Exception"):
    ...             ask(wrong)
    >>> for wrong in (b"", b"short", None, 1, tid.decode("latin-1")):
    ...     with raises("Exception"):
    ...         storage.loadSerial(oid, wrong)
    >>> newest(storage).load(oid) == (content(1), tid)
    True
    """


@example("storage.prefetch-is-a-hint", MUST, rules="STOR-23", without="instances")
def prefetch_is_a_hint() -> None:
    """A storage that can make use of it is told by `prefetch(oids, tid)` what is about to be loaded
    as of before a tid: by anything that can be gone through once. Whether the objects are there or
    not is no error, and nothing that is loaded is different afterwards, or later.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (one, z64, content("old")), (two, z64, content("old")))
    >>> prefetch = getattr(storage, "prefetch", lambda oids, tid: list(oids))
    >>> result = prefetch((oid for oid in (one, two, storage.new_oid())), next_tid(first))
    >>> second = commit(storage, (one, first, content("new")))
    >>> result = prefetch(iter([one]), first)
    >>> storage.load(one) == (content("new"), second)
    True
    >>> storage.loadBefore(two, next_tid(second)) == (content("old"), first, None)
    True
    """
