"""The layer above: what whoever stands above a storage owes to it.

That is a database, as a rule, and a wrapper that changes records on their way sometimes. These
clauses bind the layer. They are in this part since they speak of the calls between the two, which a
program that uses a database never sees.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, SHOULD, example


@example(
    "storage.layer-registers-first",
    MUST,
    rules="STOR-33",
    binds="connection",
    needs="connection-function",
    without="instances",
)
def layer_registers_first() -> None:
    """A layer registers itself with the storage, by `registerDB`, before it makes any use of it. It
    has what a storage may ask of it: to note changes, to make of a record what is to be stored, and
    the other way round.

    >>> calls = []
    >>> def noting(name):
    ...     def note(method, *arguments, **options):
    ...         calls.append((name, arguments))
    ...         return method(*arguments, **options)
    ...     return replaced(storage, name, note)
    >>> with noting("registerDB"), noting("loadBefore"), noting("tpc_begin"):
    ...     db = in_thread(lambda: connect(storage).db())
    >>> calls[0][0], {"loadBefore", "tpc_begin"} & {name for name, arguments in calls} != set()
    ('registerDB', True)
    >>> (above,) = calls[0][1]
    >>> offers(above, '''
    ...     invalidate(z64, [])
    ...     invalidateCache()
    ...     transform_record_data(b"")
    ...     untransform_record_data(b"")
    ... ''')
    """


@example(
    "storage.layer-reads-records",
    MUST,
    rules="STOR-33",
    binds="connection",
    needs="connection-function",
    without="instances",
)
def layer_reads_records() -> None:
    """`references` of the layer gives the oids that a record refers to strongly, in a list: the one
    that it is given, or a new one. `untransform_record_data` takes back what
    `transform_record_data` has done.

    >>> layers = []
    >>> with replaced(storage, "registerDB", lambda method, above: layers.append(above)):
    ...     db = in_thread(lambda: connect(storage).db())
    >>> one, two, three = (storage.new_oid() for n in range(3))
    >>> data = content("record", one, two, weak=(three,))
    >>> found = []
    >>> references = [layers[0].references(data), layers[0].references(data, found), found]
    >>> [sorted(oids) == sorted([one, two]) for oids in references]
    [True, True, True]
    >>> layers[0].untransform_record_data(layers[0].transform_record_data(data)) == data
    True
    """


@example(
    "storage.layer-heeds-announcements",
    MUST,
    rules="STOR-33 STOR-34 ISO-33",
    binds="connection",
    needs="connection-function",
    without="instances",
)
def layer_heeds_announcements() -> None:
    """What the storage announces by `invalidate` of the layer is read again by each connection at
    its next boundary, and not before.

    >>> layers, seen = [], []
    >>> with replaced(storage, "registerDB", lambda method, above: layers.append(above)):
    ...     db = in_thread(lambda: connect(storage).db())
    >>> connection = opened(db)
    >>> thing = connection.root()["thing"] = PersistentMapping({"value": "old"})
    >>> connection.transaction_manager.commit()
    >>> seen.append(thing["value"])
    >>> tid = commit(storage, (thing._p_oid, tid_of(thing), content("new")))
    >>> layers[0].invalidate(tid, [thing._p_oid])
    >>> seen.append(thing["value"])
    >>> connection.sync()
    >>> [*seen, thing["value"]], tid_of(thing) == tid
    (['old', 'old', 'new'], True)
    """


@example(
    "storage.layer-takes-any-oids",
    SHOULD,
    rules="STOR-33 STOR-34",
    binds="connection",
    needs="connection-function",
    without="instances",
)
def layer_takes_any_oids() -> None:
    """The oids that `invalidate` of the layer is told are anything that can be gone through, once
    perhaps; all connections hear of all of them. The interface does not say that it may be once, as
    it does where it means that, so a storage had better give a collection.

    >>> layers, seen = [], []
    >>> with replaced(storage, "registerDB", lambda method, above: layers.append(above)):
    ...     db = in_thread(lambda: connect(storage).db())
    >>> connections = [opened(db) for n in range(2)]
    >>> things = [PersistentMapping({"value": "old"}) for n in range(2)]
    >>> connections[0].root().update(enumerate(things))
    >>> connections[0].transaction_manager.commit()
    >>> connections[1].sync()
    >>> found = [connection.root()[n] for connection in connections for n in range(2)]
    >>> seen = [thing["value"] for thing in found]
    >>> tid = commit(storage, *((thing._p_oid, tid_of(thing), content("new")) for thing in things))
    >>> layers[0].invalidate(tid, (thing._p_oid for thing in things))
    >>> for connection in connections:
    ...     connection.sync()
    >>> seen, [thing["value"] for thing in found]
    (['old', 'old', 'old', 'old'], ['new', 'new', 'new', 'new'])
    """


@example(
    "storage.layer-forgets-everything",
    MUST,
    rules="STOR-33 STOR-34",
    binds="connection",
    needs="connection-function",
    without="instances",
)
def layer_forgets_everything() -> None:
    """After `invalidateCache` of the layer every connection reads all objects again from its next
    boundary on, be they named anywhere or not.

    >>> layers, seen = [], []
    >>> with replaced(storage, "registerDB", lambda method, above: layers.append(above)):
    ...     db = in_thread(lambda: connect(storage).db())
    >>> connection = opened(db)
    >>> things = [PersistentMapping({"value": "old"}) for n in range(2)]
    >>> connection.root().update(enumerate(things))
    >>> connection.transaction_manager.commit()
    >>> seen += [thing["value"] for thing in things]
    >>> tid = commit(storage, *((thing._p_oid, tid_of(thing), content("new")) for thing in things))
    >>> layers[0].invalidateCache()
    >>> seen += [thing["value"] for thing in things]
    >>> connection.sync()
    >>> seen + [thing["value"] for thing in things]
    ['old', 'old', 'old', 'old', 'new', 'new']
    """


@example(
    "storage.layer-of-another-client",
    MUST,
    rules="STOR-33 STOR-34 ISO-33",
    binds="connection",
    needs="connection-function several-clients",
)
def layer_of_another_client() -> None:
    """What is committed in a database that stands over one client is seen by the connections of
    another one over another client, at a boundary after that client has heard of it.

    >>> one, other = in_thread(lambda: connect(storage).db()), client_of(storage)
    >>> mine = opened(one)
    >>> thing = mine.root()["thing"] = PersistentMapping({"value": 0})
    >>> mine.transaction_manager.commit()
    >>> other = caught_up(other, tid_of(thing))
    >>> two = in_thread(lambda: connect(other).db())
    >>> theirs, seen = opened(two).root()["thing"], []
    >>> for n in 1, 2, 3:
    ...     thing["value"] = n
    ...     mine.transaction_manager.commit()
    ...     other = caught_up(other, tid_of(thing))
    ...     seen.append(theirs["value"])
    ...     theirs._p_jar.sync()
    >>> [*seen, theirs["value"]], tid_of(theirs) == tid_of(thing)
    ([0, 1, 2, 3], True)
    """


@example(
    "storage.layer-forgets-what-is-not-told",
    MUST,
    rules="ISO-35",
    binds="connection",
    needs="connection-function instances",
)
def layer_forgets_what_is_not_told() -> None:
    """Where an instance answers None when it is asked what has changed, that means anything may
    have: the connection reads all objects again.

    >>> db = in_thread(lambda: connect(storage).db())
    >>> reader, writer = opened(db), opened(db)
    >>> things = [PersistentMapping({"value": "old"}) for n in range(2)]
    >>> writer.root().update(enumerate(things))
    >>> writer.transaction_manager.commit()
    >>> reader.sync()
    >>> found = [reader.root()[n] for n in range(2)]
    >>> seen = [thing["value"] for thing in found]
    >>> for thing in things:
    ...     thing["value"] = "new"
    >>> writer.transaction_manager.commit()
    >>> def not_known(method, *instance):
    ...     told = method(*instance)
    >>> with replaced(storage, "poll_invalidations", not_known):
    ...     reader.sync()
    ...     seen += [thing["value"] for thing in found]
    >>> seen
    ['old', 'old', 'new', 'new']
    """


@example(
    "storage.layer-tells-the-end",
    MUST,
    rules="STOR-37",
    binds="connection",
    needs="connection-function instances",
)
def layer_tells_the_end() -> None:
    """An instance that has `afterCompletion` is told by it when a transaction of its connection is
    over, however it has ended and whether it has stored anything or not, and when the connection is
    closed.

    >>> db, ends, kind = in_thread(lambda: connect(storage).db()), [], type(storage)
    >>> original = getattr(kind, "afterCompletion", lambda instance: None)
    >>> def complete(instance):
    ...     ends.append("over")
    ...     return original(instance)
    >>> def is_told(call):
    ...     del ends[:]
    ...     result = call()
    ...     return bool(ends)
    >>> with patch.object(kind, "afterCompletion", complete, create=True):
    ...     connection = opened(db)
    ...     manager, root = connection.transaction_manager, connection.root()
    ...     root["changed"] = 1
    ...     told = [is_told(manager.commit)]
    ...     told.append(is_told(lambda: len(root) and manager.commit()))
    ...     root["changed"] = 2
    ...     told.append(is_told(manager.abort))
    ...     told.append(is_told(connection.close))
    >>> told
    [True, True, True, True]
    """
