"""The interface of a connection: what programs call, and what they get.

A database opens connections; each works for one transaction manager and shows the program one
root, from which all else is reached. What happens to objects in the course of transactions is the
matter of other chapters; here stand the facts that need no history.
"""

from __future__ import annotations

from zodb_spec.clause import MAY, MUST, SHOULD, example, text
from zodb_spec.editions import CURRENT, Edition


@example("root.oid-is-zero", MUST, rules="LIFE-38")
def root_oid_is_zero() -> None:
    """The root object has the oid of eight zero bytes, and exists as soon as the database object
    has been made: a new database is never seen without it.

    >>> connection.root()._p_oid == z64
    True
    >>> connection.get(z64) is connection.root()
    True
    >>> connection.root()._p_activate()
    >>> connection.root()._p_serial > z64
    True
    """


@example("root.first-transaction", MUST, rules="LIFE-38", needs="iteration old-revisions")
def root_first_transaction() -> None:
    """The root is created in a transaction of its own, the first of the database, whose
    description is "initial database creation".

    >>> transactions = iter(db.storage.iterator())
    >>> first = next(transactions)
    >>> first.description
    b'initial database creation'
    >>> [record.oid == z64 for record in first]
    [True]
    >>> connection.root()._p_activate()
    >>> first.tid == connection.root()._p_serial
    True
    """


@example("root.is-a-mapping", MUST, rules="LIFE-39")
def root_is_a_mapping() -> None:
    """The call `connection.root()` gives the root object, which is a `PersistentMapping`, empty
    in a new database.

    >>> type(connection.root()) is PersistentMapping
    True
    >>> dict(connection.root())
    {}
    """


@example("root.attribute-shorthand", MUST, rules="CONN-7", error="AttributeError", since=CURRENT)
def root_attribute_shorthand() -> None:
    """`connection.root.name` is a shorthand for `connection.root()["name"]`, for reading, setting
    and deleting. A name that the root does not have is a missing attribute.

    >>> connection.root.a = 1
    >>> dict(connection.root())
    {'a': 1}
    >>> connection.root()["b"] = 2
    >>> connection.root.b
    2
    >>> del connection.root.a
    >>> dict(connection.root())
    {'b': 2}
    >>> with raises("AttributeError"):
    ...     connection.root.a
    >>> with raises("AttributeError"):
    ...     del connection.root.a
    """


@text("connection.opened-by-the-database", MUST, rules="CONN-1", binds="caller")
def opened_by_the_database() -> None:
    """A program gets its connections from the `open` method of a database, and never makes one by
    calling the class: what a connection needs to work, its database knows.
    """


@example("connection.default-transaction-manager", MUST, rules="CONN-2")
def default_transaction_manager() -> None:
    """`open` binds the connection that it returns to the transaction manager that it is given,
    or, where none is given, to the default manager of the calling thread. The manager's commits
    and aborts, and nobody else's, end the connection's transactions.

    >>> other = transaction.TransactionManager()
    >>> given, default = db.open(transaction_manager=other), db.open()
    >>> given.transaction_manager is other
    True
    >>> given.root()["given"] = Thing()
    >>> default.root()["default"] = Thing()
    >>> transaction.commit()
    >>> "default" in opened(db).root(), "given" in opened(db).root()
    (True, False)
    >>> other.abort()
    >>> given.root()["given"] = Thing()
    >>> other.commit()
    >>> "given" in opened(db).root()
    True
    """


@example("connection.knows-its-database", MUST, rules="CONN-8")
def knows_its_database() -> None:
    """`connection.db()` gives the database that opened the connection, also when the connection
    is closed.

    >>> connection.db() is db
    True
    >>> connection.close()
    >>> connection.db() is db
    True
    """


@example("connection.alone-in-its-group", MUST, rules="CONN-60")
def alone_in_its_group() -> None:
    """`connection.connections` maps names of databases to connections. Where there is one
    database it has one entry: the name of the database, and the connection itself.

    >>> list(connection.connections) == [db.database_name]
    True
    >>> connection.connections[db.database_name] is connection
    True
    """


@example("connection.closed-refuses-questions", MUST, rules="CONN-10", error="ConnectionStateError")
def closed_refuses_questions() -> None:
    """`connection.isReadOnly()` says whether the connection takes no changes. A closed connection
    has no storage to ask.

    >>> bool(connection.isReadOnly())
    False
    >>> connection.close()
    >>> with raises("ConnectionStateError"):
    ...     connection.isReadOnly()
    """


