"""Loading: what happens where the state of an object cannot be made from its record.

Code changes and records stay: a class may refuse a state that an older version of it wrote. Such
an error concerns one object. The program learns which and why, everything else goes on working,
and when the class has been mended the object loads.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, example
from zodb_spec.editions import CURRENT, Edition


@example(
    "loading.error-becomes-state-load-error",
    MUST,
    rules="LIFE-37",
    error="StateLoadError",
    since=CURRENT,
)
def error_becomes_state_load_error() -> None:
    """Where `__setstate__` raises an error while a ghost is loaded, the access fails with a
    `StateLoadError` whose cause is the original error. So an `AttributeError` of a `__setstate__`
    is never taken for a missing attribute.

    >>> connection.root()["thing"] = Stubborn()
    >>> tm.commit()
    >>> ghost = opened(db).root()["thing"]
    >>> refusal = AttributeError("not today")
    >>> cause = None
    >>> with patch.object(Stubborn, "refusal", refusal):
    ...     with raises("StateLoadError"):
    ...         try:
    ...             hasattr(ghost, "a")
    ...         except Exception as error:
    ...             cause = error.__cause__
    ...             raise
    >>> cause is refusal
    True
    """


@example("loading.error-surfaces", MUST, rules="LIFE-37", until=Edition.C)
def error_surfaces() -> None:
    """Where `__setstate__` raises an error while a ghost is loaded, the access fails with that very
    error. So it does where the error is a transient one, which asks for another try.

    >>> connection.root()["thing"] = Stubborn()
    >>> tm.commit()
    >>> ghost = opened(db).root()["thing"]
    >>> refusals = [ValueError("not today"), transaction.interfaces.TransientError("try again")]
    >>> seen = []
    >>> for refusal in refusals:
    ...     with patch.object(Stubborn, "refusal", refusal):
    ...         try:
    ...             ghost.a
    ...         except Exception as error:
    ...             seen.append(error)
    >>> [one is other for one, other in zip(refusals, seen, strict=True)]
    [True, True]
    """


@example(
    "loading.unpickling-error-becomes-state-load-error",
    MUST,
    rules="LIFE-37",
    error="StateLoadError",
    since=CURRENT,
    needs="raw-records",
)
def unpickling_error_becomes_state_load_error() -> None:
    """Where the state of a record cannot be unpickled, the access fails with a `StateLoadError`
    too.

    >>> oid = db.storage.new_oid()
    >>> tid = store(db, oid, record(Thing, {"a": 1})[:-2])
    >>> ghost = opened(db).get(oid)
    >>> with raises("StateLoadError"):
    ...     ghost.a
    """


@example("loading.conflict-passes-unchanged", MUST, rules="LIFE-37", since=CURRENT)
def conflict_passes_unchanged() -> None:
    r"""Two kinds of errors reach the program unchanged when they are raised while a state is
    made: transient ones, conflicts above all, since they ask for another try and must not look
    like damage; and errors of the database itself, which say what is missing.

    >>> connection.root()["thing"] = Stubborn()
    >>> tm.commit()
    >>> ghost = opened(db).root()["thing"]
    >>> refusals, seen = [transaction.interfaces.TransientError("try again")], []
    >>> try:
    ...     connection.get(bytes(7) + b"\xff")
    ... except KeyError as error:
    ...     refusals.append(error)
    >>> for refusal in refusals:
    ...     with patch.object(Stubborn, "refusal", refusal):
    ...         try:
    ...             ghost.a
    ...         except Exception as error:
    ...             seen.append(error)
    >>> [one is other for one, other in zip(refusals, seen, strict=True)]
    [True, True]
    """


@example("loading.failed-ghost-stays-a-ghost", MUST, rules="SER-24", since=CURRENT)
def failed_ghost_stays_a_ghost() -> None:
    """After a load that failed the object is a ghost as before, and not changed: other objects
    can be used, the transaction can commit, and the next access tries again.

    >>> connection.root()["thing"] = Stubborn()
    >>> connection.root()["thing"].a = 1
    >>> tm.commit()
    >>> other = opened(db)
    >>> ghost = other.root()["thing"]
    >>> with patch.object(Stubborn, "refusal", ValueError("not today")):
    ...     with raises("StateLoadError"):
    ...         ghost.a
    >>> ghost._p_changed is None
    True
    >>> other.root()["b"] = 1
    >>> other.transaction_manager.commit()
    >>> ghost.a
    1
    """
