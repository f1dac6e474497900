"""Announcing: how a client learns what other clients have committed.

Several clients may have one storage at once, as those of a server do, each of them with a layer
above it that was registered with `registerDB`. What is committed through a client itself, its layer
knows from the callback of `tpc_finish`. What others have committed the client announces: it calls
`invalidate(tid, oids)` of the layer for each transaction, before its own `lastTransaction` tells of
it. So a layer that takes its snapshot up to the last transaction has heard of everything in it.
Where the changes can't be told one by one, as after a loss of the connection, the client calls
`invalidateCache` instead, and the layer forgets all that it knows; the examples here allow that
everywhere.

When a client hears of a transaction depends on the network. So an example waits until it has; no
example expects it to be at once. Storages that bring their own snapshots announce nothing: they are
asked.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, SHOULD, example


@example(
    "storage.announces",
    MUST,
    rules="STOR-34 ISO-33",
    needs="several-clients",
    without="instances",
)
def announces() -> None:
    """A client announces what another one has committed, with all objects of it, be they changed or
    created, by the time when it tells of the transaction.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (one, z64, content("old")))
    >>> other, above = client_of(storage), Layer()
    >>> other.registerDB(above)
    >>> second = commit(storage, (one, first, content("new")), (two, z64, content("created")))
    >>> other = caught_up(other, second)
    >>> told(above, (second, (one, two)))
    True
    >>> data, tid = other.load(one)
    >>> value_in(data), tid == second
    ('new', True)
    """


@example(
    "storage.announces-to-all",
    MUST,
    rules="STOR-34 ISO-33",
    needs="several-clients",
    without="instances",
)
def announces_to_all() -> None:
    """Every client announces what any other one has committed, whichever was opened first.

    >>> clients, oids, serials = [storage, client_of(storage), client_of(storage)], [], []
    >>> layers = [Layer() for client in clients]
    >>> for client, above in zip(clients, layers):
    ...     client.registerDB(above)
    >>> for client in clients:
    ...     oids.append(client.new_oid())
    ...     serials.append(commit(client, (oids[-1], z64, content("created"))))
    >>> for client in clients:
    ...     client = caught_up(client, serials[-1])
    >>> expected = [(tid, (oid,)) for oid, tid in zip(oids, serials)]
    >>> [told(layers[n], *expected[:n], *expected[n + 1 :]) for n in range(3)]
    [True, True, True]
    >>> [[client.load(oid)[1] for oid in oids] == serials for client in clients]
    [True, True, True]
    """


@example(
    "storage.announces-in-order",
    MUST,
    rules="CONN-29 STOR-34",
    needs="several-clients",
    without="instances",
)
def announces_in_order() -> None:
    """Transactions are announced in the order in which they were committed, each once and none left
    out: with the last one the layer has heard of all before it.

    >>> oid, first = storage.new_oid(), z64
    >>> others, expected, above = [client_of(storage), client_of(storage)], [], Layer()
    >>> for client in others:
    ...     client.registerDB(Layer())
    >>> storage.registerDB(above)
    >>> for n in range(20):
    ...     client = caught_up(others[n % 2], first)
    ...     new = client.new_oid()
    ...     first = commit(client, (oid, first, content(n)), (new, z64, content(n)))
    ...     expected.append((first, (oid, new)))
    >>> storage = caught_up(storage, first)
    >>> told(above, *expected)
    True
    """


@example(
    "storage.announces-before-it-tells",
    MUST,
    rules="ISO-33 STOR-34 STOR-17",
    needs="several-clients",
    without="instances",
)
def announces_before_it_tells() -> None:
    """As long as a layer is being told of a transaction, its client does not tell of it: who asks
    for the last transaction meanwhile hears of an earlier one, or waits.

    >>> oid, asked = storage.new_oid(), []
    >>> class Asking(Layer):
    ...     def invalidate(self, tid, oids):
    ...         asking = Background(other.lastTransaction)
    ...         asking.stand()
    ...         asked.append(asking.is_alive() or asking.result() < tid)
    >>> other = client_of(storage)
    >>> other.registerDB(Asking())
    >>> for n in range(3):
    ...     tid = commit(storage, (storage.new_oid(), z64, content(n)))
    ...     other = caught_up(other, tid)
    >>> all(asked)
    True
    """


@example(
    "storage.announced-can-be-read",
    MUST,
    rules="STOR-34 ISO-33",
    needs="several-clients",
    without="instances",
)
def announced_can_be_read() -> None:
    """Who is told of a transaction can read it: what is loaded from then on as of the transaction
    is what it has stored, or comes when that is there. A layer may move its snapshot as soon as it
    is told.

    >>> oid, reading = storage.new_oid(), []
    >>> class Reading(Layer):
    ...     def invalidate(self, tid, oids):
    ...         reading.append((tid, Background(lambda: other.loadBefore(oid, next_tid(tid)))))
    ...         reading[-1][1].stand()
    >>> other = client_of(storage)
    >>> other.registerDB(Reading())
    >>> tid, expected = z64, []
    >>> for n in range(3):
    ...     tid = commit(storage, (oid, tid, content(n)))
    ...     other = caught_up(other, tid)
    ...     expected.append((n, tid))
    >>> read = [each.result() for tid, each in reading]
    >>> [(value_in(data), tid) for data, tid, end in read] == expected[-len(read) :] or not read
    True
    """


@example(
    "storage.tells-what-was-announced",
    MUST,
    rules="ISO-33 STOR-34 STOR-17",
    needs="several-clients",
    without="instances",
)
def tells_what_was_announced() -> None:
    """At whatever step of a commit another client is asked for its last transaction, all up to that
    one were announced before.

    >>> other, above = client_of(storage), Layer()
    >>> other.registerDB(above)
    >>> def look():
    ...     return other.lastTransaction(), [tid for tid, oids in [*above.announced]]
    >>> def schedule(halt):
    ...     oid = storage.new_oid()
    ...     tid, (last, seen) = meanwhile(
    ...         lambda: commit(storage, (oid, z64, content("created"))), look, halt
    ...     )
    ...     client = caught_up(other, tid)
    ...     seen_later = look()[1]
    ...     return above.forgotten > 0 or ((last < tid or tid in seen) and tid in seen_later)
    >>> at_every_step(schedule)
    {True}
    """


@example(
    "storage.announces-only-what-was-committed",
    MUST,
    rules="STOR-34",
    needs="several-clients",
    without="instances",
)
def announces_only_what_was_committed() -> None:
    """What another client has stored, or voted for, is not announced before it is committed, and
    not at all where it is aborted.

    >>> oid, other, above = storage.new_oid(), client_of(storage), Layer()
    >>> other.registerDB(above)
    >>> storage.tpc_abort(begun(storage, (oid, z64, content("given up"))))
    >>> storage.tpc_abort(voted(storage, (oid, z64, content("given up"))))
    >>> meta = voted(storage, (oid, z64, content("created")))
    >>> above.announced
    []
    >>> tid = storage.tpc_finish(meta)
    >>> other = caught_up(other, tid)
    >>> told(above, (tid, (oid,)))
    True
    """


@example(
    "storage.announces-what-was-resolved",
    MUST,
    rules="STOR-34",
    needs="several-clients conflict-resolution",
    without="instances",
)
def announces_what_was_resolved() -> None:
    """An object is announced, too, where its conflict was resolved when it was stored; what others
    load is the result.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, counted(0)))
    >>> second = commit(storage, (oid, first, counted(1)))
    >>> other, above = client_of(storage), Layer()
    >>> other.registerDB(above)
    >>> third = commit(storage, (oid, first, counted(10)))
    >>> other = caught_up(other, third)
    >>> told(above, (third, (oid,))), parts(other.load(oid)[0])[1]["n"]
    (True, 11)
    """


@example(
    "storage.announces-what-was-undone",
    MUST,
    rules="STOR-34",
    needs="several-clients undo",
    without="instances",
)
def announces_what_was_undone() -> None:
    """An undo is announced like any other transaction, with all objects that it brings back, and
    those that it takes away.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (one, z64, content("old")))
    >>> second = commit(storage, (one, first, content("new")), (two, z64, content("created")))
    >>> other, above = client_of(storage), Layer()
    >>> other.registerDB(above)
    >>> third, oids = undo(storage, storage.undoLog(0, 1)[0]["id"])
    >>> other = caught_up(other, third)
    >>> told(above, (third, (one, two))), value_in(other.load(one)[0])
    (True, 'old')
    >>> with raises("POSKeyError"):
    ...     other.load(two)
    """


@example(
    "storage.announces-what-was-deleted",
    SHOULD,
    rules="STOR-34 ISO-37",
    needs="several-clients deletion",
    without="instances",
)
def announces_what_was_deleted() -> None:
    """An object that was deleted is announced like one that was changed.

    A client need not be told, since nobody had a use for the object, and to write it is a conflict.
    But whoever deletes may be wrong about that, and a cache that goes on showing what is gone hides
    it.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, content("deleted")))
    >>> other, above = client_of(storage), Layer()
    >>> other.registerDB(above)
    >>> value_in(other.load(oid)[0])
    'deleted'
    >>> meta = begun(storage)
    >>> result = storage.deleteObject(oid, first, meta)
    >>> resolved = storage.tpc_vote(meta)
    >>> second = storage.tpc_finish(meta)
    >>> other = caught_up(other, second)
    >>> told(above, (second, (oid,)))
    True
    >>> with raises("POSKeyError"):
    ...     other.load(oid)
    """


@example(
    "storage.announces-blobs",
    MUST,
    rules="STOR-34 STOR-61",
    needs="several-clients blobs",
    without="instances",
)
def announces_blobs() -> None:
    """A blob that was stored is announced like any other object, whether it was created or changed.

    >>> oid, other, above = storage.new_oid(), client_of(storage), Layer()
    >>> other.registerDB(above)
    >>> first = commit_blob(storage, oid, z64, b"old")
    >>> second = commit_blob(storage, oid, first, b"new")
    >>> other = caught_up(other, second)
    >>> told(above, (first, (oid,)), (second, (oid,)))
    True
    """


@example(
    "storage.announces-what-was-copied",
    MUST,
    rules="STOR-34 STOR-41",
    needs="several-clients restoring iteration",
    without="instances",
)
def announces_what_was_copied() -> None:
    """Transactions that were copied from another storage are announced one by one, each with its
    own tid.

    >>> source, oid = open_storage(), storage.new_oid()
    >>> first = commit(source, (oid, z64, content("old")))
    >>> second = commit(source, (oid, first, content("new")))
    >>> other, above = client_of(storage), Layer()
    >>> other.registerDB(above)
    >>> storage.copyTransactionsFrom(source)
    >>> other = caught_up(other, second)
    >>> told(above, (first, (oid,)), (second, (oid,))), value_in(other.load(oid)[0])
    (True, 'new')
    """


@example(
    "storage.announces-no-own",
    SHOULD,
    rules="STOR-34",
    needs="several-clients",
    without="instances",
)
def announces_no_own() -> None:
    """A client does not announce what was committed through itself: its layer has heard of it by
    the callback, and knows which of its connections has the objects as they are.

    >>> other, above = client_of(storage), Layer()
    >>> other.registerDB(above)
    >>> first = commit(storage, (storage.new_oid(), z64, content("of another")))
    >>> other = caught_up(other, first)
    >>> own = commit(other, (other.new_oid(), z64, content("of its own")))
    >>> last = commit(storage, (storage.new_oid(), z64, content("of another")))
    >>> other = caught_up(other, last)
    >>> [tid for tid, oids in above.announced] in ([first, last], [])
    True
    """


@example(
    "storage.announces-beside-commits",
    MUST,
    rules="STOR-34 CONN-29 ISO-33",
    needs="several-clients",
    without="instances",
)
def announces_beside_commits() -> None:
    """Where several clients commit at the same time, in threads of their own, none misses what
    another one has committed. Each layer hears of everything in the order of the tids, of its own
    transactions by the callback.

    >>> clients = [storage, client_of(storage), client_of(storage)]
    >>> layers = [Layer() for client in clients]
    >>> for client, above in zip(clients, layers):
    ...     client.registerDB(above)
    >>> def work(client, above):
    ...     tids = []
    ...     for n in range(8):
    ...         meta = voted(client, (client.new_oid(), z64, content(n)))
    ...         tids.append(client.tpc_finish(meta, lambda tid: above.announced.append((tid, []))))
    ...     return tids
    >>> works = [
    ...     lambda client=client, above=above: work(client, above)
    ...     for client, above in zip(clients, layers)
    ... ]
    >>> tids = sorted(sum(at_once(*works), []))
    >>> clients = [caught_up(client, tids[-1]) for client in clients]
    >>> heard = [[*dict.fromkeys(tid for tid, oids in above.announced)] for above in layers]
    >>> [above.forgotten > 0 or each == tids for above, each in zip(layers, heard)]
    [True, True, True]
    """


@example(
    "storage.announcements-keep-a-cache",
    MUST,
    rules="ISO-33 STOR-34 STOR-17",
    needs="several-clients",
    without="instances",
)
def announcements_keep_a_cache() -> None:
    """Who keeps what he has loaded until it is announced, and reads as of the last transaction, has
    nothing outdated, however much is committed meanwhile. So every connection works.

    >>> oids = [storage.new_oid() for n in range(4)]
    >>> tid = commit(storage, *((oid, z64, content(0)) for oid in oids))
    >>> other, above, over = client_of(storage), Layer(), []
    >>> other.registerDB(above)
    >>> other = caught_up(other, tid)
    >>> def write():
    ...     tids = [tid]
    ...     for n in range(20):
    ...         tids.append(commit(storage, *((oid, tids[-1], content(n)) for oid in oids)))
    ...     over.append(tids[-1])
    ...     return tids
    >>> def read():
    ...     cache, outdated, looks = {}, [], 0
    ...     while not over or looks == 0 or last < over[0]:
    ...         last, looks = other.lastTransaction(), looks + 1
    ...         told = [changed for tid, changed in [*above.announced] if tid <= last]
    ...         del above.announced[: len(told)]
    ...         for oid in oids if above.forgotten else sum(told, []):
    ...             kept = cache.pop(oid, None)
    ...         shown = [other.loadBefore(oid, next_tid(last))[1] for oid in oids]
    ...         outdated += [last for oid, serial in zip(oids, shown)
    ...             if cache.setdefault(oid, serial) != serial]
    ...     return outdated, last
    >>> tids, (outdated, last) = at_once(write, read)
    >>> outdated, last == tids[-1]
    ([], True)
    """
