"""Two-phase commit: the calls by which a storage takes changes, one after the other.

A storage is idle, or has begun one transaction, or has voted for it::

    idle --tpc_begin--> begun --tpc_vote--> voted --tpc_finish--> idle
                          |                    |
                          +----- tpc_abort ----+--> idle

Each call is given the object that stands for the transaction, which is told by its identity. Here
is what the calls do in their order; the two chapters that follow say what becomes of calls that
come out of order, and of several transactions that want to be committed at the same time.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, SHOULD, example, text


@example("storage.commit", MUST, rules="STOR-1 STOR-8")
def commit_by_four_calls() -> None:
    """What was stored in a transaction is there when `tpc_finish` has returned: the data byte for
    byte, under the tid of the transaction. What it did not store is as it was.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (one, z64, content("one")), (two, z64, content("two")))
    >>> meta = metadata()
    >>> storage.tpc_begin(meta)
    >>> storage.store(two, first, content("changed"), "", meta)
    >>> _ = storage.tpc_vote(meta)
    >>> second = storage.tpc_finish(meta)
    >>> seen = newest(storage)
    >>> seen.load(one) == (content("one"), first)
    True
    >>> seen.load(two) == (content("changed"), second)
    True
    """


@example("storage.records-of-any-content", MUST, rules="STOR-1 STOR-8 STOR-22")
def records_of_any_content() -> None:
    r"""What a record means is none of the storage's business: any bytes, of any length but zero,
    come back as they were stored.

    >>> lengths = (1, 7, 8, 255, 256, 4096, 65535, 65536, 3_000_003)
    >>> records = {storage.new_oid(): (bytes(range(256)) * n)[:n] for n in lengths}
    >>> records[storage.new_oid()] = bytes(5000)
    >>> records[storage.new_oid()] = bytes([255]) * 5000
    >>> records[storage.new_oid()] = b"\n\r\0\r\n"
    >>> tid = commit(storage, *((oid, z64, data) for oid, data in records.items()))
    >>> seen = newest(storage)
    >>> [len(data) for oid, data in records.items() if seen.load(oid) != (data, tid)]
    []
    """


@example("storage.many-records", MUST, rules="STOR-1 STOR-8")
def many_records() -> None:
    """A transaction can store any number of records.

    >>> oids = [storage.new_oid() for _ in range(2000)]
    >>> tid = commit(storage, *((oid, z64, content(n)) for n, oid in enumerate(oids)))
    >>> seen = newest(storage)
    >>> loaded = [seen.load(oid) for oid in oids]
    >>> {serial for _, serial in loaded} == {tid}
    True
    >>> [value_in(data) for data, _ in loaded] == list(range(2000))
    True
    """


@example("storage.unseen-before-finish", MUST, rules="STOR-1 STOR-8 STOR-9")
def unseen_before_finish() -> None:
    r"""Nothing of a transaction can be seen before it is finished, neither what it changes nor what
    it adds, in whatever state it is, and by whomever, not even by who commits it. All that is asked
    meanwhile is answered as if it had not begun.

    >>> oid, added, last = storage.new_oid(), storage.new_oid(), b"\x7f" + b"\xff" * 7
    >>> tid = commit(storage, (oid, z64, content("old")))
    >>> storage = newest(storage)
    >>> def shows_the_old(seen):
    ...     for look in (lambda: seen.load(added), lambda: seen.loadBefore(added, last)):
    ...         with raises("POSKeyError"):
    ...             look()
    ...     told = seen.load(oid), seen.loadBefore(oid, last), seen.lastTransaction()
    ...     return told == ((content("old"), tid), (content("old"), tid, None), tid)
    >>> reader, meta = beside(storage), metadata()
    >>> storage.tpc_begin(meta)
    >>> shows_the_old(storage), shows_the_old(newest(reader))
    (True, True)
    >>> storage.store(oid, tid, content("new"), "", meta)
    >>> storage.store(added, z64, content("new"), "", meta)
    >>> shows_the_old(storage), shows_the_old(newest(reader))
    (True, True)
    >>> _ = storage.tpc_vote(meta)
    >>> shows_the_old(storage), shows_the_old(newest(reader))
    (True, True)
    >>> in_thread(lambda: shows_the_old(newest(reader)))
    True
    >>> tid_of_new = storage.tpc_finish(meta)
    >>> {newest(reader).load(each)[1] for each in (oid, added)} == {tid_of_new}
    True
    """


@example("storage.abort", MUST, rules="STOR-1 STOR-8")
def aborted_leaves_nothing() -> None:
    """A transaction can be aborted at any time before it is finished. Nothing of it is left then:
    what it changed is as it was, what it added is not there, and the next transaction begins as if
    it had never been.

    >>> oid, added = storage.new_oid(), storage.new_oid()
    >>> tid = commit(storage, (oid, z64, content("old")))
    >>> def shows_the_old():
    ...     seen = newest(storage)
    ...     with raises("KeyError"):
    ...         seen.load(added)
    ...     return seen.load(oid) == (content("old"), tid), seen.lastTransaction() == tid
    >>> writes = (oid, tid, content("new")), (added, z64, content("new"))
    >>> storage.tpc_abort(begun(storage))
    >>> shows_the_old()
    (True, True)
    >>> storage.tpc_abort(begun(storage, *writes))
    >>> shows_the_old()
    (True, True)
    >>> storage.tpc_abort(voted(storage, *writes))
    >>> shows_the_old()
    (True, True)
    >>> later = commit(storage, (storage.new_oid(), z64, content("later")))
    >>> newest(storage).load(oid) == (content("old"), tid)
    True
    >>> with raises("KeyError"):
    ...     newest(storage).load(added)
    """


@example("storage.last-store-wins", MUST, rules="STOR-20")
def last_store_wins() -> None:
    """Where a transaction stores one object several times, the last one counts. Each of them is
    given the tid of the revision that was there before the transaction.

    >>> oid, added = storage.new_oid(), storage.new_oid()
    >>> old = commit(storage, (oid, z64, content("old")))
    >>> tid = commit(
    ...     storage,
    ...     (oid, old, content("first")),
    ...     (added, z64, content("first")),
    ...     (oid, old, content("second")),
    ...     (added, z64, content("second")),
    ...     (oid, old, content("last")),
    ... )
    >>> seen = newest(storage)
    >>> seen.load(oid) == (content("last"), tid)
    True
    >>> seen.load(added) == (content("second"), tid)
    True
    """


@example("storage.last-store-wins-in-the-past", MUST, rules="STOR-20", needs="old-revisions")
def last_store_wins_in_the_past() -> None:
    """Where a transaction stored one object several times, what it stored last is what is read of
    it later, and the revision before the transaction stays the one before.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, content("old")))
    >>> both = (oid, first, content("passing")), (oid, first, content("lasting"))
    >>> second = commit(storage, *both)
    >>> third = commit(storage, (oid, second, content("new")))
    >>> seen = newest(storage)
    >>> seen.loadBefore(oid, third) == (content("lasting"), second, third)
    True
    >>> seen.loadSerial(oid, second) == content("lasting")
    True
    >>> seen.loadBefore(oid, second) == (content("old"), first, second)
    True
    """


@example("storage.equal-data-is-a-change", MUST, rules="STOR-1 STOR-8")
def equal_data_is_a_change() -> None:
    """To store what an object has already is a change like any other: the object has the tid of the
    new transaction from then on, and who stores it again from the old one has a conflict.

    >>> oid = storage.new_oid()
    >>> old = commit(storage, (oid, z64, content("one")))
    >>> new = commit(storage, (oid, old, content("one")))
    >>> newest(storage).load(oid) == (content("one"), new)
    True
    >>> meta = begun(storage)
    >>> with raises("ConflictError"):
    ...     storage.store(oid, old, content("two"), "", meta)
    ...     storage.tpc_vote(meta)
    """


@example("storage.none-for-what-is-new", SHOULD, rules="STOR-19")
def none_for_what_is_new() -> None:
    """`store` takes None for the tid of an object that is new, as well as eight zero bytes.

    >>> oid = storage.new_oid()
    >>> tid = commit(storage, (oid, None, content("one")))
    >>> newest(storage).load(oid) == (content("one"), tid)
    True
    """


@example("storage.store-returns-nothing", MUST, rules="STOR-13 STOR-39")
def store_returns_nothing() -> None:
    """`store` returns nothing: the tid is known when the transaction is finished, and not before.

    >>> meta = begun(storage)
    >>> storage.store(storage.new_oid(), z64, content("one"), "", meta) is None
    True
    """


@example("storage.vote-returns-what-was-resolved", MUST, rules="STOR-12 STOR-39")
def vote_returns_what_was_resolved() -> None:
    """`tpc_vote` returns the oids of the objects whose conflicts were resolved, so that the
    connection loads them again, or None where there are none.

    >>> oid = storage.new_oid()
    >>> meta = begun(storage, (oid, z64, content("one")))
    >>> list(storage.tpc_vote(meta) or ())
    []
    >>> tid = storage.tpc_finish(meta)
    >>> meta = begun(storage, (oid, tid, content("two")), (storage.new_oid(), z64, content("new")))
    >>> list(storage.tpc_vote(meta) or ())
    []
    """


@example("storage.finish-returns-the-tid", MUST, rules="STOR-11 STOR-39")
def finish_returns_the_tid() -> None:
    """`tpc_finish` returns the tid of the transaction, eight bytes: the one under which its
    records are found. The callback is optional, and changes nothing of that.

    >>> one, two, told = storage.new_oid(), storage.new_oid(), []
    >>> tid = storage.tpc_finish(voted(storage, (one, z64, content("one"))))
    >>> later = storage.tpc_finish(voted(storage, (two, z64, content("two"))), told.append)
    >>> [isinstance(each, bytes) and len(each) for each in (tid, later)]
    [8, 8]
    >>> seen = newest(storage)
    >>> [seen.load(oid)[1] for oid in (one, two)] == [tid, later]
    True
    >>> told == [later] == [seen.lastTransaction()]
    True
    """


@example("storage.callback", MUST, rules="STOR-9")
def callback_called_once() -> None:
    """`tpc_finish` calls the function that it is given once, with the tid as its one argument, and
    before it returns. Where a transaction is aborted, or only voted for, no function is called.

    >>> oid, calls = storage.new_oid(), []
    >>> def callback(*arguments):
    ...     calls.append(arguments)
    >>> storage.tpc_abort(voted(storage, (oid, z64, content("aborted"))))
    >>> meta = voted(storage, (oid, z64, content("one")))
    >>> calls
    []
    >>> tid = storage.tpc_finish(meta, callback)
    >>> calls == [(tid,)]
    True
    """


@text("storage.callback-is-modest", MUST, rules="STOR-10", binds="caller")
def callback_is_modest() -> None:
    """The function that a program gives to `tpc_finish` does not read from the storage, and raises
    no error. It is called while the storage holds its locks, and a storage may wait for itself for
    ever where the function asks it for something. Where it fails, the transaction is finished for
    those who look at the storage, and not for those whom it should have told.
    """


@example("storage.failed-store", MUST, rules="STOR-1 STOR-19")
def failed_store_can_be_aborted() -> None:
    """Where a storage refuses what a transaction stores, by `store` or by `tpc_vote`, the
    transaction can be aborted. Nothing of it is left, not even what was stored before, and others
    can be committed.

    >>> oid, added = storage.new_oid(), storage.new_oid()
    >>> old = commit(storage, (oid, z64, content("old")))
    >>> current = commit(storage, (oid, old, content("current")))
    >>> meta = begun(storage, (added, z64, content("added")))
    >>> with raises("ConflictError"):
    ...     storage.store(oid, old, content("late"), "", meta)
    ...     storage.tpc_vote(meta)
    >>> storage.tpc_abort(meta)
    >>> seen = newest(storage)
    >>> seen.load(oid) == (content("current"), current)
    True
    >>> with raises("KeyError"):
    ...     seen.load(added)
    >>> tid = commit(storage, (oid, current, content("new")))
    >>> newest(storage).load(oid) == (content("new"), tid)
    True
    """


@example("storage.vote-twice", MUST, rules="STOR-6", error="StorageTransactionError")
def vote_twice_is_harmless() -> None:
    """A second `tpc_vote` for the same transaction does no harm. It does nothing, or is refused;
    the transaction can be finished, or aborted, as after the first one.

    >>> oid = storage.new_oid()
    >>> def vote_again():
    ...     with allowing("StorageTransactionError"):
    ...         storage.tpc_vote(meta)
    >>> meta = voted(storage, (oid, z64, content("one")))
    >>> vote_again()
    >>> tid = storage.tpc_finish(meta)
    >>> newest(storage).load(oid) == (content("one"), tid)
    True
    >>> meta = voted(storage, (oid, tid, content("two")))
    >>> vote_again()
    >>> storage.tpc_abort(meta)
    >>> newest(storage).load(oid) == (content("one"), tid)
    True
    >>> later = commit(storage, (oid, tid, content("three")))
    >>> newest(storage).load(oid) == (content("three"), later)
    True
    """


@example("storage.same-meta-data-again", MUST, rules="STOR-6")
def same_meta_data_again() -> None:
    """The object that stood for a transaction that was aborted may stand for another one, as when
    a program tries again. Nothing of the first one comes back.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> meta = begun(storage, (one, z64, content("one")))
    >>> storage.tpc_abort(meta)
    >>> _ = voted(storage, (one, z64, content("one")), meta=meta)
    >>> storage.tpc_abort(meta)
    >>> tid = commit(storage, (two, z64, content("two")), meta=meta)
    >>> seen = newest(storage)
    >>> seen.load(two) == (content("two"), tid)
    True
    >>> with raises("KeyError"):
    ...     seen.load(one)
    """


@example("storage.empty-transaction", MUST, rules="STOR-1 STOR-11 STOR-14")
def empty_transaction() -> None:
    """A transaction that stores nothing can be committed like any other: `tpc_finish` returns a tid
    that is later than all before it and earlier than all that follow, calls the function that it
    was given, and changes nothing else.

    >>> oid, told = storage.new_oid(), []
    >>> tid = commit(storage, (oid, z64, content("one")))
    >>> empty = storage.tpc_finish(voted(storage), told.append)
    >>> told == [empty]
    True
    >>> newest(storage).load(oid) == (content("one"), tid)
    True
    >>> later = commit(storage, (oid, tid, content("two")))
    >>> tid < empty < later
    True
    """


@example("storage.version-is-empty", MUST, rules="STOR-21")
def version_is_empty() -> None:
    """The argument of `store` that once named a version is the empty string. A storage refuses any
    other; the transaction that has tried it can be aborted.

    >>> oid = storage.new_oid()
    >>> meta = begun(storage)
    >>> with raises("AssertionError", "TypeError", "ValueError", "POSError"):
    ...     storage.store(oid, z64, content("one"), "a version", meta)
    >>> storage.tpc_abort(meta)
    >>> tid = commit(storage, (oid, z64, content("two")))
    >>> newest(storage).load(oid) == (content("two"), tid)
    True
    """


@example("storage.load-version-is-empty", SHOULD, rules="STOR-21")
def load_version_is_empty() -> None:
    """Where `load` still takes the name of a version, it is the empty string, and any other is
    refused.

    >>> oid = storage.new_oid()
    >>> tid = commit(storage, (oid, z64, content("one")))
    >>> with raises("AssertionError", "TypeError", "ValueError", "POSError"):
    ...     newest(storage).load(oid, "a version")
    """


@example("storage.declares-how-it-commits", SHOULD, rules="STOR-39")
def declares_how_it_commits() -> None:
    """A storage declares the interface `IMultiCommitStorage`: by that, who looks at it knows what
    `store`, `tpc_vote` and `tpc_finish` return.

    >>> from zope.interface import providedBy
    >>> "IMultiCommitStorage" in {each.__name__ for each in providedBy(storage).flattened()}
    True
    """
