"""Faults in weak references across databases."""

from __future__ import annotations

from typing import Any

from persistent import Persistent
from zodb_reference.committing import Commit
from zodb_reference.connections import Connection
from zodb_reference.errors import InvalidObjectReference
from zodb_reference.newness import NewObjects
from zodb_reference.reading import RecordReader
from zodb_reference.writing import RecordWriter

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, instead, together


@double("xref.weak-written-form")
def oid_and_name_are_written_as_a_list() -> Fault:
    """A weak reference to an object in memory of another database is written with a list in it.

    A reader that tells the forms apart by their types takes it for something else.
    """

    def weak_reference(correct: Any, writer: RecordWriter, reference: Any) -> Any:
        at_hand = "_v_ob" in vars(reference)
        kind, arguments = correct(writer, reference)
        return [kind, list(arguments) if at_hand and len(arguments) > 1 else arguments]

    return around(RecordWriter, "_weak_reference", weak_reference)


@double("xref.weak-without-a-name", edition="2006-08-16")
def weak_references_have_a_name_too_early() -> Fault:
    """A weak reference to an object of another database is written with the name of that.

    The readers of the time don't know the form, and fail.
    """

    def weak_reference(correct: Any, writer: RecordWriter, reference: Any) -> Any:
        form = correct(writer, reference)
        if reference.dm in (None, writer._connection):
            return form
        return ["w", (reference.oid, reference.dm.db().database_name)]

    return around(RecordWriter, "_weak_reference", weak_reference)


@double("xref.weak-across")
def weak_references_across_lead_nowhere() -> Fault:
    """A weak reference to an object of another database yields None once it was read.

    The object is there, and the program takes it for gone.
    """

    def weak_reference(
        correct: Any, reader: RecordReader, oid: bytes, database_name: str | None = None
    ) -> Any:
        reference = correct(reader, oid, database_name)
        if database_name is not None:
            vars(reference).pop("dm", None)
        return reference

    return around(RecordReader, "_weak_reference", weak_reference)


@double("xref.weak-gone", also="xref.weak-gone-is-kept")
def a_weak_reference_makes_up_its_target() -> Fault:
    """A weak reference to an object that is gone yields an object without a record.

    The program finds out at the first attribute, by an error that it did not expect.
    """

    class MakesUp:
        def __init__(self, connection: Connection) -> None:
            self.connection = connection

        def __getitem__(self, oid: bytes) -> Any:
            try:
                return self.connection.get(oid)
            except KeyError:
                ghost = Persistent()
                self.connection.objects.add_ghost(oid, ghost)
                return ghost

    def weak_reference(correct: Any, *arguments: Any) -> Any:
        reference = correct(*arguments)
        if hasattr(reference, "dm"):
            # Not in the class of the connection: Python 3.13.0 may go on with the method it knows.
            reference.dm = MakesUp(reference.dm)
        return reference

    return around(RecordReader, "_weak_reference", weak_reference)


@double("xref.weak-gone-is-kept")
def what_leads_nowhere_is_not_written() -> Fault:
    """An object with a weak reference into a database that is not there can't be stored.

    For a program that works with one database of several it can't be changed.
    """

    def weak_reference(correct: Any, writer: RecordWriter, reference: Any) -> Any:
        if not hasattr(reference, "dm"):
            raise AttributeError("'WeakRef' object has no attribute 'dm'")
        return correct(writer, reference)

    return around(RecordWriter, "_weak_reference", weak_reference)


@double("xref.weak-outside-refused")
def a_weak_reference_may_lead_anywhere() -> Fault:
    """A weak reference to an object outside of the collection is accepted.

    It leads to another object, where a member has the name of the other database.
    """

    def weak_reference(correct: Any, writer: RecordWriter, reference: Any) -> Any:
        try:
            return correct(writer, reference)
        except InvalidObjectReference:
            return ["w", (reference.oid, reference.database_name)]

    return around(RecordWriter, "_weak_reference", weak_reference)


@double("xref.weak-outside-refused")
def a_savepoint_takes_weak_references_that_lead_anywhere() -> Fault:
    """A weak reference to an object outside of the collection is refused by a commit, and not by a
    savepoint.

    A program that makes savepoints stores what leads to another object: a commit takes what they
    have kept.
    """

    def weak_reference(correct: Any, writer: RecordWriter, reference: Any) -> Any:
        if writer._connection._commit is not None:
            return correct(writer, reference)
        with instead(RecordWriter, "_require_same_group", lambda *arguments: None):
            return correct(writer, reference)

    return around(RecordWriter, "_weak_reference", weak_reference)


@double("xref.weak-does-not-reach")
def what_is_stored_weakly_first_is_adopted() -> Fault:
    """A new object that is met behind a weak reference is stored where that reference is, at once.

    Where another database turns out to need it, the commit is refused: now and then, as the order
    of storing has it.
    """
    return adopting_weakly()


@double("xref.weak-reaches-or-not", also="xref.weak-does-not-reach")
def what_is_stored_weakly_first_lives_there() -> Fault:
    """A new object that two databases reach, one of them weakly, lands where it is stored first.

    Where it ends up depends on the order of storing, and the database that needs it depends on the
    other one.
    """
    return together(adopting_weakly(), instead(NewObjects, "is_implicit", lambda new, oid: False))


def adopting_weakly() -> Fault:
    """The fault that a commit does not wait for who refers strongly to a new object."""

    def init(correct: Any, commit: Commit, *args: Any) -> None:
        correct(commit, *args)
        commit._writer.adopts_weakly = True

    return around(Commit, "__init__", init)
