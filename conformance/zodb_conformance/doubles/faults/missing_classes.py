"""Faults in placeholders for objects whose classes are missing."""

from __future__ import annotations

from typing import Any

from persistent import Persistent
from zodb_reference.broken import Broken, PersistentBroken
from zodb_reference.oids import z64
from zodb_reference.writing import RecordWriter

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, instead, together


def is_new(obj: Any) -> bool:
    """Whether an object has never been stored."""
    return (obj._p_serial or z64) == z64


def referring(change: Any, referrers: Any) -> Fault:
    """The fault that references to placeholders are written in another form.

    change     makes that form of the right one
    referrers  says whether that happens in an object
    """

    def description(correct: Any, writer: Any, obj: Any) -> Any:
        writer.is_wrong = referrers(obj)
        return correct(writer, obj)

    def reference(correct: Any, writer: Any, value: Any) -> Any:
        form = correct(writer, value)
        return change(form) if writer.is_wrong and isinstance(value, PersistentBroken) else form

    return together(
        around(RecordWriter, "description", description),
        around(RecordWriter, "_reference", reference),
    )


@double("broken.loads-with-its-state")
def a_placeholder_does_not_know_the_objects_that_it_refers_to() -> Fault:
    """The state of a placeholder lacks the persistent objects that it refers to.

    Whatever can be reached only through the missing class is out of reach.
    """

    def set_state(correct: Any, placeholder: PersistentBroken, state: Any) -> None:
        if isinstance(state, dict):
            state = {
                key: value for key, value in state.items() if not isinstance(value, Persistent)
            }
        correct(placeholder, state)

    return around(PersistentBroken, "__setstate__", set_state)


@double("broken.keeps-new-arguments")
def a_placeholder_forgets_its_arguments_as_a_ghost() -> Fault:
    """A placeholder that has been a ghost knows the arguments of `__new__` no longer.

    It looks as if it had been made without any.
    """

    def set_state(placeholder: PersistentBroken, state: Any) -> None:
        Broken.__setstate__(placeholder, state)
        placeholder.__dict__["__Broken_newargs__"] = ()

    return instead(PersistentBroken, "__setstate__", set_state)


@double("broken.refuses-change")
def a_placeholder_can_be_changed() -> Fault:
    """The attributes of a placeholder can be set.

    What is stored then, nobody can say: the change is lost, or the object.
    """
    return instead(PersistentBroken, "__setattr__", Persistent.__setattr__)


@double("broken.deletion-refused")
def a_deletion_marks_a_placeholder() -> Fault:
    """An attempt to delete an attribute of a placeholder marks it as changed.

    The next commit stores, or fails to store, an object that nobody can have changed.
    """
    return instead(PersistentBroken, "__delattr__", Persistent.__delattr__)


@double("broken.may-be-referenced")
def a_new_reference_to_a_placeholder_leads_to_the_root() -> Fault:
    """A new object that refers to a placeholder refers to the root once the class is back.

    The commit succeeds, and the reference is wrong.
    """
    return referring(lambda form: z64, is_new)


@double("broken.class-restored")
def an_old_reference_to_a_placeholder_becomes_weak() -> Fault:
    """If the referrer of a placeholder is stored, its reference is written as a weak one.

    When the class is back, the program finds a weak reference where it had an object, and garbage
    collection removes the object.
    """
    return referring(lambda form: ["w", (form,)], lambda obj: not is_new(obj) and obj._p_oid != z64)


@double("broken.value-inside-a-state")
def a_value_without_its_class_is_written_back_empty() -> Fault:
    """A value whose class is missing is written back as an empty dictionary.

    To change another attribute of its holder destroys it.
    """
    return instead(Broken, "__reduce__", lambda value: (dict, ()))
