"""Persistence: what an object does by itself to become stored.

A persistent object knows whether it is up to date, changed, or a ghost, and tells its connection
before it changes. All of this is the work of the package `persistent`, on which every
implementation of the family builds; the clauses stand here because the rest of the specification
relies on them, and because an implementation can bring classes of its own that have to keep them.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, SHOULD, example, text
from zodb_spec.editions import Edition


@example("persistence.registers-before-it-changes", MUST, rules="LIFE-19", binds="dependency")
def registers_before_it_changes() -> None:
    """Setting or deleting an attribute of an owned object marks the object changed and registers
    it with its connection, and only then changes the attribute.

    The order matters where the registration is refused, here by a transaction that has failed
    already: the attribute keeps its value, so memory never holds a change that no transaction
    knows of. Attributes whose names start with ``_p_`` or ``_v_`` are not part of the state.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.a = 1
    >>> tm.commit()
    >>> thing.a = 2
    >>> thing._p_changed
    True
    >>> tm.abort()
    >>> thing.a
    1
    >>> tm.get().join(Participant("p", [], commit=fail))
    >>> with raises("Failure"):
    ...     tm.commit()
    >>> with raises("TransactionFailedError"):
    ...     thing.a = 3
    >>> with raises("TransactionFailedError"):
    ...     del thing.a
    >>> thing.a
    1
    """


@example("persistence.containers-register-first", SHOULD, rules="LIFE-20", binds="dependency")
def containers_register_first() -> None:
    """`PersistentMapping` and `PersistentList` register before they change, as attributes do.

    Where they change first and the registration is refused, memory holds a change that belongs to
    no transaction: an abort does not undo it, and the next commit of the container stores it.

    >>> mapping = connection.root()["mapping"] = PersistentMapping(a=1)
    >>> numbers = connection.root()["numbers"] = PersistentList([1])
    >>> tm.commit()
    >>> tm.get().join(Participant("p", [], commit=fail))
    >>> with raises("Failure"):
    ...     tm.commit()
    >>> with raises("TransactionFailedError"):
    ...     mapping["a"] = 2
    >>> with raises("TransactionFailedError"):
    ...     numbers.append(2)
    >>> dict(mapping), list(numbers)
    ({'a': 1}, [1])
    """


@example("persistence.volatile-attributes", MUST, rules="LIFE-21", binds="dependency")
def volatile_attributes() -> None:
    """Attributes whose names start with ``_v_`` are volatile: setting one does not mark the
    object changed, it is not stored, and it is gone when the object becomes a ghost. Attributes
    that start with ``_p_`` and mean nothing to the system do not mark the object and are not
    stored either.

    So a program may keep there what it can compute again, and must be ready not to find it.

    >>> thing = connection.root()["thing"] = Thing()
    >>> tm.commit()
    >>> thing._v_sum, thing._p_note = 1, 2
    >>> thing._p_changed
    False
    >>> thing.a = 3
    >>> tm.commit()
    >>> copy = opened(db).root()["thing"]
    >>> copy.a, hasattr(copy, "_v_sum"), hasattr(copy, "_p_note")
    (3, False, False)
    >>> thing._v_sum = 1
    >>> thing._p_invalidate()
    >>> hasattr(thing, "_v_sum")
    False
    """


@example("persistence.committed-stay-loaded", SHOULD, rules="ISO-34")
def committed_stay_loaded() -> None:
    """A connection is not invalidated for what it has committed itself: as far as its cache has
    room, the objects stay loaded, with their volatile attributes.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.a, thing._v_sum = 1, 2
    >>> tm.commit()
    >>> thing._p_changed, vars(thing)
    (False, {'a': 1, '_v_sum': 2})
    """


@example("persistence.state-includes-slots", MUST, rules="SER-5", binds="dependency")
def state_includes_slots() -> None:
    """The state that `__getstate__` gives by default is all attributes, those in slots included,
    without those whose names start with ``_v_`` or ``_p_``.

    >>> slotted = connection.root()["slotted"] = Slotted()
    >>> slotted.slot, slotted._v_slot, slotted._p_slot = 1, 2, 3
    >>> tm.commit()
    >>> copy = opened(db).root()["slotted"]
    >>> copy.slot, hasattr(copy, "_v_slot"), hasattr(copy, "_p_slot")
    (1, False, False)
    """


@example("persistence.change-inside-a-value-is-unseen", MUST, rules="LIFE-22")
def change_inside_a_value_is_unseen() -> None:
    """Changing a list, a dictionary or any other value in place, inside the state of a persistent
    object, does not mark the object changed. Unless the program sets `_p_changed`, the change is
    not stored: it is lost when the object is read again.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.values = [1]
    >>> tm.commit()
    >>> thing.values.append(2)
    >>> thing._p_changed
    False
    >>> tm.commit()
    >>> opened(db).root()["thing"].values
    [1]
    >>> thing._p_invalidate()
    >>> thing.values.append(2)
    >>> thing._p_changed = True
    >>> tm.commit()
    >>> opened(db).root()["thing"].values
    [1, 2]
    """


@example(
    "persistence.marking-a-ghost-loads-it",
    MUST,
    rules="LIFE-24",
    binds="dependency",
    since=Edition.B,
)
def marking_a_ghost_loads_it() -> None:
    """Setting `_p_changed` to a true value on a ghost loads its state and marks it changed, so
    that the commit stores what was there instead of nothing. Up to the edition of 2005-06-16 the
    assignment was ignored.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.a = 1
    >>> tm.commit()
    >>> before = thing._p_serial
    >>> thing._p_invalidate()
    >>> thing._p_changed = True
    >>> thing._p_changed
    True
    >>> tm.commit()
    >>> thing._p_serial > before, opened(db).root()["thing"].a
    (True, 1)
    """


@example("persistence.unsaved-is-never-changed", MUST, rules="LIFE-25", binds="dependency")
def unsaved_is_never_changed() -> None:
    """An object without a jar has nobody to tell: neither an assignment to `_p_changed` nor one
    to an attribute marks it changed.

    >>> thing = Thing()
    >>> thing._p_changed = True
    >>> thing._p_changed
    False
    >>> thing.a = 1
    >>> thing._p_changed
    False
    """


@example("persistence.deactivate-and-invalidate", MUST, rules="LIFE-26", binds="dependency")
def deactivate_and_invalidate() -> None:
    """To deactivate an object, by `_p_deactivate()` or by setting `_p_changed` to None, is a hint
    that its state is not needed now. It is ignored for a changed object, and may be ignored for
    any other. To invalidate an object, by `_p_invalidate()` or by deleting `_p_changed`, is an
    order: the state is discarded, even if it has changed.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.a = 1
    >>> tm.commit()
    >>> thing.a = 2
    >>> thing._p_deactivate()
    >>> thing._p_changed = None
    >>> thing._p_changed, thing.a
    (True, 2)
    >>> thing._p_invalidate()
    >>> thing._p_changed is None, thing.a
    (True, 1)
    >>> thing.a = 2
    >>> del thing._p_changed
    >>> thing._p_changed is None, thing.a
    (True, 1)
    """


@example("persistence.unmarked-is-not-stored", MUST, rules="LIFE-27")
def unmarked_is_not_stored() -> None:
    """An object whose `_p_changed` is set back to False before the commit is not stored, although
    it was registered: the program took its word back.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.a = 1
    >>> tm.commit()
    >>> serial = thing._p_serial
    >>> thing.a = 2
    >>> thing._p_changed = False
    >>> tm.commit()
    >>> opened(db).root()["thing"].a, thing._p_serial == serial
    (1, True)
    """


@example("persistence.equal-value-is-a-change", MUST, rules="LIFE-29", binds="dependency")
def equal_value_is_a_change() -> None:
    """Assigning a value that equals the old one is a change like any other: nothing is compared.

    Programs rely on it to have a record written anew, and to take part in write conflicts.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.a = 1
    >>> tm.commit()
    >>> serial = thing._p_serial
    >>> thing.a = 1
    >>> thing._p_changed
    True
    >>> tm.commit()
    >>> thing._p_serial > serial
    True
    """


@example("persistence.jar-without-oid-refused", MUST, rules="LIFE-49", error="ValueError")
def jar_without_oid_refused() -> None:
    """An object becomes owned by being added or reached, never by an assignment to `_p_jar`:
    where a program does that, the first change of the object is refused, and does not happen.

    >>> thing = Thing()
    >>> thing._p_jar = connection
    >>> with raises("ValueError"):
    ...     thing.a = 1
    >>> hasattr(thing, "a")
    False
    """


@text("persistence.oid-and-jar-stay", MUST, rules="LIFE-50", binds="caller")
def oid_and_jar_stay() -> None:
    """Once an object has an oid and a jar, a program does not assign others. The cache of the jar
    knows the object by its oid; whether such an assignment is refused, and what becomes of the
    object where it isn't, is not promised.
    """
