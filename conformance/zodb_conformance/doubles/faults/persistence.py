"""Faults in what an object does by itself to become stored.

Most of it is the work of the package `persistent`, whose classes in C can't be patched; so these
faults are planted in the classes of the objects that the examples use.
"""

from __future__ import annotations

from typing import Any

from persistent import Persistent
from zodb_reference.committing import Commit
from zodb_reference.connections import Connection
from zodb_reference.identity import IdentityMap

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.faults.tracking import CHANGED, flag
from zodb_conformance.doubles.planting import around, instead
from zodb_conformance.specimens import Slotted
from zodb_conformance.things import Thing


@double("persistence.registers-before-it-changes")
def an_attribute_changes_before_it_registers() -> Fault:
    """An attribute is set first, and the object registered then.

    Where the registration is refused, memory holds a change that no transaction knows of and that
    no abort undoes.
    """

    def set_(thing: Thing, name: str, value: Any) -> None:
        if thing._p_oid is not None and not name.startswith("_"):
            thing._p_activate()
            thing.__dict__[name] = value
        Persistent.__setattr__(thing, name, value)

    return instead(Thing, "__setattr__", set_)


@double("persistence.committed-stay-loaded")
def a_commit_invalidates_its_own_objects() -> Fault:
    """A connection takes its own commits for those of others, and invalidates what it stored.

    Nothing is lost, but every commit is followed by loading all of it again, and volatile
    attributes are gone.
    """

    def catch_up(correct: Any, objects: IdentityMap, changes: Any) -> None:
        objects.invalidate(list(objects.cache.cache_data if changes is None else changes))

    return around(IdentityMap, "catch_up", catch_up)


@double("persistence.containers-register-first")
def a_container_keeps_a_change_that_was_refused() -> Fault:
    """A persistent mapping keeps what was put into it although its registration was refused.

    The next commit of the mapping stores a change that belongs to no transaction.
    """
    return instead(Connection, "_undo_in_memory", lambda connection, obj: None)


@double("persistence.volatile-attributes")
def volatile_attributes_are_stored() -> Fault:
    """The state of an object is all of its attributes, those that begin with `_v_` included.

    Caches and open files are stored, or make it impossible to store the object.
    """
    return instead(Thing, "__getstate__", lambda thing: dict(thing.__dict__))


@double("persistence.state-includes-slots")
def slots_are_not_part_of_the_state() -> Fault:
    """What an object holds in slots is not stored.

    To save memory by slots costs the data.
    """
    return instead(Slotted, "__getstate__", lambda slotted: None)


@double("persistence.change-inside-a-value-is-unseen")
def reading_a_list_marks_its_holder() -> Fault:
    """To read an attribute that holds a list marks the object, in case the list will be changed.

    Every reader of such an object becomes a writer, and conflicts with all the others.
    """

    def get(thing: Thing, name: str) -> Any:
        value = Persistent.__getattribute__(thing, name)
        if type(value) is list and not name.startswith("_"):
            thing._p_changed = True
        return value

    return instead(Thing, "__getattribute__", get)


@double("persistence.marking-a-ghost-loads-it")
def a_mark_on_a_ghost_is_lost() -> Fault:
    """To set `_p_changed` of a ghost only loads it.

    The program believes that the object will be stored anew.
    """

    def mark(thing: Thing, value: Any) -> None:
        if value and thing._p_changed is None:
            thing._p_activate()
        else:
            CHANGED.__set__(thing, value)

    return instead(Thing, "_p_changed", flag(mark))


@double("persistence.unsaved-is-never-changed")
def an_unsaved_object_with_attributes_counts_as_changed() -> Fault:
    """An unsaved object is marked as changed as soon as it holds anything.

    Code that looks for changes to save takes it for an object of the database.
    """

    def get(thing: Thing) -> Any:
        return True if thing._p_jar is None and vars(thing) else CHANGED.__get__(thing)

    return instead(Thing, "_p_changed", property(get, CHANGED.__set__, CHANGED.__delete__))


@double("persistence.deactivate-and-invalidate")
def a_flag_of_none_discards_changes() -> Fault:
    """To set `_p_changed` to None makes a ghost even of a changed object.

    A hint that memory is short costs the work that is not committed yet.
    """

    def mark(thing: Thing, value: Any) -> None:
        if value is None:
            Persistent._p_invalidate(thing)
        else:
            CHANGED.__set__(thing, value)

    return instead(Thing, "_p_changed", flag(mark))


@double("persistence.unmarked-is-not-stored")
def what_registered_once_is_stored() -> Fault:
    """An object is stored because it registered, also where its mark has been taken back.

    What the program has decided not to store is stored, and is in conflict with others.
    """

    def is_due(correct: Any, commit: Commit, obj: Any) -> bool:
        correct(commit, obj)
        return True

    return around(Commit, "_is_due", is_due)


@double("persistence.equal-value-is-a-change")
def an_equal_value_is_no_change() -> Fault:
    """To assign a value that equals the old one does nothing.

    A program that assigns in order to take part in conflicts, or to replace 1 by True, is ignored.
    """

    def set_(thing: Thing, name: str, value: Any) -> None:
        if name.startswith("_") or getattr(thing, name, None) != value:
            Persistent.__setattr__(thing, name, value)

    return instead(Thing, "__setattr__", set_)


@double("persistence.jar-without-oid-refused")
def an_object_with_a_jar_alone_can_be_changed() -> Fault:
    """A connection accepts the changes of an object that names it as its jar and has no oid.

    The object looks owned and is never stored.
    """

    def register(correct: Any, connection: Connection, obj: Any) -> None:
        if obj._p_oid is not None:
            correct(connection, obj)

    return around(Connection, "register", register)