@example("connection.missing-object-is-a-key-error", MUST, rules="LIFE-33", error="KeyError")
def missing_object_is_a_key_error() -> None:
    """The error of a `get` for an oid that no object has is a `KeyError` too, as where any other
    mapping lacks a key.

    >>> with raises("KeyError"):
    ...     connection.get(b"no such!")
    """


@example(
    "connection.newer-object-is-a-conflict",
    SHOULD,
    rules="LIFE-34",
    error="ConflictError",
    since=CURRENT,
)
def newer_object_is_a_conflict() -> None:
    """`get` of an object that was created after the connection's snapshot fails with a conflict
    error: a program that tries again will find it, while a key error says that there is no such
    object.

    >>> other = opened(db)
    >>> thing = connection.root()["thing"] = Thing()
    >>> tm.commit()
    >>> with raises("ConflictError"):
    ...     other.get(thing._p_oid)
    >>> other.sync()
    >>> other.get(thing._p_oid)._p_oid == thing._p_oid
    True
    """


@example("connection.newer-object-is-delivered", MUST, rules="LIFE-34", until=Edition.C)
def newer_object_is_delivered() -> None:
    """`get` of an object that was created after the connection's snapshot gives the object, which
    can be read. Whatever else the connection shows, is as it was; and if the object changes before
    the transaction ends, it is either shown as it was read first, or not at all.

    >>> other = opened(db)
    >>> sorted(other.root())
    []
    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.n = 1
    >>> tm.commit()
    >>> newer = other.get(thing._p_oid)
    >>> newer.n, sorted(other.root())
    (1, [])
    >>> thing.n = 2
    >>> tm.commit()
    >>> newer._p_deactivate()
    >>> seen = 1
    >>> with allowing("ConflictError"):
    ...     seen = newer.n
    >>> seen
    1
    """


@example("connection.closed-loads-nothing", MUST, rules="CONN-10", error="ConnectionStateError")
def closed_loads_nothing() -> None:
    """A ghost is not loaded through a closed connection, which knows of no snapshot: it stays a
    ghost.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.a = 1
    >>> tm.commit()
    >>> thing._p_invalidate()
    >>> connection.close()
    >>> with raises("ConnectionStateError"):
    ...     thing.a
    >>> thing._p_changed is None
    True
    """


@example("connection.add-persistent-only", MUST, rules="LIFE-7", error="TypeError")
def add_persistent_only() -> None:
    """Only persistent objects can be added: for anything else `add` fails, and nothing is stored.

    >>> with raises("TypeError"):
    ...     connection.add(["not", "persistent"])
    >>> with raises("TypeError"):
    ...     connection.add(None)
    >>> tm.commit()
    """


@text("connection.identity-ends-with-the-last-reference", MAY, rules="LIFE-31")
def identity_ends_with_the_last_reference() -> None:
    """A connection may forget a ghost as soon as the program holds no reference to it, and may
    make a new object when the oid is asked for again: a program that compares objects by
    identity, or keeps data beside them, has to keep the objects themselves. Whether the new
    object differs from one that is gone, nobody can tell.
    """


@example("connection.registers-with-its-manager", MUST, rules="CONN-37")
def registers_with_its_manager() -> None:
    """A changed object is registered with the transaction manager of its connection, whatever the
    default manager of the thread is: a commit of the latter stores nothing.

    >>> connection.root()["a"] = 1
    >>> transaction.commit()
    >>> "a" in opened(db).root()
    False
    >>> tm.commit()
    >>> "a" in opened(db).root()
    True
    """


@example("connection.joins-once", MUST, rules="CONN-38")
def joins_once() -> None:
    """A connection joins a transaction at the first change that is registered with it, and only
    once, however many objects change. One that only reads does not join: the commit asks nothing
    of it.

    >>> root = connection.root()
    >>> root["one"], root["two"] = Thing(), Thing()
    >>> tm.commit()
    >>> txn = tm.begin()
    >>> with patch.object(txn, "join", wraps=txn.join) as join:
    ...     read = list(root), root["one"]._p_oid, hasattr(root["two"], "a")
    ...     joined = [join.call_count]
    ...     root["one"].a = root["two"].a = 1
    ...     root["three"] = Thing()
    ...     connection.add(root["three"])
    ...     joined.append(join.call_count)
    >>> joined
    [0, 1]
    """


