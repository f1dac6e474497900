"""Change tracking: how an object tells its connection that it has changed.

The base class of persistent objects notices assignments to attributes; it keeps a status of its
own, which the program can read and set as ``_p_changed``.  Most of these clauses bind the package
`persistent`, and hold for every connection that is built on it.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, id_of, step
from zodb_spec.editions import Edition
from zodb_spec.world import CHANGED, CLEAN, GHOST, UNSAVED, Name, Object, State, World


@step("tracking.assignment-registers", MUST, rules="LIFE-19 CONN-37")
def assignment_registers(world: World, thing: Name, state: State, base: int) -> Object:
    """To assign or delete an attribute of an owned object marks the object as changed and registers
    it with the transaction manager of its connection, before the attribute changes.
    """
    id = id_of(assignment_registers)
    return world.objects[thing]._replace(
        status=world.fact(CHANGED, id), state=world.fact(state, id), base=base
    )


@step("tracking.unsaved-is-free", MUST, rules="LIFE-3 LIFE-25")
def unsaved_is_free(world: World, thing: Name, state: State) -> Object:
    """An unsaved object can be changed freely: it belongs to no transaction, and its changed flag
    stays false even if the program sets it.
    """
    id = id_of(unsaved_is_free)
    return world.objects[thing]._replace(
        status=world.fact(UNSAVED, id), state=world.fact(state, id)
    )


@step("tracking.deactivate-keeps-changes", MUST, rules="LIFE-26", binds="dependency")
def deactivate_keeps_changes(world: World, thing: Name) -> Object:
    """`_p_deactivate` is ignored for an object that has changed, and for an unsaved one."""
    id = id_of(deactivate_keeps_changes)
    found = world.objects[thing]
    return found._replace(
        status=world.fact(found.status.value, id), state=world.fact(found.state.value, id)
    )


@step("tracking.deactivate-is-invisible", MUST, rules="LIFE-26 LIFE-35", binds="dependency")
def deactivate_is_invisible(world: World, thing: Name) -> Object:
    """`_p_deactivate` may turn an unchanged object into a ghost; what is read from it afterwards is
    the same as before.
    """
    id = id_of(deactivate_is_invisible)
    return world.objects[thing]._replace(status=world.fact(CLEAN, id), state=world.fact(None, id))


@step("tracking.invalidate-discards", MUST, rules="LIFE-26", binds="dependency")
def invalidate_discards(world: World, thing: Name) -> Object:
    """`_p_invalidate` turns a stored object into a ghost and discards its state, even if it has
    changed; the discarded change is not stored.
    """
    id = id_of(invalidate_discards)
    return world.objects[thing]._replace(status=world.fact(GHOST, id), state=world.fact(None, id))


@step("tracking.changed-flag-marks", MUST, rules="LIFE-24", binds="dependency", since=Edition.B)
def changed_flag_marks(world: World, thing: Name, state: State, base: int) -> Object:
    """To set ``_p_changed`` to true marks an owned object as changed and registers it; a ghost is
    loaded first.
    """
    id = id_of(changed_flag_marks)
    return world.objects[thing]._replace(
        status=world.fact(CHANGED, id), state=world.fact(state, id), base=base
    )
