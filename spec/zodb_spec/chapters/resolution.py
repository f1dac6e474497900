"""Conflict resolution: merging two changes of one object instead of refusing the second.

A class can offer a method `_p_resolveConflict`. A storage that supports it, on finding that an
object which is being stored has changed since it was read, calls that method with three states
and stores what it returns. The method runs wherever the storage is, maybe in another process, and
without a connection: it sees states and references, and no objects.
"""

from __future__ import annotations

from zodb_spec.clause import MAY, MUST, example, text
from zodb_spec.editions import Edition


@example(
    "resolution.three-states",
    MUST,
    rules="ISO-22 LIFE-17",
    binds="storage",
    needs="conflict-resolution",
)
def three_states() -> None:
    """On a write conflict the storage calls `_p_resolveConflict(old, committed, new)` of the
    object's class, where it has that method. The arguments are states as `__getstate__` gave
    them: the one that both sides read, the one that is committed now, and the one that is being
    stored. The instance that the method is called on is new and has no state. What the method
    returns is stored as the state; the connection that committed makes a ghost of the object, and
    reads it back at the next access.

    >>> asked = connection.root()["asked"] = Asked()
    >>> asked.questions = ["old['a']", "committed['a']", "new['a']", "vars(self)"]
    >>> asked.a = 1
    >>> tm.commit()
    >>> other = opened(db)
    >>> same = other.root()["asked"]
    >>> same.a = 3
    >>> asked.a = 2
    >>> tm.commit()
    >>> other.transaction_manager.commit()
    >>> same._p_changed is None
    True
    >>> same.answers
    ['1', '2', '3', '{}']
    >>> tm.abort()
    >>> asked.answers
    ['1', '2', '3', '{}']
    """


@example(
    "resolution.new-instance-with-arguments",
    MUST,
    rules="ISO-22 LIFE-40",
    binds="storage",
    needs="conflict-resolution",
)
def new_instance_with_arguments() -> None:
    """The instance on which a resolver is called is made as a load would make it: by `__new__`,
    with the arguments that the record has.

    >>> named = connection.root()["named"] = AskedByName("Jim")
    >>> named.questions = ["vars(self)"]
    >>> tm.commit()
    >>> other = opened(db)
    >>> same = other.root()["named"]
    >>> same.a = 1
    >>> named.b = 2
    >>> tm.commit()
    >>> other.transaction_manager.commit()
    >>> same.answers
    ["{'name': 'Jim'}"]
    """


@example(
    "resolution.references-are-opaque",
    MUST,
    rules="ISO-23",
    binds="storage",
    since=Edition.C,
    needs="conflict-resolution",
)
def references_are_opaque() -> None:
    """In the states that a resolver gets, persistent objects are replaced by references: values
    of a class `PersistentReference`, with the attributes `oid`, `database_name` (None where it is
    the object's own database) and `weak`, and maybe `klass`. A resolver can move them about; what
    it returns refers to the same objects.

    >>> asked = connection.root()["asked"] = Asked()
    >>> one = asked.one = Thing()
    >>> asked.weak = WeakRef(one)
    >>> asked.questions = ["new['one'].oid", "new['one'].database_name", "new['one'].weak"]
    >>> asked.questions += ["new['weak'].oid", "new['weak'].weak", "type(new['one']).__name__"]
    >>> tm.commit()
    >>> other = opened(db)
    >>> same = other.root()["asked"]
    >>> same.a = 3
    >>> asked.a = 2
    >>> tm.commit()
    >>> other.transaction_manager.commit()
    >>> same.answers[0] == same.answers[3] == repr(one._p_oid)
    True
    >>> same.answers[1:3], same.answers[4:]
    (['None', 'False'], ['True', "'PersistentReference'"])
    >>> same.one is same.weak() is other.get(one._p_oid)
    True
    """


@example(
    "resolution.references-compare-or-fail",
    MUST,
    rules="ISO-23",
    binds="storage",
    error="ValueError",
    since=Edition.C,
    needs="conflict-resolution",
)
def references_compare_or_fail() -> None:
    """Two references are equal where oid and database are the same. Whether references to
    different objects are equal, or which comes first, only their classes know: such a comparison
    fails, so that a resolver which depends on it does not merge by accident. A weak reference
    equals nothing but itself.

    >>> asked = connection.root()["asked"] = Asked()
    >>> asked.one, asked.two = Thing(), Thing()
    >>> asked.weak = WeakRef(asked.one)
    >>> asked.questions = ["old['one'] == new['one']", "old['one'] != new['one']"]
    >>> asked.questions += ["new['one'] == new['two']", "new['one'] != new['two']"]
    >>> asked.questions += ["new['one'] < new['two']", "new['two'] >= new['one']"]
    >>> asked.questions += ["new['weak'] == new['weak']", "new['weak'] == new['one']"]
    >>> tm.commit()
    >>> other = opened(db)
    >>> same = other.root()["asked"]
    >>> same.a = 3
    >>> asked.a = 2
    >>> tm.commit()
    >>> other.transaction_manager.commit()
    >>> same.answers[:2]
    ['True', 'False']
    >>> same.answers[2:6]
    ['ValueError', 'ValueError', 'ValueError', 'ValueError']
    >>> same.answers[6:]
    ['True', 'ValueError']
    """