@example("connection.explicit-manager", MUST, rules="CONN-46", error="NoTransaction", since=CURRENT)
def explicit_manager() -> None:
    """Under an explicit transaction manager nothing begins by itself: `open` does not start a
    transaction, and a change outside of one is refused.

    >>> explicit = transaction.TransactionManager(explicit=True)
    >>> other = db.open(transaction_manager=explicit)
    >>> with raises("NoTransaction"):
    ...     explicit.get()
    >>> txn = explicit.begin()
    >>> thing = other.root()["thing"] = Thing()
    >>> thing.a = 1
    >>> explicit.commit()
    >>> with raises("NoTransaction"):
    ...     other.add(Thing())
    >>> txn = explicit.begin()
    >>> thing.a
    1
    >>> thing.a = 3
    >>> explicit.commit()
    >>> opened(db).root()["thing"].a
    3
    >>> other.close()
    """


@example(
    "connection.explicit-read",
    MAY,
    rules="CONN-47",
    error="AssertionError TypeError ValueError POSError",
    since=CURRENT,
)
def explicit_read() -> None:
    """What a connection under an explicit manager shows outside of a transaction is undefined. It
    may refuse to read; one that was in a transaction before may go on showing the snapshot of
    that one, also where it has been in the pool since, and was somebody else's then.

    >>> connection.root()["a"] = 1
    >>> tm.commit()
    >>> explicit = transaction.TransactionManager(explicit=True)
    >>> other = db.open(transaction_manager=explicit)
    >>> seen = None
    >>> with allowing("AssertionError", "TypeError", "ValueError", "POSError"):
    ...     seen = other.root()["a"]
    >>> seen in (None, 1)
    True
    >>> txn = explicit.begin()
    >>> other.root()["a"]
    1
    >>> explicit.commit()
    >>> other.close()
    """


@example("connection.explicit-reopened", MUST, rules="CONN-20 CONN-46", since=CURRENT)
def explicit_reopened() -> None:
    """A connection from the pool that is opened under an explicit manager shows the newest state
    from the beginning of its first transaction on. Whatever was in its cache by then, from before
    it was closed or from reading too early, is not taken for current.

    >>> one, two = connection.root()["one"], connection.root()["two"] = Thing(), Thing()
    >>> one.n = two.n = 1
    >>> tm.commit()
    >>> other = opened(db)
    >>> [other.root()[name].n for name in ("one", "two")]
    [1, 1]
    >>> other.root()["two"]._p_deactivate()
    >>> other.close()
    >>> one.n = two.n = 2
    >>> tm.commit()
    >>> explicit = transaction.TransactionManager(explicit=True)
    >>> again = db.open(transaction_manager=explicit)
    >>> with allowing("AssertionError", "TypeError", "ValueError", "POSError"):
    ...     early = [again.root()[name].n for name in ("one", "two")]
    >>> txn = explicit.begin()
    >>> [again.root()[name].n for name in ("one", "two")]
    [2, 2]
    >>> explicit.abort()
    >>> again.close()
    """


@example(
    "connection.two-in-one-transaction",
    MUST,
    rules="CONN-51",
    error="POSError TransactionError TypeError ValueError",
    situations="two-connections-in-one-transaction",
)
def two_in_one_transaction() -> None:
    """Two connections of one database can be under one transaction manager, and both can have
    changes when it commits. Then either both sets of changes are stored, as one transaction, or the
    commit is refused with a clear error and neither is. It never waits: the storage serves one
    transaction after the other, and the second would wait for the first, in the same thread, for
    ever. Which of them comes first in the commit does not matter.

    >>> root = connection.root()
    >>> root["one"], root["two"] = Thing(), Thing()
    >>> root["one"].a = root["two"].a = stored = None
    >>> tm.commit()
    >>> other, outcomes = db.open(transaction_manager=tm), []
    >>> for key in "", "~":
    ...     def in_turn(method, *connections):
    ...         return method(other) if other in connections else key
    ...     with allowing("POSError", "TransactionError", "TypeError", "ValueError"):
    ...         with replaced(connection, "sortKey", in_turn):
    ...             root["one"].a = other.root()["two"].a = key
    ...             tm.commit()
    ...         stored = key
    ...     tm.abort()
    ...     seen = opened(db).root()
    ...     one, two = ((each.a, each._p_serial) for each in (seen["one"], seen["two"]))
    ...     outcomes.append(one == two and one[0] == stored)
    >>> outcomes
    [True, True]
    """
