"""Faults in what becomes of references to objects that are not there any more."""

from __future__ import annotations

import pickle
from typing import Any

from persistent import Persistent
from persistent.wref import WeakRef
from zodb_reference.connections import Connection
from zodb_reference.errors import POSKeyError
from zodb_reference.reading import RecordReader
from zodb_reference.snapshot import SharedSnapshot
from zodb_reference.storages.reading import ReadableStorage
from zodb_reference.storages.twophase import TwoPhaseStorage
from zodb_reference.writing import RecordWriter

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, instead, together

EMPTY = pickle.dumps(Persistent, 3) + pickle.dumps({}, 3)
"""A record of an object without attributes."""


@double(
    "removed.access-fails",
    also="removed.across-access-fails removed.across-holder-fails removed.deleted-fails",
)
def what_failed_to_load_is_empty() -> Fault:
    """Where an object can't be loaded, since it is not there, the second try gives an empty one.

    A program that tries again, as it does after a conflict, takes it for a new one.
    """
    failed: set[int] = set()

    def setstate(correct: Any, connection: Connection, obj: Any) -> None:
        try:
            correct(connection, obj)
        except POSKeyError:
            if id(obj) not in failed:
                failed.add(id(obj))
                raise
            obj.__setstate__({})

    return around(Connection, "setstate", setstate)


@double("removed.deleted-fails", also="removed.change-conflicts")
def what_was_deleted_is_empty() -> Fault:
    """An object that was deleted is loaded without attributes.

    A program takes it for a new one, and fills it.
    """

    def load(correct: Any, snapshot: SharedSnapshot, oid: bytes) -> tuple[bytes, bytes]:
        try:
            found: tuple[bytes, bytes] = correct(snapshot, oid)
        except POSKeyError:
            newest = snapshot.storage._history.newest(oid)
            if newest is None:
                raise
            return EMPTY, newest.tid
        return found

    return around(SharedSnapshot, "load", load)


@double("removed.snapshot-keeps-it")
def deletions_reach_into_the_past() -> Fault:
    """An object that was deleted can't be loaded any more, by no snapshot.

    A garbage collection makes the transactions fail that are under way.
    """

    def load_before(correct: Any, storage: ReadableStorage, oid: bytes, tid: bytes) -> Any:
        storage._existing(oid)
        return correct(storage, oid, tid)

    return around(ReadableStorage, "loadBefore", load_before)


@double("removed.change-conflicts")
def changes_bring_back() -> Fault:
    """An object that was deleted comes back when somebody changes it who still has it.

    What it refers to is deleted, too, and does not.
    """

    def store(correct: Any, storage: Any, oid: bytes, serial: bytes, *more: Any) -> None:
        newest = storage._history.newest(oid)
        if newest is not None and not newest.has_data:
            serial = newest.tid
        correct(storage, oid, serial, *more)

    return around(TwoPhaseStorage, "store", store)


@double("removed.weak-yields-none", also="removed.weak-has-no-hash")
def weak_references_make_up_what_they_lack() -> Fault:
    """A weak reference to an object that is not there yields one without a record.

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
        reference.dm = MakesUp(reference.dm)
        return reference

    return around(RecordReader, "_weak_reference", weak_reference)


@double("removed.weak-has-no-hash")
def weak_references_are_their_oids() -> Fault:
    """A weak reference to an object that is not there has a hash, and is equal to others of it.

    As the key of a dictionary, it is not found any more once the object is there again.
    """

    def equal(reference: WeakRef, other: object) -> bool:
        return isinstance(other, WeakRef) and reference.oid == other.oid

    return together(
        instead(WeakRef, "__hash__", lambda reference: hash(reference.oid)),
        instead(WeakRef, "__eq__", equal),
    )


def _reference_of_kind(kind: str, faulty: Any) -> Fault:
    """The fault that references to other databases of this kind are resolved like this.

    It is given what resolves it correctly, the reader, and the oid.
    """

    def resolve(correct: Any, reader: RecordReader, reference: Any) -> Any:
        if isinstance(reference, list) and reference[0] == kind:
            name, oid = reference[1][:2]
            other = reader._connection.get_connection(name)
            return faulty(lambda: correct(reader, reference), other, oid)
        return correct(reader, reference)

    return around(RecordReader, "resolve", resolve)


@double(
    "removed.across-access-fails",
    also="removed.across-by-garbage-collection removed.across-is-stored-again",
)
def broken_references_break_their_holders() -> Fault:
    """An object with a broken reference to another database can't be loaded itself.

    The garbage collection of one database takes objects of another one away.
    """

    def looked_at(correct: Any, other: Connection, oid: bytes) -> Any:
        other.get(oid)
        return correct()

    return _reference_of_kind("m", looked_at)


@double("removed.across-holder-fails")
def broken_references_are_none() -> Fault:
    """A broken reference to another database that does not tell the class is loaded as None.

    When its holder is stored again, the reference is lost.
    """

    def none_instead(correct: Any, other: Connection, oid: bytes) -> Any:
        try:
            return correct()
        except POSKeyError:
            return None

    return _reference_of_kind("n", none_instead)


@double("removed.across-is-stored-again")
def broken_references_are_not_stored() -> Fault:
    """An object with a broken reference to another database can't be stored any more.

    Whatever else is in it is frozen with it.
    """

    def name_across(correct: Any, writer: RecordWriter, obj: Any) -> str:
        obj._p_activate()
        name: str = correct(writer, obj)
        return name

    return around(RecordWriter, "_name_across", name_across)


@double("removed.across-by-garbage-collection")
def what_was_collected_is_empty() -> Fault:
    """An object that was removed as garbage is loaded without attributes.

    What a program follows a reference to looks new, and is filled.
    """

    def load(correct: Any, snapshot: SharedSnapshot, oid: bytes) -> tuple[bytes, bytes]:
        try:
            found: tuple[bytes, bytes] = correct(snapshot, oid)
        except POSKeyError:
            if not any(snapshot.storage._history.packed()):
                raise
            return EMPTY, snapshot.storage.lastTransaction()
        return found

    return around(SharedSnapshot, "load", load)
