"""Other methods of a connection: what it can do beside.

Most programs need none of this. Frameworks and tools do: they measure a connection, look at it from
outside, or do the work of the persistence machinery themselves.
"""

from __future__ import annotations

from zodb_spec.clause import MAY, MUST, SHOULD, example, id_of, step
from zodb_spec.editions import CURRENT
from zodb_spec.world import CHANGED, UNSAVED, Name, Object, World, state_of


@example("connection.debug-info", MUST, rules="CONN-30")
def debug_info() -> None:
    """`setDebugInfo` adds items to what is known of the use that a connection is put to, and
    `getDebugInfo` gives all of them in a tuple, in their order.

    >>> connection.getDebugInfo()
    ()
    >>> connection.setDebugInfo("request", 42)
    >>> connection.setDebugInfo()
    >>> connection.setDebugInfo("path")
    >>> connection.getDebugInfo()
    ('request', 42, 'path')
    """


@example("connection.debug-info-ends", MUST, rules="CONN-17 CONN-30")
def debug_info_ends() -> None:
    """`close` forgets these items: they were about one use of the connection.

    >>> connection.setDebugInfo("request", 42)
    >>> connection.close()
    >>> again = db.open(transaction_manager=tm)
    >>> again.getDebugInfo()
    ()
    """


@example("connection.transfer-counts", MUST, rules="CONN-31")
def transfer_counts() -> None:
    """`getTransferCounts()` gives two numbers: how many objects the connection has loaded, and how
    many it has stored.  An object counts as loaded when its state is; to make a ghost, or to use
    what is in memory, counts for nothing.

    >>> one, two = connection.root()["one"], connection.root()["two"] = Thing(), Thing()
    >>> tm.commit()
    >>> loaded, stored = connection.getTransferCounts()
    >>> started = tm.begin()
    >>> for thing in one, two:
    ...     thing._p_deactivate()
    >>> loaded, same = connection.getTransferCounts()
    >>> for thing in one, two, two:
    ...     thing._p_activate()
    >>> now, same = connection.getTransferCounts()
    >>> now - loaded, same == stored
    (2, True)
    >>> one.n = two.n = 1
    >>> tm.commit()
    >>> connection.getTransferCounts()[1] - stored
    2
    """


@example("connection.transfer-counts-cleared", MUST, rules="CONN-31")
def transfer_counts_cleared() -> None:
    """`getTransferCounts(clear=True)` gives the two numbers and sets both to zero; without `clear`
    they stay.

    >>> connection.root()["a"] = 1
    >>> tm.commit()
    >>> before = connection.getTransferCounts()
    >>> before[1] > 0, connection.getTransferCounts() == before
    (True, True)
    >>> connection.getTransferCounts(clear=True) == before
    True
    >>> connection.getTransferCounts(True), connection.getTransferCounts(False)
    ((0, 0), (0, 0))
    """


@step("connection.exchange-takes-the-place", MUST, rules="LIFE-51")
def takes_the_place(world: World, old: Name, new: Name) -> Object:
    """`connection.exchange(old, new)` puts a new object in the place of one that the connection
    has. It takes over the oid and the serial, belongs to the connection, counts as changed, and is
    what `get` gives for the oid from then on. The commit stores it, with what it held itself, and
    every reference leads to it.

    What was loaded before may still lead to the old object, until it is loaded again.
    """
    id = id_of(takes_the_place)
    state, base = state_of(world, old).value
    assert state is not None
    return world.objects[new]._replace(
        owner=world.fact(world.objects[old].owner.value, id),
        status=world.fact(CHANGED, id),
        state=world.fact(world.objects[new].state.value, id),
        base=base,
        disowned=False,
    )


@step("connection.exchange-is-taken-back", MUST, rules="LIFE-51 LIFE-11")
def is_taken_back(world: World, thing: Name) -> Object:
    """When a transaction is aborted, or returns to an earlier savepoint, what has taken the place
    of another object since is unsaved again, with everything that it holds. The place belongs to
    what the connection showed there before, and whatever leads there leads to that.
    """
    id = id_of(is_taken_back)
    return world.objects[thing]._replace(
        owner=world.fact(None, id), status=world.fact(UNSAVED, id), base=0, disowned=True
    )


@example("connection.exchange", MUST, rules="LIFE-51")
def exchange() -> None:
    """Here it is seen how an object takes the place of another one by `connection.exchange`, and
    what becomes of references to the old one that are in memory: they are stored as references to
    the new one.

    >>> old = connection.root()["thing"] = Thing()
    >>> old.n = 1
    >>> tm.commit()
    >>> oid, new = old._p_oid, Thing()
    >>> new.n = 2
    >>> connection.exchange(old, new)
    >>> new._p_oid == oid, new._p_jar is connection.root()._p_jar, new._p_changed
    (True, True, True)
    >>> connection.get(oid) is new
    True
    >>> connection.root()["more"] = 1
    >>> tm.commit()
    >>> connection.get(oid) is new
    True
    >>> seen = opened(db).root()["thing"]
    >>> seen.n, seen._p_oid == oid
    (2, True)
    """


