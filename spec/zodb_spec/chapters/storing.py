"""Storing: what can be stored, and what may happen while it is.

A commit asks each object for its state and serializes it. That runs code of the program, which
can fail, and can even change other objects. Whatever it does, the transaction stays a whole: all
of its changes are stored, or none.
"""

from __future__ import annotations

from zodb_spec.clause import MAY, MUST, SHOULD, example, text
from zodb_spec.editions import CURRENT

UNPICKLABLE = "PicklingError TypeError AttributeError"


@example("storing.values-are-copied", MUST, rules="LIFE-23")
def values_are_copied() -> None:
    """A value that is not persistent is stored inside the record of each object that holds it.
    Two objects that held the same list have lists of their own when they are read again.
    Persistent objects inside such a value stay shared.

    >>> root = connection.root()
    >>> root["one"], root["two"] = Thing(), Thing()
    >>> root["one"].values = root["two"].values = [1, Thing()]
    >>> tm.commit()
    >>> seen = opened(db).root()
    >>> seen["one"].values is seen["two"].values
    False
    >>> seen["one"].values[1] is seen["two"].values[1]
    True
    """


@example("storing.pretenders-are-values", MUST, rules="SER-14")
def pretenders_are_values() -> None:
    """What makes an object persistent is its class: `Persistent`, or the meta class of persistent
    classes. Any other object is stored by value, even one that has the attribute `_p_oid`; a
    persistent weak reference is the one exception, and is stored as a reference.

    >>> root = connection.root()
    >>> root["one"], root["two"] = Thing(), Thing()
    >>> pretender = root["one"].value = root["two"].value = Holder(a=1)
    >>> pretender._p_oid, pretender._p_jar = root._p_oid, None
    >>> tm.commit()
    >>> seen = opened(db).root()
    >>> seen["one"].value.a, seen["two"].value.a, seen["one"].value is seen["two"].value
    (1, 1, False)
    """


@example("storing.pretending-classes-are-ordinary", SHOULD, rules="SER-14")
def pretending_classes_are_ordinary() -> None:
    """A class that is not persistent is stored by name, even one that has an attribute `_p_oid`,
    and its instances are stored by value.

    >>> pretender = Pretender()
    >>> pretender.a = 1
    >>> connection.root()["value"] = pretender
    >>> connection.root()["class"] = Pretender
    >>> tm.commit()
    >>> seen = opened(db).root()
    >>> seen["value"].a, seen["class"] is Pretender
    (1, True)
    """


@example("storing.local-classes-refused", MUST, rules="LIFE-45", error=UNPICKLABLE)
def local_classes_refused() -> None:
    """Classes and functions that are not persistent are stored by name. One that cannot be found
    by its name, because it was made inside a function, cannot be stored: the commit is refused
    before anything could be stored that nobody can load.

    >>> def local_class():
    ...     class Local(Persistent):
    ...         pass
    ...     return Local
    >>> for value in local_class()(), local_class(), lambda: 0:
    ...     connection.root()["thing"] = Thing()
    ...     connection.root()["thing"].value = value
    ...     with raises("PicklingError", "TypeError", "AttributeError"):
    ...         tm.commit()
    ...     tm.abort()
    >>> len(opened(db).root())
    0
    """


@example("storing.added-while-storing", MUST, rules="LIFE-47")
def added_while_storing() -> None:
    """An object that is added to the connection while another one is asked for its state is
    stored in the same commit.

    >>> late = Thing()
    >>> late.a = 1
    >>> connection.root()["busy"] = Busy()
    >>> connection.root()["busy"]._v_task = lambda: connection.add(late)
    >>> tm.commit()
    >>> busy = connection.root()["busy"]
    >>> late._p_activate(), busy._p_activate()
    (None, None)
    >>> late._p_serial == busy._p_serial > z64
    True
    >>> opened(db).get(late._p_oid).a
    1
    """


