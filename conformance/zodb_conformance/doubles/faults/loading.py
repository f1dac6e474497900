"""Faults in loading: what happens to errors on the way from a record to a state."""

from __future__ import annotations

from pickle import UnpicklingError
from typing import Any

from transaction.interfaces import TransientError
from zodb_reference.errors import StateLoadError
from zodb_reference.reading import RecordReader

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around


def unwrapped(*kinds: type[Exception]) -> Fault:
    """The fault that errors of some kinds surface as they are while a state is loaded."""

    def set_state(correct: Any, reader: RecordReader, obj: Any, record: bytes) -> None:
        try:
            correct(reader, obj, record)
        except StateLoadError as error:
            if isinstance(error.__cause__, kinds):
                raise error.__cause__ from None
            raise

    return around(RecordReader, "set_state", set_state)


@double("loading.error-becomes-state-load-error")
def a_failed_load_looks_like_a_missing_attribute() -> Fault:
    """An AttributeError of a `__setstate__` surfaces from the access that loads the object.

    `hasattr` says that the object does not have what it has.
    """
    return unwrapped(AttributeError)


@double("loading.unpickling-error-becomes-state-load-error")
def the_error_of_the_unpickler_surfaces() -> Fault:
    """Where a record is damaged, the access that loads the object fails with whatever the
    unpickler raises.

    A program that catches the errors of the database does not catch this one.
    """
    return unwrapped(EOFError, UnpicklingError)


@double("loading.conflict-passes-unchanged")
def a_conflict_while_loading_looks_like_damage() -> Fault:
    """A transient error that is raised while a state is loaded is wrapped like any other.

    The program gives up where it should have tried again.
    """

    def set_state(correct: Any, reader: RecordReader, obj: Any, record: bytes) -> None:
        try:
            correct(reader, obj, record)
        except TransientError as error:
            raise StateLoadError("the state cannot be loaded") from error

    return around(RecordReader, "set_state", set_state)


@double("loading.error-surfaces", edition="2006-08-16")
def a_failed_load_is_told_as_today() -> Fault:
    """An error of a `__setstate__` becomes a StateLoadError in an edition that does not know it.

    A program of that time that waits for the original error does not get it.
    """

    def set_state(correct: Any, reader: RecordReader, obj: Any, record: bytes) -> None:
        try:
            correct(reader, obj, record)
        except ValueError as error:
            raise StateLoadError("the state cannot be loaded") from error

    return around(RecordReader, "set_state", set_state)


@double("loading.failed-ghost-stays-a-ghost")
def a_load_that_failed_is_not_tried_again() -> Fault:
    """After a load that failed, the object counts as loaded at the next access, and is empty.

    The next change stores it like that.
    """

    def set_state(correct: Any, reader: RecordReader, obj: Any, record: bytes) -> None:
        failed = vars(reader).setdefault("failed", set())
        if obj._p_oid in failed:
            return
        try:
            correct(reader, obj, record)
        except StateLoadError:
            failed.add(obj._p_oid)
            raise

    return around(RecordReader, "set_state", set_state)