@example("connection.exchange-is-aborted", MUST, rules="LIFE-51")
def exchange_is_aborted() -> None:
    """Here it is seen that an exchange is a change like others, which an abort takes back: the
    database keeps what it had, and the connection shows it.

    >>> old = connection.root()["thing"] = Thing()
    >>> old.n = 1
    >>> tm.commit()
    >>> oid, new = old._p_oid, Thing()
    >>> new.n = 2
    >>> connection.exchange(old, new)
    >>> tm.abort()
    >>> connection.get(oid).n
    1
    >>> tm.commit()
    >>> opened(db).root()["thing"].n
    1
    """


@example(
    "connection.exchange-of-strangers",
    MUST,
    rules="LIFE-51 LIFE-6",
    error="POSError TypeError ValueError AssertionError AttributeError",
)
def exchange_of_strangers() -> None:
    """To exchange an object that is not the connection's own is refused, and so is to put something
    in its place that belongs to a connection already, or is not persistent, and to exchange
    anything when the connection is closed. Nothing has changed then.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.n = 1
    >>> tm.commit()
    >>> other = opened(db)
    >>> same, new = other.root()["thing"], Thing()
    >>> refusals = "POSError", "TypeError", "ValueError", "AssertionError", "AttributeError"
    >>> with raises(*refusals):
    ...     connection.exchange(same, new)
    >>> new._p_oid, new._p_jar
    (None, None)
    >>> with raises(*refusals):
    ...     connection.exchange(Thing(), new)
    >>> for taken in same, connection.root(), ["no object"]:
    ...     with raises(*refusals):
    ...         connection.exchange(thing, taken)
    >>> same._p_jar is other.root()._p_jar, connection.get(thing._p_oid) is thing
    (True, True)
    >>> tm.commit()
    >>> opened(db).root()["thing"].n
    1
    >>> connection.close()
    >>> with raises(*refusals):
    ...     connection.exchange(thing, new)
    >>> new._p_oid, new._p_jar, new._p_changed
    (None, None, False)
    """


@example("connection.register-joins", MUST, rules="CONN-37 CONN-38 CONN-13")
def register_joins() -> None:
    """`connection.register(obj)` is how an object tells its connection that it is about to change.
    The connection joins the transaction then, before the object has changed: that comes in time to
    be refused. To register alone changes nothing, and is not stored.

    >>> thing = connection.root()["thing"] = Thing()
    >>> tm.commit()
    >>> started = tm.begin()
    >>> thing._p_activate()
    >>> serial = thing._p_serial
    >>> connection.register(thing)
    >>> thing._p_changed
    False
    >>> with raises("ConnectionStateError"):
    ...     connection.close()
    >>> tm.commit()
    >>> seen = opened(db).root()["thing"]
    >>> seen._p_activate()
    >>> seen._p_serial == serial
    True
    """


@example(
    "connection.register-of-strangers",
    MUST,
    rules="CONN-37",
    error="POSError TypeError ValueError AssertionError AttributeError",
)
def register_of_strangers() -> None:
    """An object of another connection can't be registered with this one, nor can one that belongs
    to none. The transaction is not joined for it.

    >>> thing = connection.root()["thing"] = Thing()
    >>> tm.commit()
    >>> other = opened(db)
    >>> refusals = "POSError", "TypeError", "ValueError", "AssertionError", "AttributeError"
    >>> for stranger in thing, Thing(), ["no object"]:
    ...     with raises(*refusals):
    ...         other.register(stranger)
    >>> other.close()
    >>> with raises("ConnectionStateError"):
    ...     other.root()
    """


@example("connection.new-oid", MUST, rules="LIFE-15", binds="storage")
def new_oid() -> None:
    """`connection.new_oid()` gives an oid that no object has and that is given to nobody else, as
    long as the storage is open.

    >>> taken = [connection.new_oid() for _ in range(3)]
    >>> other = opened(db)
    >>> taken += [other.new_oid()]
    >>> things = connection.root()["things"] = [Thing() for _ in range(5)]
    >>> connection.add(things[0])
    >>> tm.commit()
    >>> oids = {z64, *taken, *(thing._p_oid for thing in things)}
    >>> len(oids), {type(oid) is bytes and len(oid) for oid in oids}
    (10, {8})
    >>> with raises("KeyError"):
    ...     connection.get(taken[0])
    """


@example(
    "connection.new-oid-refused", MUST, rules="CONN-39", error="ReadOnlyError", needs="raw-records"
)
def new_oid_refused() -> None:
    """Where the storage takes no changes, there are no oids for new objects either: `new_oid` fails
    with the `ReadOnlyError` of the storage, or with one of the connection.

    >>> class ReadOnlyError(Exception):
    ...     pass
    >>> def refuse(method, *arguments):
    ...     raise ReadOnlyError
    >>> with replaced(db.storage, "isReadOnly", lambda method, *arguments: True):
    ...     with replaced(db.storage, "new_oid", refuse):
    ...         other = opened(db)
    ...         with raises("ReadOnlyError"):
    ...             other.new_oid()
    """