@example("storing.changed-while-storing", MUST, rules="LIFE-48")
def changed_while_storing() -> None:
    """An object may be changed, by the `__getstate__` of another one, when this commit has
    serialized it already. Such a change is either stored as well, or the commit is refused. It is
    not forgotten: memory and storage agree in the end.

    >>> root = connection.root()
    >>> one, two = root["one"], root["two"] = Busy(), Busy()
    >>> one.n = two.n = 1
    >>> tm.commit()
    >>> one._v_task = lambda: setattr(two, "n", 3)
    >>> two._v_task = lambda: setattr(one, "n", 3)
    >>> one.n = two.n = 2
    >>> try:
    ...     tm.commit()
    ... except Exception:
    ...     tm.abort()
    >>> seen = opened(db).root()
    >>> (one.n, two.n) == (seen["one"].n, seen["two"].n)
    True
    """


@example("storing.failure-leaves-no-trace", MUST, rules="SER-23 LIFE-11", error=UNPICKLABLE)
def failure_leaves_no_trace() -> None:
    """Where the state of an object cannot be made or pickled, the commit fails with that error
    and stores nothing. After the abort every object that was new belongs to nobody, the one that
    failed included: when it has been mended, it can be stored as if it had never been tried.

    >>> disowned = []
    >>> unpicklable = "PicklingError", "TypeError", "AttributeError"
    >>> for task, errors in (fail, ["Failure"]), (None, unpicklable):
    ...     thing = connection.root()["thing"] = Thing()
    ...     busy = thing.busy = Busy()
    ...     busy._v_task, busy.value = task, lambda: 0
    ...     with raises(*errors):
    ...         tm.commit()
    ...     tm.abort()
    ...     disowned += [one._p_jar is one._p_oid is None for one in (thing, busy)]
    >>> dict(opened(db).root()), dict(connection.root())
    ({}, {})
    >>> disowned
    [True, True, True, True]
    >>> busy.value = 2
    >>> connection.root()["busy"] = busy
    >>> tm.commit()
    >>> opened(db).root()["busy"].value
    2
    """


@text("storing.order-of-records", MAY, rules="SER-21")
def order_of_records() -> None:
    """The records of one transaction may be stored in any order. Nothing but the order in which
    `__getstate__` is called depends on it, and a program does not rely on that.
    """


@example("storing.new-arguments-when-stored", MUST, rules="SER-22", error=UNPICKLABLE)
def new_arguments_when_stored() -> None:
    """`__getnewargs__` is called when the object itself is stored, and what it returns must be
    picklable. It is not called where another object refers to it: a reference never loads its
    target.

    >>> root = connection.root()
    >>> ask = Named.__getnewargs__
    >>> with patch.object(Named, "__getnewargs__", autospec=True, side_effect=ask) as asked:
    ...     root["named"] = Named("Jim")
    ...     tm.commit()
    ...     times = [asked.call_count]
    ...     root["referrer"] = Thing()
    ...     root["referrer"].named = root["named"]
    ...     tm.commit()
    ...     times.append(asked.call_count)
    >>> times[0] >= 1, times[1] == times[0]
    (True, True)
    >>> with patch.object(Named, "__getnewargs__", lambda self: (lambda: 0,)):
    ...     root["other"] = Named("Joe")
    ...     with raises("PicklingError", "TypeError", "AttributeError"):
    ...         tm.commit()
    """


@example(
    "storing.large-records-warn",
    SHOULD,
    rules="SER-15",
    since=CURRENT,
    needs="several-databases large-record-warning",
)
def large_records_warn() -> None:
    """A record of `large_record_size` bytes or more, an option of the database that is 16 MiB
    where nothing is said, is stored with a warning (a `UserWarning`), and not refused: data of
    that size are better kept in blobs.

    >>> import warnings
    >>> other = opened(open_db(large_record_size=2000))
    >>> thing = other.root()["thing"] = Thing()
    >>> counts = []
    >>> for size in 100, 2000:
    ...     thing.data = bytes(size)
    ...     with warnings.catch_warnings(record=True) as caught:
    ...         warnings.simplefilter("always")
    ...         other.transaction_manager.commit()
    ...     counts.append(sum(issubclass(one.category, UserWarning) for one in caught))
    >>> counts
    [0, 1]
    >>> len(opened(other.db()).root()["thing"].data)
    2000
    """
