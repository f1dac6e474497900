"""Faults with new objects: to which database they come to belong, and what is a guess."""

from __future__ import annotations

from functools import partial
from typing import Any

from persistent import Persistent
from zodb_reference.connections import Connection
from zodb_reference.errors import InvalidObjectReference
from zodb_reference.newness import NewObjects, _Origin
from zodb_reference.storing import Storing
from zodb_reference.writing import RecordWriter

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, instead, together

faulty = partial(double, checks="walk.databases")

OF_10_JUNE, OF_16_JUNE = "2005-06-10", "2005-06-16"


@faulty("new-object.lands-with-referrer")
def new_objects_land_with_the_first_connection() -> Fault:
    """A new object that is reached from a member of a group lands in the database that the program
    opened first, if something is stored there as well.

    It is where nobody looks for it, and can't be moved.
    """

    def reference(correct: Any, writer: RecordWriter, value: Any) -> Any:
        connection = writer._connection
        primary = connection.group.primary
        if (
            isinstance(value, Persistent)
            and value._p_jar is None
            and primary is not connection
            and primary.joined is not None
            and primary.joined is connection.joined
        ):
            primary.add(value)
        return correct(writer, value)

    return around(RecordWriter, "_reference", reference)


@faulty("new-object.ambiguous-refused", also="new-object.stays-ambiguous")
def a_new_object_lands_where_it_is_stored_first() -> Fault:
    """A new object that two databases reach lands in the one that is stored first.

    Which one that is depends on an accident, and nobody is told.
    """
    return instead(NewObjects, "is_implicit", lambda new, oid: False)


@faulty("new-object.ambiguous-refused", also="new-object.stays-ambiguous")
def only_the_first_connection_is_strict() -> Fault:
    """A new object that two databases reach is refused if the connection that was opened first
    meets it second, and not the other way round.

    What a program may do depends on the order in which databases are stored.
    """

    def name_across(correct: Any, writer: RecordWriter, obj: Any) -> str:
        if writer._connection.group.primary is writer._connection:
            name: str = correct(writer, obj)
            return name
        jar = obj._p_jar
        writer._require_same_group(obj, obj._p_oid, jar)
        called: str = jar.db().database_name
        return called

    return around(RecordWriter, "_name_across", name_across)


@double("new-object.first-to-store-has-it", edition=OF_10_JUNE)
def the_first_to_store_has_it_alone() -> Fault:
    """A new object that two databases reach is refused.

    Programs that were written when it was accepted can't commit.
    """
    return instead(NewObjects, "is_implicit", lambda new, oid: oid in new)


@double("new-object.add-decides-nothing", edition=OF_16_JUNE)
def to_add_it_decides() -> Fault:
    """An object that was added may be referred to from every database.

    What a program has tried out under these rules is refused where they are obeyed.
    """
    return instead(NewObjects, "store", lambda new, oid: None)


@faulty("new-object.stays-ambiguous")
def a_savepoint_settles_it() -> Fault:
    """Once a savepoint has stored a new object, others may refer to it.

    Where it ends up depends on when the program happened to make a savepoint.
    """
    return savepoints_leave_all(_Origin.SAVED)


def savepoints_leave_all(origin: _Origin) -> Fault:
    """The fault that after a savepoint all that is new counts as having come to be so this way."""

    def savepoint(correct: Any, connection: Connection) -> Any:
        made = correct(connection)
        new = connection.new_objects
        new._origins = dict.fromkeys(new._origins, origin)
        return made

    return around(Connection, "savepoint", savepoint)


@faulty("new-object.stays-ambiguous")
def to_add_it_later_settles_it() -> Fault:
    """To add an object that a savepoint has stored says to which database it belongs.

    The program believes that it has decided what the savepoint has guessed.
    """

    def add(correct: Any, connection: Connection, obj: Any) -> None:
        correct(connection, obj)
        if obj._p_jar is connection and obj._p_oid in connection.new_objects:
            connection.new_objects.add(obj._p_oid)

    return around(Connection, "add", add)


@faulty("new-object.savepoint-decides", edition=OF_16_JUNE)
def a_savepoint_settles_nothing() -> Fault:
    """What a savepoint has stored may still not be referred to from other databases.

    A program that makes a savepoint for no other purpose is refused its references.
    """
    return instead(NewObjects, "pass_savepoint", lambda new: None)


@faulty("new-object.add-decides")
def what_was_added_is_ambiguous_like_the_rest() -> Fault:
    """An object that was added and is not committed yet may not be referred to from other
    databases.

    A program has no way to make both links in one transaction.
    """

    def is_implicit(correct: Any, new: NewObjects, oid: bytes) -> bool:
        return oid in new

    return around(NewObjects, "is_implicit", is_implicit)


@faulty("new-object.add-decides")
def a_savepoint_forgets_what_was_added() -> Fault:
    """A savepoint makes what was added as ambiguous as what it came across.

    A program is refused because it has saved memory.
    """
    return savepoints_leave_all(_Origin.REACHED)


@double("new-object.add-decides-for-one")
def what_was_added_speaks_for_its_parts() -> Fault:
    """What is reached from an object that was added counts as added, too.

    A part lands with a whole that the program was asked about, while it may belong to another.
    """

    def store_reachable(correct: Any, storing: Storing, obj: Any) -> None:
        new = storing._connection.new_objects
        before, added = set(new), not new.is_implicit(obj._p_oid)
        correct(storing, obj)
        for oid in set(new) - before if added else ():
            new.add(oid)

    return around(Storing, "_store_reachable", store_reachable)


@double("new-object.rollback-erases-the-guess")
def a_guess_outlives_a_rollback() -> Fault:
    """An object that was stored with one database in a transaction may not be stored with another
    in the same transaction, although a rollback has taken that back.

    There is no way out but to abort, and to lose the rest.
    """
    guessed: list[tuple[Connection, Any]] = []

    def roll_back(correct: Any, connection: Connection, savepoint: Any) -> None:
        new = connection.new_objects
        oids = [oid for oid in new.since(savepoint.mark) if new.is_implicit(oid)]
        guessed.extend((connection, connection.objects.find(oid)) for oid in oids)
        correct(connection, savepoint)

    def own_oid(correct: Any, writer: RecordWriter, obj: Any) -> Any:
        if any(obj is new and writer._connection is not owner for owner, new in guessed):
            raise InvalidObjectReference("it is new", writer._connection, obj)
        return correct(writer, obj)

    return together(
        around(Connection, "roll_back", roll_back), around(RecordWriter, "_own_oid", own_oid)
    )


@faulty("new-object.commit-decides")
def what_was_committed_just_now_is_still_new() -> Fault:
    """An object may not be referred to from other databases before the connection that stored it is
    opened anew.

    To commit between the two links, as the error tells, does not help.
    """

    def clear(correct: Any, new: NewObjects) -> None:
        vars(new).setdefault("before", set()).update(new)
        correct(new)

    def is_implicit(correct: Any, new: NewObjects, oid: bytes) -> bool:
        implicit: bool = correct(new, oid)
        return implicit or oid in vars(new).get("before", ())

    return together(
        around(NewObjects, "clear", clear), around(NewObjects, "is_implicit", is_implicit)
    )
