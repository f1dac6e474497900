"""Faults in how a storage resolves conflicts."""

from __future__ import annotations

from typing import Any

from zodb_reference import resolution
from zodb_reference.resolution import Unresolvable, merge
from zodb_reference.storages import twophase
from zodb_reference.storages.reading import ReadableStorage
from zodb_reference.storages.twophase import TwoPhaseStorage

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around


@double(
    "storage.resolution-is-given-three-states",
    also="storage.resolution-needs-the-revision storage.resolution-at-every-store",
)
def resolution_takes_the_last_but_one() -> Fault:
    """A resolver is given the last revision but one as the old one, whichever was read.

    Who was more than one revision behind takes back what came between.
    """

    def resolve(
        correct: Any, storage: Any, oid: bytes, committed_serial: bytes, *conflict: Any
    ) -> Any:
        serial, old, committed, new = conflict
        before = storage._history.find(oid, committed_serial)
        old = before.data if before else old
        return correct(storage, oid, committed_serial, serial, old, committed, new)

    return around(TwoPhaseStorage, "_resolve", resolve)


@double(
    "storage.resolution-is-stored",
    also="storage.resolution-is-given-three-states storage.resolution-leaves-references-closed"
    " storage.resolution-at-every-store storage.resolution-that-fails",
)
def resolution_is_not_kept() -> Fault:
    """A storage resolves a conflict, and keeps what it was given all the same.

    What the other one has changed is lost.
    """

    def resolve(correct: Any, storage: Any, *conflict: Any) -> Any:
        correct(storage, *conflict)
        return conflict[-1]

    return around(TwoPhaseStorage, "_resolve", resolve)


@double("storage.resolution-is-told")
def resolution_is_told_once_more() -> Fault:
    """The vote names what was resolved in this transaction, and in the one before.

    Connections throw away objects that are up to date.
    """

    def vote(correct: Any, storage: Any, transaction: Any) -> list[bytes]:
        told: list[bytes] = correct(storage, transaction)
        before = vars(storage).get("told", [])
        vars(storage)["told"] = told
        return [*told, *before]

    return around(TwoPhaseStorage, "tpc_vote", vote)


@double("storage.resolution-leaves-references-closed")
def resolution_strengthens_references() -> Fault:
    """Weak references come out of a resolution as strong ones.

    What nobody but they refers to is never collected.
    """

    def dumped(correct: Any, pickler: Any, value: Any) -> Any:
        form = correct(pickler, value)
        return form[1][0] if isinstance(form, list) and form[0] == "w" else form

    return around(resolution._StatePickler, "persistent_id", dumped)


@double("storage.resolution-without-the-class")
def resolution_lets_a_missing_class_through() -> Fault:
    """Where a class can't be imported, the error is not one of conflicts.

    No program that meets it tries again, though that would help.
    """

    def resolve(correct: Any, *conflict: Any, **options: Any) -> bytes:
        try:
            merge(*conflict[3:])
        except Unresolvable as error:
            if "imported" in str(error):
                raise ImportError(str(error)) from error
        except BaseException:  # noqa: BLE001  # the right one will say so
            pass
        merged: bytes = correct(*conflict, **options)
        return merged

    return around(twophase, "resolve", resolve)


@double("storage.resolution-that-fails")
def resolution_lets_the_end_of_a_process_through() -> Fault:
    """Where a resolver asks for the end of its process, the storage lets that pass.

    A server goes down, with all of its clients.
    """

    def resolve(correct: Any, *conflict: Any, **options: Any) -> bytes:
        try:
            merge(*conflict[3:])
        except SystemExit:
            raise
        except BaseException:  # noqa: BLE001  # the right one will say so
            pass
        merged: bytes = correct(*conflict, **options)
        return merged

    return around(twophase, "resolve", resolve)


@double("storage.resolution-needs-the-revision", also="storage.resolution-needs-an-object")
def resolution_takes_an_earlier_revision() -> Fault:
    """Where there is no revision of the tid that a storage is given, it takes the one before that.

    It merges with a state that nobody has read.
    """

    def data_at(correct: Any, storage: Any, oid: bytes, tid: bytes, *which: Any) -> Any:
        found = correct(storage, oid, tid, *which)
        if found is None:
            earlier = storage._history.find(oid, tid)
            found = earlier.data if earlier else None
        return found

    return around(ReadableStorage, "_data_at", data_at)


@double("storage.resolution-needs-an-object")
def resolution_brings_objects_back() -> Fault:
    """A change of an object whose creation was undone is merged with the state that it came from.

    What somebody took back is there again.
    """

    def resolve(correct: Any, storage: Any, *conflict: Any) -> Any:
        *which, old, committed, new = conflict
        return correct(storage, *which, old, committed or old, new)

    return around(TwoPhaseStorage, "_resolve", resolve)


@double("storage.resolution-at-every-store", also="storage.resolution-that-fails")
def resolution_ends_with_a_failure() -> Fault:
    """After a conflict that it could not resolve, a storage does not resolve any more.

    One object without a resolver makes all counters fail.
    """

    def resolve(correct: Any, storage: Any, *conflict: Any) -> Any:
        try:
            return correct(storage, *conflict)
        except storage._errors.ConflictError:
            storage._resolves = False
            raise

    return around(TwoPhaseStorage, "_resolve", resolve)


@double("storage.resolution-at-no-store")
def resolution_at_the_second_store() -> Fault:
    """A storage that does not resolve conflicts begins to after the first one.

    Whether a program has to try again can't be foretold.
    """

    def resolve(correct: Any, storage: Any, *conflict: Any) -> Any:
        try:
            return correct(storage, *conflict)
        finally:
            storage._resolves = True

    return around(TwoPhaseStorage, "_resolve", resolve)
