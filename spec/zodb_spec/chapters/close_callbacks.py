"""Callbacks: what is called when a connection is closed.

Frameworks tie things to a connection that have to end with it: a session, a lock, a cache of their
own. They register a function, which `close` calls. The connection goes to the pool after that, and
to somebody else.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, example
from zodb_spec.editions import Edition


@example("connection.close-callbacks", MUST, rules="CONN-15")
def close_callbacks() -> None:
    """`connection.onCloseCallback(function)` has a function called by `close`, without arguments.
    There may be several; one that was registered twice is called twice.

    >>> calls = []
    >>> connection.onCloseCallback(lambda: calls.append("one"))
    >>> for _ in range(2):
    ...     connection.onCloseCallback(lambda: calls.append("two"))
    >>> calls
    []
    >>> connection.close()
    >>> sorted(calls)
    ['one', 'two', 'two']
    """


@example("connection.close-callbacks-before-closing", MUST, rules="CONN-15")
def close_callbacks_before_closing() -> None:
    """The functions are called before the connection is closed: they can use it to look at the
    database for the last time.

    >>> connection.root()["a"] = 1
    >>> tm.commit()
    >>> seen = []
    >>> def look():
    ...     seen.append((bool(connection.isReadOnly()), connection.root()["a"]))
    >>> connection.onCloseCallback(look)
    >>> connection.close()
    >>> seen
    [(False, 1)]
    """


@example("connection.close-callbacks-once", MUST, rules="CONN-15")
def close_callbacks_once() -> None:
    """A registration lasts for one closing. Whoever opens the connection next has nothing to do
    with it.

    >>> calls = []
    >>> connection.onCloseCallback(lambda: calls.append("called"))
    >>> connection.close()
    >>> connection.close()
    >>> again = db.open(transaction_manager=tm)
    >>> again.close()
    >>> calls
    ['called']
    """


@example(
    "connection.close-callbacks-wait", MUST, rules="CONN-15 CONN-13", error="ConnectionStateError"
)
def close_callbacks_wait() -> None:
    """Where `close` is refused because of changes, no function is called. They are called when the
    connection is closed.

    >>> calls = []
    >>> connection.onCloseCallback(lambda: calls.append("called"))
    >>> connection.root()["a"] = 1
    >>> with raises("ConnectionStateError"):
    ...     connection.close()
    >>> calls
    []
    >>> tm.commit()
    >>> connection.close()
    >>> calls
    ['called']
    """


@example(
    "connection.close-callbacks-of-the-group",
    MUST,
    rules="CONN-15 XREF-9",
    since=Edition.B,
    needs="several-databases",
)
def close_callbacks_of_the_group() -> None:
    """Where a group is closed, the functions of all of its connections are called.

    >>> calls = []
    >>> second = open_db(databases=db.databases, database_name="second")
    >>> member = connection.get_connection("second")
    >>> member.onCloseCallback(lambda: calls.append("second"))
    >>> connection.onCloseCallback(lambda: calls.append("first"))
    >>> connection.close()
    >>> sorted(calls)
    ['first', 'second']
    """


@example("connection.failing-callback-is-logged", MUST, rules="CONN-16")
def failing_callback_is_logged() -> None:
    """An error of a function that is called by `close` is logged. It is not raised: who closes the
    connection can't mend it.

    >>> def told(closing):
    ...     with logged("WARNING") as messages:
    ...         closing.close()
    ...     return len(messages)
    >>> other = opened(db)
    >>> connection.onCloseCallback(fail)
    >>> told(connection) > told(other)
    True
    """


@example(
    "connection.failing-callback-hinders-nothing",
    MUST,
    rules="CONN-16",
    error="ConnectionStateError",
)
def failing_callback_hinders_nothing() -> None:
    """Where a function that is called by `close` fails, or can't be called at all, the others are
    called nevertheless, and the connection is closed, and can be opened again. What can't be called
    may be refused when it is registered.

    >>> calls = []
    >>> connection.onCloseCallback(lambda: calls.append("before"))
    >>> connection.onCloseCallback(fail)
    >>> with allowing("TypeError", "ValueError", "AssertionError", "POSError"):
    ...     connection.onCloseCallback("no function")
    >>> connection.onCloseCallback(lambda: calls.append("behind"))
    >>> connection.close()
    >>> sorted(calls)
    ['before', 'behind']
    >>> with raises("ConnectionStateError"):
    ...     connection.root()
    >>> dict(opened(db).root())
    {}
    """


@example(
    "connection.callback-with-changes", MUST, rules="CONN-13 CONN-15", error="ConnectionStateError"
)
def callback_with_changes() -> None:
    """A function that is called by `close` may try to change an object. A connection with changes
    does not go to the pool all the same: the change is refused, or the closing is. Otherwise the
    next user of the connection would see what nobody has committed, and lose what he commits.

    >>> connection.onCloseCallback(lambda: connection.root().update(a=1))
    >>> with allowing("ConnectionStateError"):
    ...     connection.close()
    >>> other = opened(db)
    >>> "a" in other.root()
    False
    >>> other.root()["b"] = 1
    >>> other.transaction_manager.commit()
    >>> opened(db).root()["b"]
    1
    """
