"""Faults in change tracking: what the class of an object does by itself.

They stand for faults of the package `persistent`, whose classes in C can't be patched; so they are
planted in the class of the objects that the scripts use.
"""

from __future__ import annotations

from typing import Any

from persistent import Persistent
from zodb_reference.connections import Connection

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, instead, together
from zodb_conformance.things import Thing

CHANGED: Any = Persistent._p_changed


def flag(mark: Any) -> property:
    """The flag `_p_changed`, with something else happening where it is set."""
    return property(CHANGED.__get__, mark, CHANGED.__delete__)


@double("tracking.assignment-registers")
def a_deletion_leaves_no_mark() -> Fault:
    """To delete an attribute of an owned object does not mark the object as changed.

    The deletion is not stored: the attribute is back when the object is loaded again, and no abort
    undoes it before.
    """

    def delete(thing: Thing, name: str) -> None:
        jar = thing._p_jar
        if jar is None or jar.opened is None:
            Persistent.__delattr__(thing, name)
            return
        thing._p_activate()
        thing.__dict__.pop(name, None)

    return instead(Thing, "__delattr__", delete)


@double("tracking.unsaved-is-free")
def an_unsaved_object_can_be_marked() -> Fault:
    """The changed flag of an unsaved object becomes true where the program sets it.

    Such an object looks as if it belonged to a transaction, and none knows of it.
    """

    def get(thing: Thing) -> Any:
        return (thing._p_jar is None and "_v_marked" in vars(thing)) or CHANGED.__get__(thing)

    def mark(thing: Thing, value: Any) -> None:
        if value and thing._p_jar is None:
            thing.__dict__["_v_marked"] = True
        CHANGED.__set__(thing, value)

    return instead(Thing, "_p_changed", property(get, mark, CHANGED.__delete__))


@double("tracking.deactivate-keeps-changes")
def a_deactivation_discards_changes() -> Fault:
    """`_p_deactivate` makes a ghost of a changed object.

    A program that frees memory during a long transaction loses what it has not committed yet.
    """

    def deactivate(thing: Thing) -> None:  # not by `_p_invalidate`: that calls this again
        CHANGED.__set__(thing, False)
        Persistent._p_deactivate(thing)

    return instead(Thing, "_p_deactivate", deactivate)


@double("tracking.deactivate-is-invisible")
def a_deactivated_object_stays_empty() -> Fault:
    """`_p_deactivate` empties an unchanged object, and leaves it looking loaded.

    What is read afterwards is not there, and the next change stores an object with that attribute
    alone.
    """

    def deactivate(thing: Thing) -> None:
        if thing._p_jar is not None and thing._p_changed is False:
            thing.__dict__.clear()
        else:
            Persistent._p_deactivate(thing)

    return instead(Thing, "_p_deactivate", deactivate)


@double("tracking.invalidate-discards")
def an_invalidation_spares_changes() -> Fault:
    """`_p_invalidate` is taken for a hint: it is ignored for an object that has changed.

    The change that the program wanted to get rid of is committed.
    """
    aborting: list[Connection] = []

    def discard_changes(correct: Any, connection: Connection) -> None:
        aborting.append(connection)
        correct(connection)
        aborting.pop()

    def invalidate(thing: Thing) -> None:
        if aborting or thing._p_jar is None or thing not in thing._p_jar._registered:
            Persistent._p_invalidate(thing)

    return together(
        around(Connection, "_discard_changes", discard_changes),
        instead(Thing, "_p_invalidate", invalidate),
    )


@double("tracking.changed-flag-marks")
def a_ghost_ignores_its_mark() -> Fault:
    """To set `_p_changed` of a ghost does nothing, as it was in the first editions.

    A program that has a record written anew, to bring it into a newer form, changes nothing.
    """

    def mark(thing: Thing, value: Any) -> None:
        is_ghost = thing._p_changed is None
        if not (value and is_ghost and thing._p_jar.opened):
            CHANGED.__set__(thing, value)

    return instead(Thing, "_p_changed", flag(mark))
