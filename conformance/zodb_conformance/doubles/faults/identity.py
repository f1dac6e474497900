"""Faults in identity: which object a program gets, and what it loads."""

from __future__ import annotations

from typing import Any

from zodb_reference.connections import Connection
from zodb_reference.errors import POSKeyError, ReadConflictError
from zodb_reference.identity import IdentityMap
from zodb_reference.oids import z64
from zodb_reference.reading import RecordReader
from zodb_reference.snapshot import SharedSnapshot
from zodb_reference.writing import RecordWriter

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, together


@double("identity.one-object-per-oid")
def get_makes_a_second_object_of_a_ghost() -> Fault:
    """`get` of an object that is a ghost just now makes another one for the same oid.

    The program changes one of the two and reads the other, and the later commit overwrites the
    earlier.
    """

    def get(correct: Any, connection: Connection, oid: bytes) -> Any:
        cache = connection.objects.cache
        found = cache.get(oid)
        if connection.opened and oid != z64 and found is not None and found._p_changed is None:
            del cache[oid]
        return correct(connection, oid)

    return around(Connection, "get", get)


@double("identity.connections-apart")
def get_looks_into_the_caches_of_others() -> Fault:
    """`get` gives the object of another connection if that one has it in memory already.

    Two threads then work on one object, each sees the changes that the other has not committed,
    and an abort of either discards them all.
    """

    def get(correct: Any, connection: Connection, oid: bytes) -> Any:
        if connection.opened and oid != z64 and connection.objects.find(oid) is None:
            for other in connection.db()._pool.everyone():
                found = other.objects.cache.get(oid)
                if found is not None:
                    return found
        return correct(connection, oid)

    return around(Connection, "get", get)


@double("identity.get-gives-ghost")
def get_loads_the_state_at_once() -> Fault:
    """`get` loads the state of the object with its class.

    To look at one object of a large database may load much of it, and an object whose state can't
    be loaded can't even be replaced.
    """

    def get(correct: Any, connection: Connection, oid: bytes) -> Any:
        found = correct(connection, oid)
        found._p_activate()
        return found

    return around(Connection, "get", get)


@double("identity.unknown-oid")
def get_of_an_unknown_oid_gives_none() -> Fault:
    """`get` of an oid that no object has gives None instead of an error.

    The program stores the None where a reference should be, far from the place of the mistake.
    """

    def get(correct: Any, connection: Connection, oid: bytes) -> Any:
        try:
            return correct(connection, oid)
        except POSKeyError:
            if oid == z64:
                raise
            return None

    return around(Connection, "get", get)


@double("identity.newer-oid", checks="walk.objects")
def get_gives_what_is_newer() -> Fault:
    """`get` of an object that is newer than the snapshot gives it.

    The program sees one object of a state of which it does not see the rest.
    """

    def load(correct: Any, snapshot: SharedSnapshot, oid: bytes) -> Any:
        try:
            return correct(snapshot, oid)
        except ReadConflictError:
            return snapshot._storage.load(oid)

    return around(SharedSnapshot, "load", load)


@double("identity.ghost-loads")
def the_first_load_loses_an_attribute() -> Fault:
    """When an object is loaded for the first time since it was made a ghost by a reference or by
    `get`, its last attribute is missing, unless it has only that.

    The next change of the object makes the loss permanent.
    """

    def add_ghost(correct: Any, objects: IdentityMap, oid: bytes, ghost: Any) -> None:
        vars(objects).setdefault("fresh", set()).add(oid)
        correct(objects, oid, ghost)

    def set_state(correct: Any, reader: RecordReader, obj: Any, record: bytes) -> None:
        correct(reader, obj, record)
        fresh = vars(reader._objects).get("fresh", set())
        if obj._p_oid in fresh:
            fresh.discard(obj._p_oid)
            held = vars(obj).get("data", vars(obj))
            if len(held) > 1:
                del held[max(held)]

    return together(
        around(IdentityMap, "add_ghost", add_ghost), around(RecordReader, "set_state", set_state)
    )


@double("record.reference-comes-back")
def two_references_in_one_record_are_mixed_up() -> Fault:
    """The second reference in a record is written as the first one was.

    An object that refers to two others leads to one of them twice, after it has been loaded again.
    """

    def record(correct: Any, writer: Any, description: Any, state: Any) -> bytes:
        writer.first = None
        written: bytes = correct(writer, description, state)
        return written

    def reference(correct: Any, writer: Any, value: Any) -> Any:
        form = correct(writer, value)
        if isinstance(form, tuple):
            writer.first = form = writer.first or form
        return form

    return together(
        around(RecordWriter, "record", record), around(RecordWriter, "_reference", reference)
    )
