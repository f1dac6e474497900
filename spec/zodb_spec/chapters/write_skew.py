"""Write skew, and how a program that minds it prevents it.

Connections work in *snapshot isolation*: each transaction sees one committed state, and of two
that change the same object only the first can commit. What remains possible is that two
transactions each read what the other changes. `readCurrent` closes that gap for the objects that
it is called with.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, example
from zodb_spec.editions import CURRENT


@example("isolation.write-skew-is-possible", MUST, rules="ISO-12", error="ConflictError")
def write_skew_is_possible() -> None:
    """The isolation level is snapshot isolation. Two transactions that read the same objects and
    change different ones both commit, although neither saw the other's change: this is write
    skew, and no implementation refuses it unasked. An update is never lost: of two transactions
    that change the same object the second fails.

    >>> root = connection.root()
    >>> root["one"], root["two"] = Thing(), Thing()
    >>> root["one"].n = root["two"].n = 1
    >>> tm.commit()
    >>> one, two = root["one"], root["two"]
    >>> other = opened(db)
    >>> his_one, his_two = other.root()["one"], other.root()["two"]
    >>> one.n, his_two.n = one.n - two.n, his_two.n - his_one.n
    >>> tm.commit()
    >>> other.transaction_manager.commit()
    >>> tm.abort()
    >>> one.n, two.n
    (0, 0)
    >>> other.transaction_manager.abort()
    >>> one.n, his_one.n = one.n + 1, his_one.n + 1
    >>> tm.commit()
    >>> with raises("ConflictError"):
    ...     other.transaction_manager.commit()
    """


@example(
    "isolation.conflict-by-the-vote", MUST, rules="ISO-9", binds="storage", error="ConflictError"
)
def conflict_by_the_vote() -> None:
    """That a change is in conflict with another is found out when it is stored or voted on, and
    not later: when the commit is refused, nobody in the transaction has finished.

    >>> connection.root()["thing"] = Thing()
    >>> tm.commit()
    >>> other = opened(db)
    >>> connection.root()["thing"].n = other.root()["thing"].n = 1
    >>> tm.commit()
    >>> calls = []
    >>> manager = other.transaction_manager
    >>> manager.get().join(Participant("!", calls))
    >>> manager.get().join(Participant("~", calls))
    >>> with raises("ConflictError"):
    ...     manager.commit()
    >>> [call for call in calls if call.startswith("tpc_finish")]
    []
    """


@example("isolation.no-torn-read", MUST, rules="ISO-12")
def no_torn_read() -> None:
    """A transaction sees all of another one or nothing: what one commit changed together is never
    seen in parts, even if the objects are loaded before and after that commit.

    >>> root = connection.root()
    >>> root["one"], root["two"] = Thing(), Thing()
    >>> root["one"].n = root["two"].n = 1
    >>> tm.commit()
    >>> other = opened(db)
    >>> seen = [other.root()["one"].n]
    >>> root["one"].n = root["two"].n = 2
    >>> tm.commit()
    >>> seen.append(other.root()["two"].n)
    >>> seen
    [1, 1]
    >>> other.sync()
    >>> other.root()["one"].n, other.root()["two"].n
    (2, 2)
    """


@example(
    "isolation.serializable-with-read-current",
    MUST,
    rules="ISO-13",
    error="ReadConflictError",
    since=CURRENT,
)
def serializable_with_read_current() -> None:
    """A transaction that calls `readCurrent` with every object that it read and that influences
    what it writes is serializable, within the connection's database: where one of these objects
    has changed meanwhile, the commit fails.

    >>> root = connection.root()
    >>> root["one"], root["two"] = Thing(), Thing()
    >>> root["one"].n = root["two"].n = 1
    >>> tm.commit()
    >>> one, two = root["one"], root["two"]
    >>> other = opened(db)
    >>> his_one, his_two = other.root()["one"], other.root()["two"]
    >>> one.n, his_two.n = one.n - two.n, his_two.n - his_one.n
    >>> connection.readCurrent(two)
    >>> other.readCurrent(his_one)
    >>> tm.commit()
    >>> with raises("ReadConflictError"):
    ...     other.transaction_manager.commit()
    >>> other.transaction_manager.abort()
    >>> his_one.n, his_two.n
    (0, 1)
    """


@example(
    "isolation.read-current-of-a-ghost",
    MUST,
    rules="CONN-33",
    error="AssertionError TypeError ValueError POSError",
    since=CURRENT,
)
def read_current_of_a_ghost() -> None:
    """Called with a ghost that was never loaded, `readCurrent` either loads it or refuses; it
    never accepts the call and then checks nothing.

    >>> root = connection.root()
    >>> root["read"], root["written"] = Thing(), Thing()
    >>> root["read"].n = 1
    >>> tm.commit()
    >>> other = opened(db)
    >>> ghost = other.get(root["read"]._p_oid)
    >>> other.root()["written"].n = 1
    >>> accepted = False
    >>> with allowing("AssertionError", "TypeError", "ValueError", "POSError"):
    ...     other.readCurrent(ghost)
    ...     accepted = True
    >>> root["read"].n = 2
    >>> tm.commit()
    >>> if accepted:
    ...     with raises("ReadConflictError"):
    ...         other.transaction_manager.commit()
    """


@example(
    "isolation.read-current-of-a-stranger",
    MUST,
    rules="CONN-34",
    error="AssertionError TypeError ValueError POSError",
    since=CURRENT,
)
def read_current_of_a_stranger() -> None:
    """`readCurrent` with an object that does not belong to the connection is a mistake of the
    program, and is refused.

    >>> connection.root()["thing"] = Thing()
    >>> tm.commit()
    >>> stranger = opened(db).root()["thing"]
    >>> stranger._p_activate()
    >>> with raises("AssertionError", "TypeError", "ValueError", "POSError"):
    ...     connection.readCurrent(stranger)
    >>> with raises("AssertionError", "TypeError", "ValueError", "POSError"):
    ...     connection.readCurrent(Thing())
    """


@example(
    "isolation.read-current-and-written",
    MUST,
    rules="CONN-36",
    since=CURRENT,
    needs="conflict-resolution",
)
def read_current_and_written() -> None:
    """An object that `readCurrent` was called with and that is changed as well is checked once,
    as a write: where a resolver can merge the changes, the commit succeeds.

    >>> counter = connection.root()["counter"] = Counter()
    >>> tm.commit()
    >>> other = opened(db)
    >>> same = other.root()["counter"]
    >>> same.n += 1
    >>> other.readCurrent(same)
    >>> counter.n += 1
    >>> tm.commit()
    >>> other.transaction_manager.commit()
    >>> same.n
    2
    """


@example("isolation.read-current-ends-at-the-boundary", MUST, rules="CONN-36", since=CURRENT)
def read_current_ends_at_the_boundary() -> None:
    """What was said by `readCurrent` holds for one transaction: at the next boundary, be it an
    abort, a begin or a commit, all of it is forgotten.

    >>> root = connection.root()
    >>> root["read"], root["written"] = Thing(), Thing()
    >>> root["read"].n = root["written"].n = 0
    >>> tm.commit()
    >>> other = opened(db)
    >>> manager = other.transaction_manager
    >>> for boundary in manager.abort, manager.begin, manager.commit:
    ...     other.root()["read"]._p_activate()
    ...     other.readCurrent(other.root()["read"])
    ...     ended = boundary()
    ...     other.root()["written"].n += 1
    ...     root["read"].n += 1
    ...     tm.commit()
    ...     manager.commit()
    >>> manager.abort()
    >>> other.root()["read"].n, other.root()["written"].n
    (3, 3)
    """
