"""The end of a database: what becomes of connections, transactions and names.

To close a database ends all that goes on in it. Once it held for the connections alone that they
had nothing to stand on any more: up to the edition of 2006-08-16 they stayed open, over a storage
that was closed.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, SHOULD, example
from zodb_spec.editions import CURRENT, Edition


@example(
    "database.closing-ends-transactions",
    MUST,
    rules="CONN-52 LIFE-11",
    error="ConnectionStateError",
    since=CURRENT,
)
def closing_ends_transactions() -> None:
    """To close a database aborts what is under way in its connections, in all of them, and closes
    them. Nothing that was not committed is stored, what was new is nobody's, and whoever else was
    in one of the transactions is told of the abort.

    >>> calls, other = [], opened(db)
    >>> thing, another = Thing(), Thing()
    >>> connection.add(thing)
    >>> other.add(another)
    >>> tm.get().join(Participant("third", calls))
    >>> db.close()
    >>> calls
    ['abort third']
    >>> [each._p_jar for each in (thing, another)], [each._p_oid for each in (thing, another)]
    ([None, None], [None, None])
    >>> for each in connection, other:
    ...     with raises("ConnectionStateError"):
    ...         each.root()
    ...     with raises("ConnectionStateError"):
    ...         each.add(Thing())
    """


@example("database.closing-frees-managers", MUST, rules="CONN-52", since=CURRENT)
def closing_frees_managers() -> None:
    """The transaction managers of a database that was closed work on, without it: they have
    another transaction, in which nothing is left of it.

    >>> connection.root()["a"] = 1
    >>> aborted = tm.get()
    >>> db.close()
    >>> tm.get() is aborted
    False
    >>> calls = []
    >>> tm.get().join(Participant("other", calls))
    >>> tm.commit()
    >>> calls[-1]
    'tpc_finish other'
    """


@example(
    "database.closing-spares-nobody",
    MUST,
    rules="CONN-52 CONN-40",
    since=CURRENT,
    needs="historical",
)
def closing_spares_nobody() -> None:
    """Connections to the past are closed with the database like all others.

    >>> past = opened(db, at=tid_of(connection.root()))
    >>> past.root()["a"] = 1
    >>> db.close()
    >>> with raises("ConnectionStateError"):
    ...     past.root()
    """


@example("database.closes-its-storage", MUST, rules="CONN-52", since=CURRENT, needs="raw-records")
def closes_its_storage() -> None:
    """The storage is closed last, when no connection needs it any more, and once.

    >>> calls = []
    >>> tm.get().join(Participant("other", calls))
    >>> connection.root()["a"] = 1
    >>> close = db.storage.close
    >>> def noted():
    ...     calls.append("closed")
    ...     close()
    >>> with patch.object(db.storage, "close", noted):
    ...     db.close()
    ...     db.close()
    >>> calls
    ['abort other', 'closed']
    """


@example("database.closed-twice", MUST, rules="CONN-52", since=CURRENT)
def closed_twice() -> None:
    """To close a database that is closed does nothing: what its connections' transaction managers
    are doing by then is no concern of it.

    >>> calls = []
    >>> db.close()
    >>> tm.get().join(Participant("other", calls))
    >>> db.close()
    >>> calls
    []
    """


@example("database.closed-opens-nothing", MUST, rules="CONN-54", error="Exception", since=CURRENT)
def closed_opens_nothing() -> None:
    """A database that was closed opens no connections, neither by `open` nor for a block of code.
    The manager that it was given is left alone.

    >>> db.close()
    >>> manager = transaction.TransactionManager()
    >>> with raises("Exception"):
    ...     db.open(transaction_manager=manager)
    >>> manager.registeredSynchs()
    False
    >>> entered = False
    >>> with raises("Exception"):
    ...     with db.transaction():
    ...         entered = True
    >>> entered
    False
    """


@example("database.closed-says-so", SHOULD, rules="CONN-54", error="POSError", since=CURRENT)
def closed_says_so() -> None:
    """The error by which a closed database refuses to open a connection is one of the database's
    own: the person who gets it looks for what closed the database, and not for a fault in this
    library.

    >>> db.close()
    >>> with raises("POSError"):
    ...     db.open()
    """


@example("database.closing-leaves-connections", MUST, rules="CONN-52", until=Edition.C)
def closing_leaves_connections() -> None:
    """To close a database closes its storage and nothing else: connections stay open, what they
    have loaded can be read, and their transactions are still those of the program.

    >>> root = connection.root()
    >>> root["a"] = 1
    >>> tm.commit()
    >>> root["b"] = 2
    >>> txn = tm.get()
    >>> db.close()
    >>> root["a"], root["b"], tm.get() is txn
    (1, 2, True)
    >>> connection.root() is root
    True
    >>> tm.abort()
    >>> connection.close()
    """


@example("database.commit-after-closing", MUST, rules="CONN-52 TXN-3", until=Edition.C)
def commit_after_closing() -> None:
    """What a storage does that was closed is up to it: it may fail, or still work. Where it fails,
    a commit fails with it and stays failed until the transaction is aborted. A commit that returns
    has stored its changes, here as everywhere.

    >>> connection.root()["a"] = 1
    >>> db.close()
    >>> try:
    ...     tm.commit()
    ... except Exception:
    ...     with raises("TransactionFailedError"):
    ...         tm.commit()
    ...     tm.abort()
    ... else:
    ...     connection.cacheMinimize()
    ...     assert connection.root()["a"] == 1
    >>> connection.close()
    """


@example(
    "collection.closed-keeps-its-name",
    MUST,
    rules="CONN-54",
    error="ValueError",
    until=Edition.C,
    needs="several-databases",
)
def closed_keeps_its_name() -> None:
    """A database that was closed stays in its collection, and its name is taken, as long as the
    program leaves it there.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> second.close()
    >>> db.databases["second"] is second
    True
    >>> with raises("ValueError"):
    ...     open_db(databases=db.databases, database_name="second")
    >>> del db.databases["second"]
    >>> again = open_db(databases=db.databases, database_name="second")
    >>> connection.get_connection("second").db() is again
    True
    """


@example("database.closes-with-its-connection", MUST, rules="CONN-56", since=CURRENT)
def closes_with_its_connection() -> None:
    """Who needs one connection and nothing else can have a database that is closed when that
    connection is.

    >>> only = db.open_then_close_db_when_connection_closes()
    >>> only.root()["a"] = 1
    >>> transaction.commit()
    >>> only.close()
    >>> with raises("Exception"):
    ...     db.open()
    >>> with raises("ConnectionStateError"):
    ...     connection.root()
    """


@example(
    "database.connection-function",
    MUST,
    rules="CONN-56",
    since=CURRENT,
    needs="connection-function several-databases raw-records",
)
def connection_function() -> None:
    """This is how the function `connection` works that many implementations have. It takes what
    makes a database, and gives a connection to one that is made for it. In the example it is called
    `connect`.

    >>> storage = open_db().storage
    >>> only = connect(storage, database_name="only")
    >>> made, manager = only.db(), only.transaction_manager
    >>> made.database_name, made.storage is storage
    ('only', True)
    >>> only.root()["a"] = 1
    >>> manager.commit()
    >>> only.close()
    >>> with raises("ConnectionStateError"):
    ...     only.root()
    >>> with raises("Exception"):
    ...     made.open()
    """


@example(
    "database.closes-with-its-connection-refused", MUST, rules="CONN-56 CONN-13", since=CURRENT
)
def closes_with_its_connection_refused() -> None:
    """Where that connection can't be closed, since it has changes, the database stays open.

    >>> only = db.open_then_close_db_when_connection_closes()
    >>> only.root()["a"] = 1
    >>> with raises("ConnectionStateError"):
    ...     only.close()
    >>> transaction.commit()
    >>> opened(db).root()["a"]
    1
    >>> only.close()
    >>> with raises("Exception"):
    ...     db.open()
    """
