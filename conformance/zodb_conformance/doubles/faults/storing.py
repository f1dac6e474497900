"""Faults in storing: how states become records, and what may happen meanwhile."""

from __future__ import annotations

from pickle import PicklingError
from typing import Any

from zodb_reference.committing import Commit
from zodb_reference.errors import InvalidObjectReference, POSError
from zodb_reference.persistentclass import is_persistent_class
from zodb_reference.reading import RecordReader
from zodb_reference.writing import RecordWriter

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around


@double("storing.values-are-copied")
def equal_lists_of_two_objects_are_one() -> Fault:
    """A connection keeps one list for all objects whose lists are equal when they are loaded.

    What is appended to the list of one object appears in the others, without marking them.
    """

    def state(correct: Any, reader: RecordReader, record: bytes) -> Any:
        loaded = correct(reader, record)
        known: list[Any] = vars(reader).setdefault("lists", [])
        for key, value in loaded.items() if isinstance(loaded, dict) else ():
            if type(value) is list:
                same = [one for one in known if one == value]
                loaded[key] = same[0] if same else value
                known.append(loaded[key])
        return loaded

    return around(RecordReader, "state", state)


@double("storing.pretenders-are-values")
def whatever_has_an_oid_is_stored_as_a_reference() -> Fault:
    """A value with an attribute `_p_oid` is taken for a persistent object.

    A reference is stored to something else than the value, which is lost.
    """

    def persistent_id(correct: Any, writer: RecordWriter, value: Any) -> Any:
        oid = None if isinstance(value, type) else getattr(value, "__dict__", {}).get("_p_oid")
        return oid if isinstance(oid, bytes) else correct(writer, value)

    return around(RecordWriter, "persistent_id", persistent_id)


@double("storing.pretending-classes-are-ordinary")
def a_class_with_an_oid_is_refused() -> Fault:
    """A class with an attribute `_p_oid` is taken for a persistent class without a connection.

    Neither it nor its instances can be stored.
    """

    def persistent_id(correct: Any, writer: RecordWriter, value: Any) -> Any:
        if isinstance(value, type) and "_p_oid" in vars(value) and not is_persistent_class(value):
            raise InvalidObjectReference(f"{value!r} belongs to no connection")
        return correct(writer, value)

    return around(RecordWriter, "persistent_id", persistent_id)


@double("storing.local-classes-refused")
def what_a_function_made_is_left_out() -> Fault:
    """An object that holds something of a class that a function made is stored without it.

    The commit succeeds, and what the object held is lost.
    """

    def record(correct: Any, writer: RecordWriter, description: Any, state: Any) -> Any:
        try:
            return correct(writer, description, state)
        except (AttributeError, PicklingError) as error:
            if "<locals>" not in str(error):
                raise
            return correct(writer, description, {})

    return around(RecordWriter, "record", record)


@double("storing.added-while-storing")
def what_is_added_during_the_commit_is_forgotten() -> Fault:
    """A commit stores what was added before it began.

    An object that adds others when it is asked for its state leads to nothing.
    """

    def take_registered(correct: Any, commit: Commit) -> list[Any]:
        is_first = commit._taken == 0
        taken: list[Any] = correct(commit)
        return [obj for obj in taken if is_first or obj._p_oid not in commit._objects.new]

    return around(Commit, "_take_registered", take_registered)


@double("storing.changed-while-storing")
def a_change_during_the_commit_is_forgotten() -> Fault:
    """An object that changes after it was serialized, during the same commit, is not stored again.

    It looks unchanged, and has another value than its record.
    """

    def is_due(correct: Any, commit: Commit, obj: Any) -> bool:
        due: bool = correct(commit, obj)
        if due and obj._p_oid in commit.written:
            obj._p_changed = False
            return False
        return due

    return around(Commit, "_is_due", is_due)


@double("storing.failure-leaves-no-trace")
def what_could_not_be_stored_stays_owned() -> Fault:
    """The new object that could not be stored keeps its oid and its jar when the transaction is
    aborted.

    When it has been mended and is reached again it is taken for stored, and is lost.
    """

    def store(correct: Any, commit: Commit, obj: Any) -> None:
        try:
            correct(commit, obj)
        except Exception:
            commit._objects.new.pop(obj._p_oid, None)
            raise

    return around(Commit, "_store", store)


@double("storing.new-arguments-when-stored")
def a_reference_asks_for_the_arguments() -> Fault:
    """`__getnewargs__` is called for every reference, as if it were stored there.

    To refer to an object loads it.
    """

    def reference(correct: Any, writer: RecordWriter, value: Any) -> Any:
        form = correct(writer, value)
        if isinstance(form, bytes):
            value.__getnewargs__()
        return form

    return around(RecordWriter, "_reference", reference)


@double("storing.large-records-warn")
def a_large_record_is_refused() -> Fault:
    """A record of `large_record_size` bytes or more is refused.

    A program works until one of its objects has grown too much.
    """

    def warn_if_large(correct: Any, commit: Commit, obj: Any, record: bytes) -> None:
        if len(record) >= commit._connection.db().large_record_size:
            raise POSError(f"{len(record)} bytes are too much for one record")

    return around(Commit, "_warn_if_large", warn_if_large)
