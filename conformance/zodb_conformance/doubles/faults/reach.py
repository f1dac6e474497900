"""Faults in reachability: what a commit stores beside what changed."""

from __future__ import annotations

from typing import Any

from persistent import Persistent
from zodb_reference.committing import Commit
from zodb_reference.connections import Connection
from zodb_reference.writing import RecordWriter

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, together


@double("reach.stored-with-referrer", also="object.disowned-is-new")
def only_the_first_link_is_followed() -> Fault:
    """A commit stores the new objects that changed ones refer to, and none of those behind them.

    They get oids, so the references are written; the records that these name do not exist.
    """

    def store_reachable(correct: Any, commit: Commit, obj: Any) -> None:
        commit._store(obj)
        direct = list(commit._writer.found)
        for found in direct:
            commit._store(found)
        commit._writer.found.clear()

    return around(Commit, "_store_reachable", store_reachable)


@double("reach.weak-target-stored", also="object.disowned-is-new reach.separate-connection-refused")
def the_target_of_a_weak_reference_is_not_stored() -> Fault:
    """A new object that only a weak reference leads to gets an oid, and no record.

    Where the program links it strongly later on in the same transaction, it is taken for stored
    already: a strong reference to nothing.
    """

    def weak_reference(correct: Any, writer: RecordWriter, reference: Any) -> Any:
        known = len(writer.found)
        written = correct(writer, reference)
        del writer.found[known:]
        return written

    return around(RecordWriter, "_weak_reference", weak_reference)


@double("reach.not-before-commit")
def an_object_is_owned_as_soon_as_it_is_linked() -> Fault:
    """A new object that is put into a stored mapping is added to the connection at once.

    It is stored even if the program takes it out again before the commit, and it can't be put into
    another database any more.
    """

    def register(correct: Any, connection: Connection, obj: Any) -> None:
        correct(connection, obj)
        for value in list(vars(obj).get("data", {}).values()):
            if isinstance(value, Persistent) and value._p_jar is None and value._p_oid is None:
                connection.add(value)

    return around(Connection, "register", register)


@double("reach.separate-connection-refused")
def references_to_objects_of_others_are_written() -> Fault:
    """A reference to an object of another connection is written by its oid.

    If the object is new there, and that transaction is aborted, the reference leads to nothing.
    """

    def own_oid(correct: Any, writer: RecordWriter, obj: Any) -> bytes:
        if obj._p_oid is not None and obj._p_jar is not writer._connection:
            oid: bytes = obj._p_oid
            return oid
        found: bytes = correct(writer, obj)
        return found

    return together(
        around(RecordWriter, "_own_oid", own_oid),
        around(RecordWriter, "_belongs_elsewhere", lambda *_: False),
    )