@example(
    "resolution.failure-is-a-conflict",
    MUST,
    rules="ISO-24",
    binds="storage",
    error="ConflictError",
    needs="conflict-resolution",
)
def failure_is_a_conflict() -> None:
    """Where a resolver fails, by whatever error, the program gets a conflict error, which it can
    mend by trying again. The error itself is for the log.

    >>> thing = connection.root()["thing"] = Quarrelsome()
    >>> tm.commit()
    >>> other = opened(db)
    >>> same = other.root()["thing"]
    >>> same.a = 3
    >>> thing.a = 2
    >>> tm.commit()
    >>> with raises("ConflictError"):
    ...     other.transaction_manager.commit()
    >>> other.transaction_manager.abort()
    >>> same.a
    2
    """


@example(
    "resolution.missing-revision-is-a-conflict",
    MUST,
    rules="ISO-24",
    binds="storage",
    error="ConflictError",
    needs="conflict-resolution raw-records",
)
def missing_revision_is_a_conflict() -> None:
    """Where the revision from which a change was made is not there (any more), a resolver has
    nothing to compare with, and the conflict stays a conflict.

    >>> counter = connection.root()["counter"] = Counter()
    >>> tm.commit()
    >>> counter.n += 1
    >>> tm.commit()
    >>> counter._p_activate()
    >>> never = (int.from_bytes(counter._p_serial, "big") - 1).to_bytes(8, "big")
    >>> with raises("ConflictError"):
    ...     store(db, counter._p_oid, record(Counter, {"n": 5}), never)
    >>> opened(db).root()["counter"].n
    1
    """


@example(
    "resolution.missing-value-class-is-a-conflict",
    MUST,
    rules="ISO-24",
    binds="storage",
    error="ConflictError",
    needs="conflict-resolution",
)
def missing_value_class_is_a_conflict() -> None:
    """A resolver gets states, and a state that holds a value of a class which cannot be imported
    cannot be given to it. Then the conflict stays a conflict.

    >>> counter = connection.root()["counter"] = Counter()
    >>> with lent_class("Value", object) as Value:
    ...     counter.value = Value()
    ...     tm.commit()
    >>> other, third = opened(db), opened(db)
    >>> for one in other, third:
    ...     one.root()["counter"].value = None
    >>> other.transaction_manager.commit()
    >>> with raises("ConflictError"):
    ...     third.transaction_manager.commit()
    """


@example(
    "resolution.referenced-classes-are-not-needed",
    MUST,
    rules="SER-18",
    binds="storage",
    needs="conflict-resolution raw-records",
)
def referenced_classes_are_not_needed() -> None:
    """Resolving a conflict reads and writes records without importing the classes that references
    name: the classes of other objects may exist only where the program runs. The references come
    out as they went in, or with the name of the class in place of the class.

    >>> counter = connection.root()["counter"] = Counter()
    >>> with lent_class("Elsewhere") as Elsewhere:
    ...     elsewhere = counter.elsewhere = Elsewhere()
    ...     elsewhere.a = 1
    ...     tm.commit()
    ...     data = record(Counter, {"n": 1, "elsewhere": ("ref", (elsewhere._p_oid, Elsewhere))})
    >>> serial = counter._p_serial
    >>> tids = [store(db, counter._p_oid, data, serial), store(db, counter._p_oid, data, serial)]
    >>> with lent_class("Elsewhere") as Elsewhere:
    ...     same = opened(db).root()["counter"]
    ...     seen = same.n, same.elsewhere.a, type(same.elsewhere) is Elsewhere
    >>> seen
    (2, 1, True)
    """


@text("resolution.may-remember-classes", MAY, rules="ISO-26", binds="storage")
def may_remember_classes() -> None:
    """A storage may remember, for as long as the process lives, that a class has no resolver. A
    class that gains one later is then not noticed before a restart.
    """