@example("connection.setstate", MUST, rules="LIFE-35 CONN-10", error="ConnectionStateError")
def set_state() -> None:
    """`connection.setstate(obj)` is how a ghost asks its connection for its state. Who calls it
    gets the same by it: the ghost has the state that the connection shows then. On a closed
    connection it fails.

    Whether it counts as loaded by that, or only when it is used, is up to its class.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.n = 1
    >>> tm.commit()
    >>> first, started = thing._p_serial, tm.begin()
    >>> other = opened(db)
    >>> other.root()["thing"].n = 2
    >>> other.transaction_manager.commit()
    >>> thing._p_deactivate()
    >>> vars(thing)
    {}
    >>> connection.setstate(thing)
    >>> vars(thing), thing._p_serial == first
    ({'n': 1}, True)
    >>> tm.abort()
    >>> thing.n
    2
    >>> thing._p_deactivate()
    >>> connection.close()
    >>> with raises("ConnectionStateError"):
    ...     connection.setstate(thing)
    >>> vars(thing)
    {}
    """


@example("connection.old-state", MUST, rules="LIFE-53", needs="history")
def old_state() -> None:
    """`connection.oldstate(obj, tid)` gives the state of an object as the transaction `tid` has
    stored it: what its class would be given by `__setstate__`. The object itself stays as it is.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.n = 1
    >>> tm.commit()
    >>> first = thing._p_serial
    >>> thing.n = 2
    >>> tm.commit()
    >>> thing.n = 3
    >>> connection.oldstate(thing, first), connection.oldstate(thing, thing._p_serial)
    ({'n': 1}, {'n': 2})
    >>> thing.n, thing._p_changed
    (3, True)
    """


@example("connection.old-state-references", MUST, rules="LIFE-53 LIFE-30", needs="history")
def old_state_references() -> None:
    """References in an old state lead to the objects of the connection, as they are now: it is the
    state of one object, and not a view of the past.

    >>> thing, other = connection.root()["thing"], connection.root()["other"] = Thing(), Thing()
    >>> thing.other, other.n = other, 1
    >>> tm.commit()
    >>> first = thing._p_serial
    >>> thing.other, other.n = None, 2
    >>> tm.commit()
    >>> state = connection.oldstate(thing, first)
    >>> state["other"] is other, state["other"].n
    (True, 2)
    """


@example("connection.old-state-missing", MUST, rules="LIFE-53", error="KeyError")
def old_state_missing() -> None:
    """Where the transaction has not stored the object, or where there is no such transaction,
    `oldstate` fails with a KeyError.

    >>> thing = connection.root()["thing"] = Thing()
    >>> tm.commit()
    >>> first = thing._p_serial
    >>> connection.root()["other"] = Thing()
    >>> tm.commit()
    >>> with raises("KeyError"):
    ...     connection.oldstate(thing, connection.root()["other"]._p_serial)
    >>> with raises("KeyError"):
    ...     connection.oldstate(thing, bytes(7) + b"?")
    """


@example(
    "connection.old-state-of-a-closed-one",
    MAY,
    rules="LIFE-53",
    error="POSError AttributeError",
)
def old_state_of_a_closed_one() -> None:
    """`oldstate` may be called on a closed connection: what it gives does not depend on a snapshot.
    An implementation may refuse; it does not give anything else.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.n = 1
    >>> tm.commit()
    >>> tid, state = thing._p_serial, {"n": 1}
    >>> connection.close()
    >>> with allowing("POSError", "AttributeError"):
    ...     state = connection.oldstate(thing, tid)
    >>> state
    {'n': 1}
    """


@example("connection.prefetch", MUST, rules="CONN-58", since=CURRENT)
def prefetch() -> None:
    """`connection.prefetch(...)` says what the program is going to use: objects, oids, and
    iterables of both. A storage may bring it nearer. It is a hint: whatever comes of it, the
    program sees what it would have seen without it.

    >>> root = connection.root()
    >>> things = root["things"] = [Thing() for _ in range(5)]
    >>> for n, thing in enumerate(things):
    ...     thing.n = n
    >>> tm.commit()
    >>> connection.cacheMinimize()
    >>> other = opened(db)
    >>> other.root()["things"][0].n = "changed"
    >>> things[1].n = "changed here"
    >>> connection.prefetch(things[0])
    >>> other.transaction_manager.commit()
    >>> connection.prefetch(z64, (thing for thing in things), [things[2]._p_oid], root)
    >>> [thing.n for thing in things]
    [0, 'changed here', 2, 3, 4]
    >>> tm.abort()
    >>> [thing.n for thing in things]
    ['changed', 1, 2, 3, 4]
    """


@example("connection.opened-says-when", SHOULD, rules="CONN-2 CONN-10", since=CURRENT)
def opened_says_when() -> None:
    """`connection.opened` is true while the connection is open: it is the time when it was opened,
    in seconds since the epoch. While it is closed, it is false.

    >>> import time
    >>> before = time.time()
    >>> other = opened(db)
    >>> before - 1 <= other.opened <= time.time() + 1
    True
    >>> other.close()
    >>> bool(other.opened)
    False
    """
