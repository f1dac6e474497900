"""Lost connections: what the client of a server owes while it can't reach it, and afterwards.

A network fails, and a server is started again. What was committed meanwhile, the client could not
be told; what it has kept for itself may be outdated. In these examples `cut_off(storage)` is a
block in which a client has lost its connection, and after which it comes back by itself. That may
take a moment.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, SHOULD, example

CLIENTS = "several-clients reconnecting"


@example("storage.cut-off-reads", MUST, rules="STOR-34", error="StorageError", needs=CLIENTS)
def cut_off_reads() -> None:
    """What a client that is cut off has kept, it may give to who reads, as of the last transaction
    that it tells of. All else fails, with a `StorageError`, and soon: nothing is made up, and
    nobody waits for a server that may never come back.

    >>> kept, other = storage.new_oid(), client_of(storage)
    >>> other.registerDB(Layer())
    >>> unread, made = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (kept, z64, content("old")), (unread, z64, content("old")))
    >>> seen, tids = [value_in(caught_up(other, first).load(kept)[0])], []
    >>> def read(oid):
    ...     with allowing("StorageError"):
    ...         data, serial = other.load(oid)
    ...         seen.append(value_in(data))
    ...         tids.append(serial)
    >>> with cut_off(other):
    ...     writes = [(oid, first, content("new")) for oid in (kept, unread)]
    ...     second = commit(storage, *writes, (made, z64, content("made")))
    ...     for oid in kept, unread, made:
    ...         in_thread(lambda: read(oid))
    >>> {*seen}, {*tids} <= {first}
    ({'old'}, True)
    """


@example("storage.cut-off-tells-nothing-new", MUST, rules="STOR-17 STOR-34", needs=CLIENTS)
def cut_off_tells_nothing_new() -> None:
    """A client that is cut off tells of no transaction of which it has not heard, and announces
    none. It tells the last one before the loss, or fails.

    >>> other, above, told = client_of(storage), Layer(), []
    >>> other.registerDB(above)
    >>> first = commit(storage, (storage.new_oid(), z64, content("old")))
    >>> announced = len(caught_up(other, first) and above.announced)
    >>> with cut_off(other):
    ...     for n in range(3):
    ...         tid = commit(storage, (storage.new_oid(), z64, content(n)))
    ...         with allowing("StorageError"):
    ...             told.append(other.lastTransaction())
    ...     told.append(len(above.announced) == announced or first)
    >>> {*told} <= {first, True}
    True
    """


@example("storage.come-back-announces", MUST, rules="STOR-34 ISO-33 CONN-29", needs=CLIENTS)
def come_back_announces() -> None:
    """A client that has come back announces all that was committed meanwhile, with all objects of
    it, or says that everything may have changed, and goes on as before.

    >>> one, two, other, above = storage.new_oid(), storage.new_oid(), client_of(storage), Layer()
    >>> other.registerDB(above)
    >>> first = commit(storage, (one, z64, content("old")))
    >>> value_in(caught_up(other, first).load(one)[0])
    'old'
    >>> del above.announced[:]
    >>> with cut_off(other):
    ...     second = commit(storage, (one, first, content("new")), (two, z64, content("made")))
    ...     third = commit(storage, (two, second, content("new")))
    >>> other = caught_up(other, third)
    >>> told(above, (second, (one, two)), (third, (two,))) or (
    ...     {one, two} <= {oid for tid, oids in above.announced for oid in oids}
    ... )
    True
    >>> fourth = commit(storage, (one, second, content("newer")))
    >>> other = caught_up(other, fourth)
    >>> told(above, (fourth, (one,)))
    True
    """


@example("storage.come-back-announces-many", MUST, rules="STOR-34 ISO-33", needs=CLIENTS)
def come_back_announces_many() -> None:
    """However much was committed meanwhile, none of it is left out: where it is more than a server
    remembers, the client says that everything may have changed.

    >>> oids, other, above = [storage.new_oid()], client_of(storage), Layer()
    >>> other.registerDB(above)
    >>> tids = [commit(storage, (oids[0], z64, content("before")))]
    >>> value_in(caught_up(other, tids[0]).load(oids[0])[0])
    'before'
    >>> forgotten = above.forgotten
    >>> del above.announced[:]
    >>> with cut_off(other):
    ...     for n in range(120):
    ...         oids.append(storage.new_oid())
    ...         tids.append(commit(storage, (oids[-1], z64, content(n))))
    >>> other = caught_up(other, tids[-1])
    >>> announced = {oid for tid, oids in above.announced for oid in oids}
    >>> above.forgotten > forgotten or {*oids[1:]} <= announced
    True
    """


@example(
    "storage.come-back-announces-what-was-undone",
    MUST,
    rules="STOR-34 ISO-33",
    needs=f"{CLIENTS} undo",
)
def come_back_announces_what_was_undone() -> None:
    """What was undone meanwhile is announced, too, and loaded as it is now.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> root = commit(storage, (z64, z64, content("root")))
    >>> first = commit(storage, (one, z64, content("old")))
    >>> second = commit(storage, (one, first, content("new")), (two, z64, content("created")))
    >>> other, above = client_of(storage), Layer()
    >>> other.registerDB(above)
    >>> seen = [value_in(caught_up(other, second).load(oid)[0]) for oid in (one, two)]
    >>> forgotten = above.forgotten
    >>> del above.announced[:]
    >>> with cut_off(other):
    ...     third, oids = undo(storage, storage.undoLog(0, 1)[0]["id"])
    >>> other = caught_up(other, third)
    >>> announced = {oid for tid, oids in above.announced for oid in oids}
    >>> above.forgotten > forgotten or {one, two} <= announced
    True
    >>> seen, value_in(other.load(one)[0])
    (['new', 'created'], 'old')
    >>> with raises("POSKeyError"):
    ...     other.load(two)
    """


@example("storage.come-back-announces-first", MUST, rules="ISO-33 STOR-34 STOR-17", needs=CLIENTS)
def come_back_announces_first() -> None:
    """A client that has come back announces what it has missed before it tells of it: a layer that
    takes its snapshot up to the last transaction has heard of everything in it, or that it has to
    forget everything. Who asks at the first announcement is told of the transaction before the
    loss, or waits, or is refused.

    >>> other, before, told = client_of(storage), [], []
    >>> class Asking(Layer):
    ...     def ask(self, *announced):
    ...         asking = Background(other.lastTransaction)
    ...         asking.stand()
    ...         before.append((asking, asking.is_alive()))
    ...     invalidate = invalidateCache = ask
    >>> other.registerDB(Asking())
    >>> first = commit(storage, (storage.new_oid(), z64, content("old")))
    >>> other = caught_up(other, first)
    >>> del before[:]
    >>> with cut_off(other):
    ...     second = commit(storage, (storage.new_oid(), z64, content("made")))
    >>> other = caught_up(other, second)
    >>> for asking, has_waited in before[:1]:
    ...     with allowing("StorageError"):
    ...         told.append(has_waited or asking.result() == first)
    >>> len(before) > 0, told in ([True], [])
    (True, True)
    """


@example("storage.come-back-reads", MUST, rules="STOR-34 STOR-22 STOR-23", needs=CLIENTS)
def come_back_reads() -> None:
    """What a client had kept before it was cut off, and what others have changed since, is loaded
    anew, whichever call asks for it. The rest is what it was.

    >>> one, two, new = (storage.new_oid() for n in range(3))
    >>> first = commit(storage, (one, z64, content("old")), (two, z64, content("same")))
    >>> other = client_of(storage)
    >>> other.registerDB(Layer())
    >>> def seen(*oids):
    ...     found = [other.load(oid) for oid in oids]
    ...     bound = next_tid(newest(other).lastTransaction())
    ...     found += [other.loadBefore(oid, bound)[:2] for oid in oids]
    ...     return [(value_in(data), serial) for data, serial in found]
    >>> seen(one, two) == [("old", first), ("same", first)] * 2
    True
    >>> for n in range(2):
    ...     with cut_off(other):
    ...         serial = newest(storage).load(one)[1]
    ...         made = [(new, z64, content("made"))] if n == 0 else []
    ...         tid = commit(storage, (one, serial, content(n)), *made)
    ...     other = caught_up(other, tid)
    >>> seen(one, two) == [(1, tid), ("same", first)] * 2, value_in(other.load(new)[0])
    (True, 'made')
    """


@example(
    "storage.cut-off-begins-nothing", MUST, rules="STOR-34", error="StorageError", needs=CLIENTS
)
def cut_off_begins_nothing() -> None:
    """A client that is cut off commits nothing: it says so at the begin, or at the vote at the
    latest. It can be aborted, and blocks nobody. As soon as the client is back, it can commit.

    >>> oid, other, meta = storage.new_oid(), client_of(storage), metadata()
    >>> other.registerDB(Layer())
    >>> first = commit(storage, (oid, z64, content("old")))
    >>> serial = caught_up(other, first).load(oid)[1]
    >>> with cut_off(other):
    ...     with raises("StorageError"):
    ...         other.tpc_begin(meta)
    ...         other.store(oid, serial, content("lost"), "", meta)
    ...         other.tpc_vote(meta)
    ...     other.tpc_abort(meta)
    ...     second = in_thread(lambda: commit(storage, (oid, first, content("new"))))
    >>> serial = caught_up(other, second).load(oid)[1]
    >>> third = commit(other, (oid, serial, content("newer")))
    >>> value_in(caught_up(storage, third).load(oid)[0])
    'newer'
    """


@example("storage.cut-off-in-a-transaction", MUST, rules="STOR-7 STOR-34", needs=CLIENTS)
def cut_off_in_a_transaction() -> None:
    """A transaction that a client has begun before it was cut off, and voted for perhaps, is over:
    others need not wait for it, no call goes on with it, also when the client is back, and nothing
    is left of it. To abort it passes at any time.

    >>> oid, other, serial, seen = storage.new_oid(), client_of(storage), z64, []
    >>> other.registerDB(Layer())
    >>> for state in begun, voted:
    ...     for is_back in False, True:
    ...         serial = commit(storage, (oid, serial, content("old")))
    ...         meta = state(caught_up(other, serial), (oid, serial, content("lost")))
    ...         with cut_off(other):
    ...             serial = in_thread(lambda: commit(storage, (oid, serial, content("new"))))
    ...             if not is_back:
    ...                 other.tpc_abort(meta)
    ...         other = caught_up(other, serial)
    ...         if is_back:
    ...             with raises("StorageError"):
    ...                 other.tpc_vote(meta)
    ...                 other.tpc_finish(meta)
    ...             other.tpc_abort(meta)
    ...         seen.append(newest(storage).load(oid) == (content("new"), serial))
    >>> seen
    [True, True, True, True]
    """


@example("storage.come-back-oids", MUST, rules="STOR-18", needs=CLIENTS)
def come_back_oids() -> None:
    """No client gives an oid that another one has given, whoever was cut off in between.

    >>> other = client_of(storage)
    >>> other.registerDB(Layer())
    >>> clients, oids = (storage, other), []
    >>> for n in range(3):
    ...     oids += [client.new_oid() for n in range(5) for client in clients]
    ...     with cut_off(other):
    ...         oids += [storage.new_oid() for n in range(5)]
    ...         with allowing("StorageError"):
    ...             oids.append(other.new_oid())
    ...         tid = commit(storage, (oids[-1], z64, content(n)))
    ...     other = caught_up(other, tid)
    >>> len({*oids}) == len(oids)
    True
    """


@example(
    "storage.layer-over-a-lost-connection",
    MUST,
    rules="STOR-33 STOR-34 ISO-33",
    binds="connection",
    needs=f"connection-function {CLIENTS}",
)
def layer_over_a_lost_connection() -> None:
    """A connection to a database over a client that was cut off goes on to show one state of what
    it has in memory. After the client is back, it shows what is current, from its next boundary on.

    >>> one, other = in_thread(lambda: connect(storage).db()), client_of(storage)
    >>> mine = opened(one)
    >>> things = [PersistentMapping({"value": 0}) for n in range(2)]
    >>> mine.root().update(enumerate(things))
    >>> mine.transaction_manager.commit()
    >>> other = caught_up(other, tid_of(things[0]))
    >>> two = in_thread(lambda: connect(other).db())
    >>> root = opened(two).root()
    >>> theirs, seen = [root[n] for n in range(2)], []
    >>> def look():
    ...     seen.append([thing["value"] for thing in theirs])
    >>> look()
    >>> for n in 1, 2:
    ...     with cut_off(other):
    ...         for thing in things:
    ...             thing["value"] = n
    ...             mine.transaction_manager.commit()
    ...         look()
    ...     other = caught_up(other, tid_of(things[1]))
    ...     root._p_jar.sync()
    ...     look()
    >>> seen
    [[0, 0], [0, 0], [1, 1], [1, 1], [2, 2]]
    """


@example(
    "storage.cut-off-is-transient", SHOULD, rules="STOR-34", error="TransientError", needs=CLIENTS
)
def cut_off_is_transient() -> None:
    """The error of a client that is cut off is transient: who tries again will succeed as soon as
    the client is back, and whatever retries transactions does that.

    >>> other, failed = client_of(storage), []
    >>> other.registerDB(Layer())
    >>> oid = storage.new_oid()
    >>> tid = commit(storage, (oid, z64, content("unread")))
    >>> other = caught_up(other, tid)
    >>> with cut_off(other):
    ...     with raises("TransientError"):
    ...         other.load(oid)
    >>> second = commit(storage, (storage.new_oid(), z64, content("other")))
    >>> value_in(caught_up(other, second).load(oid)[0])
    'unread'
    """
