"""Clients: several users of one storage, each with a storage object of its own.

A server lets many clients have one storage at the same time. What they owe each other is what the
threads of one program do, and what comes of it that each knows of the others by what it is told
alone, and may keep what it has loaded for itself.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, example


@example(
    "storage.clients-read-what-is-told", MUST, rules="STOR-34 STOR-17", needs="several-clients"
)
def clients_read_what_is_told() -> None:
    """What a client has loaded before another one has changed it is loaded anew once the client
    tells of the change, whichever call asks for it, and what it keeps for itself.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, content("old")))
    >>> other = client_of(storage)
    >>> other.registerDB(Layer())
    >>> def seen():
    ...     before = other.loadBefore(oid, next_tid(newest(other).lastTransaction()))
    ...     return [value_in(data) for data in (other.load(oid)[0], before[0])]
    >>> before = seen(), seen()
    >>> second = commit(storage, (oid, first, content("new")))
    >>> other = caught_up(other, second)
    >>> before, seen()
    ((['old', 'old'], ['old', 'old']), ['new', 'new'])
    >>> data, serial = other.load(oid)
    >>> serial == second
    True
    """


@example(
    "storage.client-loads-while-told",
    MUST,
    rules="STOR-34 ISO-33",
    needs="several-clients old-revisions",
)
def client_loads_while_told() -> None:
    """Where a client loads an object in one thread while it is told in another that somebody has
    changed it, the answer to the one may be older than what the other says. It is not kept then:
    whoever asks for the object later gets what was stored last.

    >>> other = client_of(storage)
    >>> other.registerDB(Layer())
    >>> reader = beside(other)
    >>> def schedule(halt):
    ...     oid = storage.new_oid()
    ...     first = commit(storage, (oid, z64, content("old")))
    ...     client = caught_up(other, first)
    ...     def change():
    ...         tid = commit(storage, (oid, first, content("new")))
    ...         client = caught_up(other, tid)
    ...         return tid
    ...     bound = next_tid(first)
    ...     found, tid = meanwhile(lambda: newest(reader).loadBefore(oid, bound), change, halt)
    ...     data, serial, end = newest(reader).loadBefore(oid, next_tid(tid))
    ...     return value_in(found[0]), value_in(data), serial == tid
    >>> at_every_step(schedule)
    {('old', 'new', True)}
    """


@example(
    "storage.clients-read-the-past",
    MUST,
    rules="STOR-34 STOR-23",
    needs="several-clients old-revisions",
    without="instances",
)
def clients_read_the_past() -> None:
    """What a client shows of the past does not change when another one commits, but for this: a
    revision that was current has an end.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, content("old")))
    >>> other = client_of(storage)
    >>> other.registerDB(Layer())
    >>> data, tid, end = other.loadBefore(oid, next_tid(first))
    >>> value_in(data), tid == first, end
    ('old', True, None)
    >>> second = commit(storage, (oid, first, content("new")))
    >>> other = caught_up(other, second)
    >>> data, tid, end = other.loadBefore(oid, second)
    >>> value_in(data), tid == first, end == second
    ('old', True, True)
    >>> data, tid, end = other.loadBefore(oid, next_tid(second))
    >>> value_in(data), tid == second, end
    ('new', True, None)
    """


@example("storage.clients-conflict", MUST, rules="STOR-34 STOR-19", needs="several-clients")
def clients_conflict() -> None:
    """A revision that another client has replaced can't be built upon, whether this client has
    heard of it or not.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, content("old")))
    >>> other = client_of(storage)
    >>> other.registerDB(Layer())
    >>> serial = newest(other).load(oid)[1]
    >>> second = commit(storage, (oid, first, content("new")))
    >>> meta = metadata()
    >>> with raises("ConflictError"):
    ...     other.tpc_begin(meta)
    ...     other.store(oid, serial, content("lost"), "", meta)
    ...     other.tpc_vote(meta)
    >>> other.tpc_abort(meta)
    >>> value_in(newest(storage).load(oid)[0])
    'new'
    """


@example(
    "storage.clients-conflict-when-told", MUST, rules="STOR-34 STOR-19", needs="several-clients"
)
def clients_conflict_when_told() -> None:
    """To have heard that a revision was replaced, and to store on top of it all the same, is a
    conflict like any other.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, content("old")))
    >>> other = client_of(storage)
    >>> other.registerDB(Layer())
    >>> serial = newest(other).load(oid)[1]
    >>> second = commit(storage, (oid, first, content("new")))
    >>> other, meta = caught_up(other, second), metadata()
    >>> with raises("ConflictError"):
    ...     other.tpc_begin(meta)
    ...     other.store(oid, serial, content("lost"), "", meta)
    ...     other.tpc_vote(meta)
    >>> other.tpc_abort(meta)
    >>> value_in(newest(storage).load(oid)[0])
    'new'
    """


@example("storage.clients-at-the-same-time", MUST, rules="STOR-34 STOR-14", needs="several-clients")
def clients_at_the_same_time() -> None:
    """Where two clients commit at the same time, each gets a tid that no other has, and both
    transactions are there for everybody.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> other, halt = client_of(storage), Halt()
    >>> other.registerDB(Layer())
    >>> def begin_first():
    ...     meta = voted(storage, (one, z64, content("first")))
    ...     halt()
    ...     return storage.tpc_finish(meta)
    >>> def begin_second():
    ...     return commit(other, (two, z64, content("second")))
    >>> tids = meanwhile(begin_first, begin_second, halt)
    >>> clients = [caught_up(client, max(tids)) for client in (storage, other)]
    >>> [[client.load(oid)[1] for oid in (one, two)] == list(tids) for client in clients]
    [True, True]
    >>> tids[0] != tids[1]
    True
    """


@example("storage.clients-lose-no-update", MUST, rules="STOR-34", needs="several-clients")
def clients_lose_no_update() -> None:
    """Any number of clients can change one object: whoever has a conflict aborts, catches up, and
    tries again, and no change is lost.

    >>> oid = storage.new_oid()
    >>> tid = commit(storage, (oid, z64, content(0)))
    >>> clients = [storage, client_of(storage), client_of(storage)]
    >>> def work(client):
    ...     client.registerDB(Layer())
    ...     done = tries = 0
    ...     while done < 5 and tries < 500:
    ...         tries += 1
    ...         (data, serial), meta = newest(client).load(oid), metadata()
    ...         with allowing("ConflictError"):
    ...             tid = commit(client, (oid, serial, content(value_in(data) + 1)), meta=meta)
    ...             done += 1
    ...             continue
    ...         client.tpc_abort(meta)
    ...     return tid
    >>> tids = at_once(*(lambda client=client: work(client) for client in clients))
    >>> [value_in(caught_up(client, max(tids)).load(oid)[0]) for client in clients]
    [15, 15, 15]
    """


@example("storage.closed-client-leaves", MUST, rules="STOR-34", needs="several-clients")
def closed_client_leaves() -> None:
    """A client that is closed takes its transaction with it, however far it was, and nothing else:
    others commit, and hear of each other.

    >>> oid, other = storage.new_oid(), client_of(storage)
    >>> other.registerDB(Layer())
    >>> tid = commit(storage, (oid, z64, content(0)))
    >>> for n in 1, 2:
    ...     closed = client_of(storage)
    ...     closed.registerDB(Layer())
    ...     meta = begun(closed, (oid, tid, content("given up")))
    ...     if n == 2:
    ...         resolved = closed.tpc_vote(meta)
    ...     closed.close()
    ...     tid = in_thread(lambda: commit(storage, (oid, tid, content(n))))
    ...     other = caught_up(other, tid)
    >>> value_in(other.load(oid)[0])
    2
    """
