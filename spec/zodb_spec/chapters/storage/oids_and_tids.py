"""Oids and tids: the names that a storage gives to objects and to transactions.

Both are eight bytes, and opaque but for the order of tids.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, SHOULD, example, text


@example("storage.begins-without-transaction", MUST, rules="STOR-17")
def begins_without_transaction() -> None:
    """The last transaction of a storage in which nothing was ever stored is eight zero bytes, and
    then that of its last commit.

    >>> newest(storage).lastTransaction() == z64
    True
    >>> tid = commit(storage, (storage.new_oid(), z64, content("one")))
    >>> newest(storage).lastTransaction() == tid > z64
    True
    """


@example("storage.tids-increase", MUST, rules="STOR-14")
def tids_increase() -> None:
    """Each transaction has a later tid than all that were finished before it, however fast they
    follow each other.

    >>> oid, tids = storage.new_oid(), [z64]
    >>> for number in range(100):
    ...     tids.append(commit(storage, (oid, tids[-1], content(number))))
    >>> tids == sorted(set(tids))
    True
    """


@example("storage.tids-of-threads-increase", MUST, rules="STOR-14 STOR-15")
def tids_of_threads_increase() -> None:
    """Tids increase in the order in which transactions are finished, whichever threads finish them:
    who looks for the last transaction before and after finds his own in between.

    >>> def work():
    ...     own, seen = beside(storage), []
    ...     for _ in range(10):
    ...         before = newest(own).lastTransaction()
    ...         tid = commit(own, (own.new_oid(), z64, content("one")))
    ...         after = newest(own).lastTransaction()
    ...         seen.append((before < tid <= after, tid))
    ...     return seen
    >>> told = at_once(work, work, work)
    >>> {is_between for seen in told for is_between, _ in seen}
    {True}
    >>> len({tid for seen in told for _, tid in seen})
    30
    >>> all(seen == sorted(seen) for seen in told)
    True
    """


@example("storage.tids-increase-though-the-clock-does-not", MUST, rules="STOR-14 STOR-15")
def tids_increase_though_the_clock_does_not() -> None:
    """Tids increase though the clock stands still, or goes back, as when it is set right.

    >>> import time
    >>> oid, tids, now = storage.new_oid(), [z64], time.time()
    >>> for moment in (now, now, now - 1, now - 86400, now - 86400, now + 0.5, now):
    ...     with patch("time.time", lambda: moment):
    ...         tids.append(commit(storage, (oid, tids[-1], content(moment))))
    >>> tids == sorted(set(tids))
    True
    >>> newest(storage).lastTransaction() == tids[-1]
    True
    """


@example("storage.tids-increase-after-reopening", MUST, rules="STOR-14 STOR-15", needs="durable")
def tids_increase_after_reopening() -> None:
    """Tids increase over closing and opening again as well, even where the clock has gone back
    meanwhile, or the last tid is ahead of it.

    >>> import time
    >>> oid, now = storage.new_oid(), time.time()
    >>> with patch("time.time", lambda: now + 7200):
    ...     tids = [commit(storage, (oid, z64, content("ahead")))]
    >>> for moment in (now, now - 86400, now + 60):
    ...     storage = reopened(storage)
    ...     with patch("time.time", lambda: moment):
    ...         tids.append(commit(storage, (oid, tids[-1], content(moment))))
    >>> tids == sorted(set(tids))
    True
    >>> newest(storage).lastTransaction() == tids[-1]
    True
    """


@example("storage.begin-with-a-tid", MUST, rules="STOR-16", needs="restoring")
def begin_with_a_tid() -> None:
    """`tpc_begin` takes the tid that a transaction is to have, which is for copying it from another
    storage. This is the tid that `tpc_finish` returns and that is told as the last from then on,
    and those that follow come after it.

    >>> old = commit(storage, (storage.new_oid(), z64, content("one")))
    >>> tid = (int.from_bytes(old, "big") + 2**36).to_bytes(8, "big")
    >>> meta, told = metadata(b"a user", b"a text"), []
    >>> storage.tpc_begin(meta, tid)
    >>> storage.restore(storage.new_oid(), tid, content("two"), "", None, meta)
    >>> _ = storage.tpc_vote(meta)
    >>> storage.tpc_finish(meta, told.append) == tid
    True
    >>> told == [newest(storage).lastTransaction()] == [tid]
    True
    >>> commit(storage, (storage.new_oid(), z64, content("three"))) > tid
    True
    """


@example("storage.early-tid-spares", MUST, rules="STOR-16 STOR-14", needs="restoring")
def early_tid_spares_others() -> None:
    """Whether a storage takes a tid that is not later than that of the last transaction or refuses
    it, what was committed before is not damaged, and others can be committed.

    >>> oid, added = storage.new_oid(), storage.new_oid()
    >>> old = commit(storage, (oid, z64, content("old")))
    >>> tid = commit(storage, (oid, old, content("one")))
    >>> meta = metadata()
    >>> with allowing("Exception"):
    ...     storage.tpc_begin(meta, old)
    ...     storage.restore(added, old, content("early"), "", None, meta)
    ...     _ = storage.tpc_vote(meta)
    ...     _ = storage.tpc_finish(meta)
    >>> storage.tpc_abort(meta)
    >>> newest(storage).load(oid) == (content("one"), tid)
    True
    >>> later = in_thread(lambda: commit(storage, (oid, tid, content("two"))))
    >>> newest(storage).load(oid) == (content("two"), later)
    True
    """


@example("storage.new-oids", MUST, rules="STOR-18 LIFE-15")
def new_oids_are_fresh() -> None:
    """`new_oid` gives eight bytes, different from all that it has given since the storage was
    opened and from those of all objects that are there, eight zero bytes among them, which are the
    root's.

    >>> oids = [storage.new_oid() for _ in range(300)]
    >>> _ = commit(storage, (z64, z64, content("root")), (oids[7], z64, content("one")))
    >>> oids += [storage.new_oid() for _ in range(300)]
    >>> {isinstance(oid, bytes) and len(oid) for oid in oids}
    {8}
    >>> len({z64, *oids})
    601
    """


@example("storage.new-oids-while-committing", MUST, rules="STOR-18")
def new_oids_while_committing() -> None:
    """`new_oid` can be called at any time: while nothing is being committed, in a transaction that
    has begun or that was voted for, and while somebody else commits.

    >>> oids = [storage.new_oid()]
    >>> meta = begun(storage)
    >>> oids += [storage.new_oid(), in_thread(beside(storage).new_oid)]
    >>> storage.store(oids[1], z64, content("one"), "", meta)
    >>> oids += [storage.new_oid() for _ in range(40)]
    >>> _ = storage.tpc_vote(meta)
    >>> oids += [storage.new_oid(), in_thread(beside(storage).new_oid)]
    >>> tid = storage.tpc_finish(meta)
    >>> oids += [storage.new_oid(), in_thread(beside(storage).new_oid)]
    >>> len(oids), len({z64, *oids})
    (47, 48)
    """


@example("storage.new-oids-after-abort", MUST, rules="LIFE-15 STOR-18")
def new_oids_after_abort() -> None:
    """An oid that was given for a transaction that is aborted is not given again while the storage
    is open, whether something was stored under it or not: the program may hold objects that have
    it.

    >>> taken = []
    >>> for state in (begun, voted):
    ...     oids = [storage.new_oid() for _ in range(20)]
    ...     storage.tpc_abort(state(storage, *((oid, z64, content("one")) for oid in oids[:10])))
    ...     taken += oids
    >>> later = [storage.new_oid() for _ in range(200)]
    >>> len({*taken, *later})
    240
    """


@example("storage.new-oids-in-threads", MUST, rules="STOR-18")
def new_oids_in_threads() -> None:
    """Of several threads that ask for oids at the same time, none gets one that another has got.

    >>> def ask():
    ...     own = beside(storage)
    ...     return [own.new_oid() for _ in range(100)]
    >>> len({z64, *sum(at_once(ask, ask, ask, ask), [])})
    401
    >>> own = beside(storage)
    >>> at_every_step(lambda halt: len({*meanwhile(storage.new_oid, own.new_oid, halt)}))
    {2}
    """


@example("storage.new-oids-after-reopening", MUST, rules="STOR-18", needs="durable")
def new_oids_after_reopening() -> None:
    """When a storage is opened again, no oid is given that an object has, however far the oids
    have come.

    >>> used, given_again = {z64}, set()
    >>> for _ in range(3):
    ...     oids = [storage.new_oid() for _ in range(120)]
    ...     given_again |= used.intersection(oids)
    ...     _ = commit(storage, *((oid, z64, content("one")) for oid in oids[100:]))
    ...     used.update(oids[100:])
    ...     storage = reopened(storage)
    >>> sorted(given_again | used.intersection(storage.new_oid() for _ in range(300)))
    []
    """


@example("storage.new-oids-of-instances", MUST, rules="STOR-18 STOR-35", needs="instances")
def new_oids_of_instances() -> None:
    """No instance of a storage gives an oid that another instance has given.

    >>> instances = [storage, storage.new_instance(), storage.new_instance()]
    >>> len({each.new_oid() for _ in range(100) for each in instances})
    300
    """


@example("storage.new-oids-of-clients", MUST, rules="STOR-18", needs="several-clients")
def new_oids_of_clients() -> None:
    """No client of a storage gives an oid that another client has given.

    >>> clients = [storage, client_of(storage), client_of(storage)]
    >>> len({each.new_oid() for _ in range(150) for each in clients})
    450
    """


@example("storage.sort-key", MUST, rules="STOR-30")
def sort_key() -> None:
    """`sortKey` gives a text that stays the same while the storage is open: by it the databases of
    one transaction are put into an order that is the same for all threads.

    >>> key = storage.sortKey()
    >>> tid = commit(storage, (storage.new_oid(), z64, content("one")))
    >>> meta = begun(storage)
    >>> isinstance(key, str), key == storage.sortKey()
    (True, True)
    >>> storage.tpc_abort(meta)
    >>> key == storage.sortKey()
    True
    """


@example("storage.sort-key-after-reopening", MUST, rules="STOR-30", needs="durable")
def sort_key_after_reopening() -> None:
    """The sort key of a storage is the same when it is opened again.

    >>> key = storage.sortKey()
    >>> reopened(storage).sortKey() == key
    True
    """


@example("storage.sort-keys-differ", SHOULD, rules="STOR-30")
def sort_keys_differ() -> None:
    """The sort keys of two storages are different. A storage can't make sure of that, but it can
    make its key of something that others do not share: where two are the same, two threads may
    wait for each other for ever.

    >>> len({storage.sortKey(), open_storage().sortKey(), open_storage().sortKey()})
    3
    """


@text("storage.sizes-are-informational", MUST, rules="STOR-29", binds="caller")
def sizes_are_informational() -> None:
    """What `getName`, `getSize` and `len` of a storage say is for people to read. It may be out of
    date, or an estimate, and a program draws no conclusions from it.
    """
