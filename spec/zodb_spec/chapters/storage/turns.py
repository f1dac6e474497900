"""Turns: several transactions that want to be committed at once, and what others see meanwhile.

A storage commits one transaction at a time: who begins owns the current revisions until the end,
and all others wait for their turn. They do not wait to read: what is being committed becomes
visible in one moment, to be told before it can be seen.

In these examples `beside(storage)` is what another thread works with: the storage itself, or an
instance of its own where the storage brings its own snapshots.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, example, text


@example("storage.begin-waits", MUST, rules="STOR-5", error="StorageTransactionError")
def begin_waits() -> None:
    """While one transaction is being committed, who begins another waits until the one has ended,
    by `tpc_finish` or by `tpc_abort`, in whatever state it is.

    Of a storage that brings its own snapshots each connection has an instance of its own, so there
    is nobody who could wait for his turn in the same one. It may refuse instead.

    >>> other = metadata()
    >>> is_one_for_each = beside(storage) is not storage
    >>> may_refuse = "StorageTransactionError" if is_one_for_each else "nothing"
    >>> def schedule(state, end):
    ...     meta, halt, order = metadata(), Halt(), []
    ...     def first():
    ...         state(storage, (storage.new_oid(), z64, content("one")), meta=meta)
    ...         halt()
    ...         order.append("ending")
    ...         end(meta)
    ...     def second():
    ...         with allowing(may_refuse):
    ...             storage.tpc_begin(other)
    ...             order.append("begun")
    ...             storage.tpc_abort(other)
    ...     meanwhile(first, second, halt)
    ...     return order[0]
    >>> schedule(begun, storage.tpc_abort)
    'ending'
    >>> schedule(voted, storage.tpc_abort)
    'ending'
    >>> schedule(voted, storage.tpc_finish)
    'ending'
    """


@example(
    "storage.begin-with-a-tid-waits",
    MUST,
    rules="STOR-5 STOR-16",
    error="StorageTransactionError",
    needs="restoring",
)
def begin_with_a_tid_waits() -> None:
    """Who begins a transaction that is to have a tid of its own waits like everybody else, or may
    be refused like everybody else.

    >>> other, oid = metadata(), storage.new_oid()
    >>> may_refuse = "StorageTransactionError" if beside(storage) is not storage else "nothing"
    >>> def schedule(state, end):
    ...     meta, halt, order = metadata(), Halt(), []
    ...     def first():
    ...         state(storage, (oid, z64, content("one")), meta=meta)
    ...         halt()
    ...         order.append("ending")
    ...         end(meta)
    ...     def second():
    ...         with allowing(may_refuse):
    ...             storage.tpc_begin(other, bytes([0x7E] * 8))
    ...             order.append("begun")
    ...             storage.tpc_abort(other)
    ...     meanwhile(first, second, halt)
    ...     return order[0]
    >>> schedule(begun, storage.tpc_abort), schedule(voted, storage.tpc_finish)
    ('ending', 'ending')
    >>> value_in(newest(storage).load(oid)[0])
    'one'
    """


@example("storage.waiting-begins-get-on", MUST, rules="STOR-5", error="StorageTransactionError")
def waiting_begins_get_on() -> None:
    """All who wait for their turn get it, one after the other, whether those before them finish or
    abort, and with one of them giving up what he has just begun.

    >>> from functools import partial
    >>> oids = [storage.new_oid() for _ in range(6)]
    >>> def work(number):
    ...     own, stored = beside(storage), []
    ...     for turn in range(4):
    ...         state = (begun, voted, voted, voted)[(turn + number) % 4]
    ...         serial = stored[-1] if stored else z64
    ...         meta = state(own, (oids[number], serial, content(turn)))
    ...         if (turn + number) % 4 > 1:
    ...             stored.append(own.tpc_finish(meta))
    ...         else:
    ...             own.tpc_abort(meta)
    ...     return stored
    >>> told = at_once(*(partial(work, number) for number in range(6)))
    >>> seen = newest(storage)
    >>> [seen.load(oid)[1] for oid in oids] == [tids[-1] for tids in told]
    True
    >>> len({tid for tids in told for tid in tids})
    12
    """


@example("storage.refused-begin-blocks-nobody", MUST, rules="STOR-4 STOR-5")
def refused_begin_blocks_nobody() -> None:
    """Where `tpc_begin` is refused, as for a transaction that has begun, nobody has to wait for a
    transaction that there is not.

    >>> meta = begun(storage)
    >>> for _ in range(2):
    ...     with raises("StorageTransactionError"):
    ...         storage.tpc_begin(meta)
    >>> storage.tpc_abort(meta)
    >>> tid = in_thread(lambda: commit(storage, (storage.new_oid(), z64, content("one"))))
    >>> newest(storage).lastTransaction() == tid
    True
    """


@example("storage.ends-in-another-thread", MUST, rules="STOR-1 STOR-5")
def ends_in_another_thread() -> None:
    """A transaction belongs to no thread: another one than that which has begun it may go on with
    it, as in a server, and end it.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> meta = in_thread(lambda: begun(storage, (one, z64, content("one"))))
    >>> storage.store(two, z64, content("two"), "", meta)
    >>> _ = in_thread(lambda: storage.tpc_vote(meta))
    >>> tid = storage.tpc_finish(meta)
    >>> seen = newest(storage)
    >>> [seen.load(oid)[1] for oid in (one, two)] == [tid, tid]
    True
    >>> meta = begun(storage, (one, tid, content("aborted")))
    >>> in_thread(lambda: storage.tpc_abort(meta))
    >>> later = commit(storage, (one, tid, content("later")))
    >>> newest(storage).load(one) == (content("later"), later)
    True
    """


@example("storage.who-waited-sees-what-came", MUST, rules="STOR-5 STOR-14 STOR-19")
def who_waited_sees_what_came() -> None:
    """Who has waited for his turn comes after the one for whom he waited: his tid is later, and
    where both have changed one object, his change is a conflict.

    >>> oid, other = storage.new_oid(), storage.new_oid()
    >>> old = commit(storage, (oid, z64, content("old")))
    >>> own, halt, told = beside(storage), Halt(), []
    >>> def first():
    ...     meta = voted(storage, (oid, old, content("first")))
    ...     halt()
    ...     return storage.tpc_finish(meta)
    >>> def second():
    ...     meta = begun(own, (other, z64, content("second")))
    ...     with raises("ConflictError"):
    ...         own.store(oid, old, content("second"), "", meta)
    ...         own.tpc_vote(meta)
    ...     own.tpc_abort(meta)
    ...     return commit(own, (other, z64, content("second")))
    >>> earlier, later = meanwhile(first, second, halt)
    >>> old < earlier < later
    True
    >>> seen = newest(storage)
    >>> seen.load(oid) == (content("first"), earlier)
    True
    >>> seen.load(other) == (content("second"), later)
    True
    """


@example("storage.first-of-many-wins", MUST, rules="STOR-5 STOR-14 STOR-19")
def first_of_many_wins() -> None:
    """Of several threads that change one object, each from the revision that it has read, none
    overwrites what it has not seen: with all of them trying again after a conflict, every change
    counts, and each has a tid of its own.

    >>> oid = storage.new_oid()
    >>> _ = commit(storage, (oid, z64, content(0)))
    >>> def count():
    ...     own, tids = beside(storage), []
    ...     while len(tids) < 5:
    ...         data, serial = newest(own).load(oid)
    ...         meta = metadata()
    ...         own.tpc_begin(meta)
    ...         with allowing("ConflictError"):
    ...             own.store(oid, serial, content(value_in(data) + 1), "", meta)
    ...             own.tpc_vote(meta)
    ...             tids.append(own.tpc_finish(meta))
    ...         own.tpc_abort(meta)
    ...     return tids
    >>> tids = sum(at_once(count, count, count), [])
    >>> data, serial = newest(storage).load(oid)
    >>> value_in(data), serial == max(tids), len(set(tids))
    (15, True, 15)
    """


@example("storage.commits-beside-each-other", MUST, rules="STOR-5 STOR-8 STOR-14 STOR-17")
def commits_beside_each_other() -> None:
    """Wherever two commits meet, both are stored, each under a tid of its own, and the later of the
    two tids is that of the last transaction.

    >>> one, two, own = storage.new_oid(), storage.new_oid(), beside(storage)
    >>> _ = commit(storage, (one, z64, content("old")), (two, z64, content("old")))
    >>> def change(committing, oid):
    ...     serial = newest(committing).load(oid)[1]
    ...     return commit(committing, (oid, serial, content("new")))
    >>> def schedule(halt):
    ...     tids = meanwhile(lambda: change(storage, one), lambda: change(own, two), halt)
    ...     seen = newest(storage)
    ...     is_there = [seen.load(oid)[1] for oid in (one, two)] == [*tids]
    ...     return is_there, len({*tids}), seen.lastTransaction() == max(tids)
    >>> at_every_step(schedule)
    {(True, 2, True)}
    """


@example("storage.abort-beside-a-commit", MUST, rules="STOR-3 STOR-5 STOR-8")
def abort_beside_a_commit() -> None:
    """Wherever an abort that comes late, or once too often, meets the commit of somebody else, this
    is stored, and nothing is left of what was aborted.

    >>> one, two, own, serials = storage.new_oid(), storage.new_oid(), beside(storage), [z64]
    >>> aborted = begun(own, (one, z64, content("aborted")))
    >>> own.tpc_abort(aborted)
    >>> def schedule(halt):
    ...     writes = two, serials[-1], content("new")
    ...     tid, _ = meanwhile(
    ...         lambda: commit(storage, writes), lambda: own.tpc_abort(aborted), halt
    ...     )
    ...     serials.append(tid)
    ...     with raises("KeyError"):
    ...         newest(storage).load(one)
    ...     return storage.load(two) == (content("new"), tid)
    >>> at_every_step(schedule)
    {True}
    """


@example("storage.reading-does-not-wait", MUST, rules="STOR-5 STOR-17 STOR-22")
def reading_does_not_wait() -> None:
    """Who reads does not wait for the transaction that is being committed: it may take as long as
    it likes between its calls, and another thread reads what was there before it, asks for the last
    transaction, and is given new oids.

    >>> oid, seen = storage.new_oid(), []
    >>> tid = commit(storage, (oid, z64, content("old")))
    >>> def read():
    ...     reader = newest(beside(storage))
    ...     return reader.load(oid), reader.lastTransaction(), len(reader.new_oid())
    >>> for state in (begun, voted):
    ...     meta = state(storage, (oid, tid, content("new")))
    ...     seen.append(in_thread(read))
    ...     storage.tpc_abort(meta)
    >>> seen == [((content("old"), tid), tid, 8)] * 2
    True
    """


@example("storage.vote-is-a-promise", MUST, rules="STOR-7")
def vote_is_a_promise() -> None:
    """When a storage has voted for a transaction, this can be finished, and it can be aborted,
    whatever others do in the meantime: read what it changes, ask for oids, wait for their own turn.

    >>> oid = storage.new_oid()
    >>> tid = commit(storage, (oid, z64, content(0)))
    >>> def others():
    ...     own = beside(storage)
    ...     newest(own).load(oid)
    ...     own.new_oid()
    ...     own.tpc_abort(metadata())
    ...     return commit(own, (own.new_oid(), z64, content("another")))
    >>> def schedule(end):
    ...     meta, halt = voted(storage, (oid, tid, content(1))), Halt()
    ...     def go_on():
    ...         halt()
    ...         return end(meta)
    ...     return meanwhile(go_on, others, halt)
    >>> _ = schedule(storage.tpc_abort)
    >>> newest(storage).load(oid) == (content(0), tid)
    True
    >>> later, _ = schedule(storage.tpc_finish)
    >>> newest(storage).load(oid) == (content(1), later)
    True
    """


@example("storage.finished-at-once", MUST, rules="STOR-8 STOR-9 STOR-15 STOR-17")
def finished_at_once() -> None:
    """A transaction becomes visible in one moment. Who looks while it is being finished finds all
    that it has changed, with its tid as that of the last transaction, or nothing: what he has seen
    of it once he sees from then on, wherever he looks.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> _ = commit(storage, (one, z64, content(0)), (two, z64, content(0)))
    >>> reader = beside(storage)
    >>> def schedule(halt):
    ...     serial = newest(storage).load(one)[1]
    ...     meta = voted(storage, *((oid, serial, content("new")) for oid in (one, two)))
    ...     def look():
    ...         seen = newest(reader)
    ...         return [
    ...             seen.lastTransaction(), *(seen.load(oid)[1] for oid in (one, two, one)),
    ...             seen.lastTransaction(),
    ...         ]
    ...     tid, tids = meanwhile(lambda: storage.tpc_finish(meta), look, halt)
    ...     seen = [each == tid for each in tids]
    ...     return seen == sorted(seen)
    >>> at_every_step(schedule)
    {True}
    """


@example("storage.callback-comes-first", MUST, rules="STOR-9", without="instances")
def callback_comes_first() -> None:
    r"""The function that `tpc_finish` is given is called before anybody else can see the
    transaction: until it has returned, `lastTransaction` tells an earlier tid, and what the
    transaction has changed can't be loaded. Who asks meanwhile waits, or is told what was there
    before.

    So who is told of changes knows of them before he can load the new state of one object beside
    the old state of another.

    >>> oid = storage.new_oid()
    >>> _ = commit(storage, (oid, z64, content("old")))
    >>> def too_early(look):
    ...     serial, returned, lookers = storage.load(oid)[1], [], []
    ...     def seen_too_early():
    ...         return look() > serial and not returned
    ...     def callback(tid):
    ...         lookers.append(Background(seen_too_early))
    ...         lookers[0].stand()
    ...         returned.append(tid)
    ...     storage.tpc_finish(voted(storage, (oid, serial, content("new"))), callback)
    ...     return lookers[0].result()
    >>> too_early(storage.lastTransaction)
    False
    >>> too_early(lambda: storage.load(oid)[1])
    False
    >>> too_early(lambda: storage.loadBefore(oid, b"\x7f" + b"\xff" * 7)[1])
    False
    """


@example("storage.callback-before-the-next", MUST, rules="STOR-9 STOR-5", without="instances")
def callback_before_the_next() -> None:
    """The function that `tpc_finish` is given is called while the turn of the transaction lasts:
    the one of the next transaction is called later, so who is told of changes is told in the order
    of the tids.

    >>> one, two, told, nexts = storage.new_oid(), storage.new_oid(), [], []
    >>> def next_one():
    ...     meta = voted(storage, (two, z64, content("two")))
    ...     return storage.tpc_finish(meta, told.append)
    >>> def callback(tid):
    ...     nexts.append(Background(next_one))
    ...     nexts[0].stand()
    ...     told.append(tid)
    >>> meta = voted(storage, (one, z64, content("one")))
    >>> tids = [storage.tpc_finish(meta, callback), nexts[0].result()]
    >>> told == tids == sorted(tids)
    True
    """


@text("storage.locks-in-order", MUST, rules="STOR-66", binds="unobservable")
def locks_in_order() -> None:
    """Where a storage has a lock for the turn to commit, and another one for its data, it takes the
    first in `tpc_begin` and releases it in `tpc_finish` or `tpc_abort`, and never waits for it
    while it holds the second: else nobody could read while somebody waits for his turn.
    """


@text("storage.one-participant", MUST, rules="STOR-5", binds="caller")
def one_participant() -> None:
    """A program does not begin a transaction in a thread that is committing another one to the same
    storage: it would wait for itself. A storage that notices may refuse instead of waiting.
    """


@example(
    "storage.clients-take-turns", MUST, rules="STOR-5 STOR-14 STOR-19", needs="several-clients"
)
def clients_take_turns() -> None:
    """Several clients of one storage take turns as the threads of one do: of two that have changed
    one object, the one whose vote comes later has a conflict, and tids are in the order in which
    the transactions were finished.

    >>> client = client_of(storage)
    >>> client.registerDB(Layer())
    >>> oid, other, halt = storage.new_oid(), client.new_oid(), Halt()
    >>> old = commit(storage, (oid, z64, content("old")))
    >>> def first():
    ...     meta = voted(storage, (oid, old, content("first")))
    ...     halt()
    ...     return storage.tpc_finish(meta)
    >>> def second():
    ...     newest(client).load(oid)
    ...     meta = begun(client, (other, z64, content("second")))
    ...     with raises("ConflictError"):
    ...         client.store(oid, old, content("second"), "", meta)
    ...         client.tpc_vote(meta)
    ...     client.tpc_abort(meta)
    ...     return commit(client, (other, z64, content("second")))
    >>> earlier, later = meanwhile(first, second, halt)
    >>> old < earlier < later
    True
    >>> newest(storage).load(oid) == (content("first"), earlier)
    True
    """
