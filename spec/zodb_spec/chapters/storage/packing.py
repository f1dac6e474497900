"""Packing: a storage forgets what was replaced long ago.

A pack is done for a time. What was current then stays, and all that came later; what had been
replaced by then goes. How long it takes and how much room it gives back is the storage's own
matter; that nothing is lost which somebody can still want is not.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, example


@example("storage.pack-forgets-replaced", MUST, rules="STOR-45", needs="pack old-revisions")
def pack_forgets_replaced() -> None:
    """`pack(t, referencesf)` forgets the revisions that were replaced by the time `t`, which is
    given in seconds since 1970: they can't be read any more.

    >>> tids = [commit(storage, (z64, z64, content(0)))]
    >>> for number in 1, 2:
    ...     tids.append(commit(storage, (z64, tids[-1], content(number))))
    >>> kept(storage, z64, *tids)
    [0, 1, 2]
    >>> storage.pack(pause(), oids_in)
    >>> kept(storage, z64, *tids)
    [None, None, 2]
    """


@example("storage.pack-keeps-later", MUST, rules="STOR-45", needs="pack old-revisions")
def pack_keeps_later() -> None:
    """What was current at that time stays, and so does every revision that came later, though it
    was replaced since. A snapshot between them shows what it did.

    >>> tids = [commit(storage, (z64, z64, content(0)))]
    >>> def change(*values):
    ...     for value in values:
    ...         tids.append(commit(storage, (z64, tids[-1], content(value))))
    >>> change(1, 2)
    >>> then = pause()
    >>> change(3, 4)
    >>> storage.pack(then, oids_in)
    >>> kept(storage, z64, *tids)
    [None, None, 2, 3, 4]
    >>> data, tid, end = newest(storage).loadBefore(z64, tids[3])
    >>> value_in(data), tid == tids[2], end == tids[3]
    (2, True, True)
    """


@example("storage.pack-keeps-current", MUST, rules="STOR-47", needs="pack")
def pack_keeps_current() -> None:
    """The current state stays what it was, for every object that can be reached from the root: its
    data, and the tid, which is what the next change is made from.

    >>> one, two, three = oids = [storage.new_oid() for _ in range(3)]
    >>> first = commit(
    ...     storage,
    ...     (z64, z64, content("root", one, two)),
    ...     (one, z64, content(1)),
    ...     (two, z64, content(2, three)),
    ...     (three, z64, content(3)),
    ... )
    >>> second = commit(storage, (one, first, content("new")))
    >>> def current():
    ...     return [newest(storage).load(oid) for oid in (z64, *oids)]
    >>> before = current()
    >>> storage.pack(pause(), oids_in)
    >>> current() == before, kept(storage, two, first), kept(storage, three, first)
    (True, [2], [3])
    >>> tid = commit(storage, (one, second, content("newer")), (three, first, content("newer")))
    >>> values_of(storage, z64, *oids)
    ['root', 'newer', 2, 'newer']
    """


@example("storage.pack-keeps-last-transaction", MUST, rules="STOR-47 STOR-15", needs="pack")
def pack_keeps_last_transaction() -> None:
    """The last transaction is the one that it was, even if a pack leaves nothing of it: who has
    heard of it would otherwise know more than the storage does. The next one is later.

    >>> first = commit(storage, (z64, z64, content("root")))
    >>> last = commit(storage, (storage.new_oid(), z64, content("garbage")))
    >>> storage.pack(pause(), oids_in)
    >>> newest(storage).lastTransaction() == last
    True
    >>> commit(storage, (z64, first, content("new"))) > last
    True
    """


@example(
    "storage.pack-keeps-last-transaction-for-good",
    MUST,
    rules="STOR-47 STOR-15",
    needs="pack durable",
)
def pack_keeps_last_transaction_for_good() -> None:
    """A pack does not change the last transaction for those either who open the storage again. A
    client of a server that has heard of a transaction, and finds that its server has not, takes the
    server for the wrong one.

    >>> first = commit(storage, (z64, z64, content("root")))
    >>> last = commit(storage, (storage.new_oid(), z64, content("garbage")))
    >>> storage.pack(pause(), oids_in)
    >>> storage = reopened(storage)
    >>> storage.lastTransaction() == last
    True
    """


@example("storage.pack-lasts", MUST, rules="STOR-45 STOR-47", needs="pack durable")
def pack_lasts() -> None:
    """What a pack has removed is gone for good, and what it has kept is there, when the storage is
    opened again.

    >>> one = storage.new_oid()
    >>> first = commit(storage, (z64, z64, content(0, one)), (one, z64, content(1)))
    >>> second = commit(storage, (one, first, content("new")))
    >>> storage.pack(pause(), oids_in)
    >>> third = commit(storage, (z64, first, content("later", one)))
    >>> storage = reopened(storage)
    >>> values_of(storage, z64, one)
    ['later', 'new']
    >>> kept(storage, one, first, second)
    [None, 'new']
    """


@example("storage.pack-of-nothing", MUST, rules="STOR-45", needs="pack")
def pack_of_nothing() -> None:
    """There is nothing to forget in a storage in which nothing was stored: to pack it changes
    nothing, and it can be used.

    >>> storage.pack(pause(), oids_in)
    >>> newest(storage).lastTransaction() == z64
    True
    >>> tid = commit(storage, (z64, z64, content("root")))
    >>> values_of(storage, z64)
    ['root']
    """


@example(
    "storage.pack-before-everything", MUST, rules="STOR-45 STOR-47", needs="pack old-revisions"
)
def pack_before_everything() -> None:
    """A pack for a time before anything was stored forgets no object that can be reached from the
    root, and no revision.

    >>> then, one = pause(), storage.new_oid()
    >>> first = commit(storage, (z64, z64, content("root", one)), (one, z64, content(1)))
    >>> second = commit(storage, (one, first, content(2)))
    >>> storage.pack(then, oids_in)
    >>> values_of(storage, z64, one), kept(storage, one, first, second)
    (['root', 2], [1, 2])
    """


@example("storage.pack-into-the-future", MUST, rules="STOR-45 STOR-47", needs="pack")
def pack_into_the_future() -> None:
    """A pack for a time that is still to come, as of a machine whose clock is ahead, is one of what
    there is. What is committed after it is later, whatever the time of the pack was.

    >>> one = storage.new_oid()
    >>> first = commit(storage, (z64, z64, content("root", one)), (one, z64, content(1)))
    >>> second = commit(storage, (one, first, content("new")))
    >>> storage.pack(pause() + 3600, oids_in)
    >>> values_of(storage, z64, one), kept(storage, one, first, second)
    (['root', 'new'], [None, 'new'])
    >>> third = commit(storage, (one, second, content("newer")))
    >>> values_of(storage, z64, one)
    ['root', 'newer']
    """


@example("storage.pack-again", MUST, rules="STOR-45 STOR-47", needs="pack")
def pack_again() -> None:
    """To pack again what was just packed changes nothing; a later pack forgets what was replaced
    in between.

    >>> one = storage.new_oid()
    >>> tids = [commit(storage, (z64, z64, content("root", one)), (one, z64, content(0)))]
    >>> for number in 1, 2:
    ...     tids.append(commit(storage, (one, tids[-1], content(number))))
    ...     for each in range(2):
    ...         storage.pack(pause(), oids_in)
    >>> values_of(storage, z64, one), kept(storage, one, *tids)
    (['root', 2], [None, None, 2])
    """


@example(
    "storage.pack-into-the-past",
    MUST,
    rules="STOR-48",
    error="ValueError StorageError",
    needs="pack",
)
def pack_into_the_past() -> None:
    """A pack for an earlier time than that of the last one changes nothing: it is passed over, or
    refused. What was there at that time is not known any more, so what could be reached then is not
    known either; a storage that went by what is left would take objects for garbage that are not.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (z64, z64, content("root", one)), (one, z64, content(0)))
    >>> second = commit(storage, (one, first, content(1, two)), (two, z64, content("two")))
    >>> early = pause()
    >>> third = commit(storage, (one, second, content(2, two)))
    >>> late = pause()
    >>> fourth = commit(storage, (one, third, content(3)))
    >>> storage.pack(late, oids_in)
    >>> def left():
    ...     return kept(storage, one, second, third, fourth), kept(storage, two, second)
    >>> before = left()
    >>> with allowing("ValueError", "StorageError"):
    ...     storage.pack(early, oids_in)
    >>> left() == before, values_of(storage, z64, one)
    (True, ['root', 3])
    >>> fifth = commit(storage, (one, fourth, content(4)))
    >>> storage.pack(pause(), oids_in)
    >>> values_of(storage, z64, one)
    ['root', 4]
    """


@example(
    "storage.pack-leaves-no-older-state",
    MUST,
    rules="STOR-49 STOR-23",
    needs="pack old-revisions",
)
def pack_leaves_no_older_state() -> None:
    """A snapshot that is older than all that is left of an object is told that there is nothing to
    show: None, as of an object that has later revisions only. A connection makes an error of it
    after which it tries again. It is never told a later state, and not that there is no such
    object: that would be the end of it.

    Somebody who has kept the old state may tell it still, as the client of a server does.

    >>> tids = [commit(storage, (z64, z64, content(0)))]
    >>> for number in 1, 2:
    ...     tids.append(commit(storage, (z64, tids[-1], content(number))))
    >>> storage.pack(pause(), oids_in)
    >>> def is_right(number):
    ...     found = newest(storage).loadBefore(z64, tids[number + 1])
    ...     return found is None or (value_in(found[0]), found[1]) == (number, tids[number])
    >>> is_right(0), is_right(1)
    (True, True)
    >>> data, tid, end = newest(storage).loadBefore(z64, next_tid(tids[2]))
    >>> value_in(data), tid == tids[2], end
    (2, True, None)
    """


@example("storage.pack-shortens-history", MUST, rules="STOR-45", needs="pack old-revisions history")
def pack_shortens_history() -> None:
    """The history of an object ends with the revision that was current at the time of the pack.

    >>> tids = [commit(storage, (z64, z64, content(0)))]
    >>> def change(*values):
    ...     for value in values:
    ...         tids.append(commit(storage, (z64, tids[-1], content(value))))
    >>> change(1, 2)
    >>> then = pause()
    >>> change(3)
    >>> storage.pack(then, oids_in)
    >>> [each["tid"] for each in newest(storage).history(z64, size=10)] == [tids[3], tids[2]]
    True
    """


@example(
    "storage.pack-is-iterated", MUST, rules="STOR-45 STOR-27", needs="pack old-revisions iteration"
)
def pack_is_iterated() -> None:
    """Who goes through the transactions after a pack finds the records that are left, with their
    data, and none of the others.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> first = commit(
    ...     storage,
    ...     (z64, z64, content(0, one)),
    ...     (one, z64, content(1)),
    ...     (two, z64, content(2)),
    ... )
    >>> second = commit(storage, (one, first, content("replaced")))
    >>> third = commit(storage, (one, second, content("new")))
    >>> then = pause()
    >>> fourth = commit(storage, (one, third, content("newer")))
    >>> storage.pack(then, oids_in)
    >>> found = [
    ...     (record.oid, record.tid, value_in(record.data))
    ...     for transaction in storage.iterator()
    ...     for record in transaction
    ... ]
    >>> found == [(z64, first, 0), (one, third, "new"), (one, fourth, "newer")]
    True
    """


@example("storage.pack-fails-as-a-whole", MUST, rules="STOR-47", needs="pack")
def pack_fails_as_a_whole() -> None:
    """Where the references of a record can't be read, since it is damaged, a pack fails, or does
    without them if it has no need of them. In any case it loses nothing of what is current: the
    next one, for which that was mended, finds everything.

    >>> oids = [storage.new_oid() for _ in range(3)]
    >>> writes = [(oid, z64, content(number)) for number, oid in enumerate(oids)]
    >>> first = commit(storage, (z64, z64, content("root", *oids)), *writes)
    >>> second = commit(storage, (oids[0], first, content("new")))
    >>> def failing(data, oids=None):
    ...     return fail() if value_in(data) == 1 else oids_in(data, oids)
    >>> with allowing("Exception"):
    ...     storage.pack(pause(), failing)
    >>> [kept(storage, oid, tid) for oid, tid in zip((z64, *oids), (first, second, first, first))]
    [['root'], ['new'], [1], [2]]
    >>> third = commit(storage, (oids[1], first, content("newer")))
    >>> storage.pack(pause(), oids_in)
    >>> values_of(storage, z64, *oids)
    ['root', 'new', 'newer', 2]
    """


@example("storage.pack-shortens-undo-log", MUST, rules="STOR-50 STOR-56", needs="pack undo")
def pack_shortens_undo_log() -> None:
    """Transactions up to the time of the pack vanish from the log of those that may be undone.
    Later ones stay there, under the same ids. Where a pack finds nothing to forget, it may leave
    the log as it is: nothing keeps what is in it from being undone.

    >>> tids = [commit(storage, (z64, z64, content(0)))]
    >>> def change(*values):
    ...     for value in values:
    ...         tids.append(commit(storage, (z64, tids[-1], content(value))))
    >>> change(1)
    >>> then = pause()
    >>> change(2, 3)
    >>> before = [each["id"] for each in storage.undoLog(0, 10)]
    >>> storage.pack(then, oids_in)
    >>> [each["id"] for each in storage.undoLog(0, 10)] == before[:2]
    True
    >>> [each["id"] for each in storage.undoInfo(0, 10)] == before[:2]
    True
    """


@example("storage.pack-ends-undo", MUST, rules="STOR-50", error="UndoError", needs="pack undo")
def pack_ends_undo() -> None:
    """What was packed can't be undone any more, since nobody knows what was before it. Who has kept
    its id is refused, and nothing is changed.

    >>> tids = [commit(storage, (z64, z64, content(0)))]
    >>> def change(*values):
    ...     for value in values:
    ...         tids.append(commit(storage, (z64, tids[-1], content(value))))
    >>> change(1)
    >>> then = pause()
    >>> change(2, 3)
    >>> ids = [each["id"] for each in storage.undoLog(0, 10)]
    >>> storage.pack(then, oids_in)
    >>> for id in ids[2:]:
    ...     with raises("UndoError"):
    ...         undo(storage, id)
    >>> values_of(storage, z64), newest(storage).lastTransaction() == tids[3]
    ([3], True)
    """


@example(
    "storage.pack-ends-resolution",
    MUST,
    rules="ISO-25",
    error="ConflictError",
    needs="pack conflict-resolution old-revisions",
)
def pack_ends_resolution() -> None:
    """To merge two changes of an object takes the state that both were made from. Where that was
    packed away, the second change is a conflict, though the class could have merged the two.

    >>> counter = storage.new_oid()
    >>> first = commit(
    ...     storage,
    ...     (z64, z64, content("root", counter)),
    ...     (counter, z64, record(Counter, {"n": 1})),
    ... )
    >>> second = commit(storage, (counter, first, record(Counter, {"n": 2})))
    >>> third = commit(storage, (counter, first, record(Counter, {"n": 4})))
    >>> parts(newest(storage).load(counter)[0])[1]["n"]
    5
    >>> storage.pack(pause(), oids_in)
    >>> with raises("ConflictError"):
    ...     commit(newest(storage), (counter, second, record(Counter, {"n": 9})))
    >>> newest(storage).load(counter)[1] == third
    True
    """
