"""Faults in references across databases: which are refused, and where they lead."""

from __future__ import annotations

from functools import partial
from typing import Any

from zodb_reference.connections import Connection
from zodb_reference.errors import InvalidObjectReference
from zodb_reference.oids import z64
from zodb_reference.reading import RecordReader
from zodb_reference.writing import RecordWriter

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around

faulty = partial(double, checks="walk.databases")

OF_10_JUNE = "2005-06-10"


def is_in_collection(connection: Connection, jar: Any) -> bool:
    """Whether the database of a jar belongs to the collection of a connection."""
    return connection.db().databases.get(jar.db().database_name) is jar.db()


@faulty("xref.other-group-refused")
def objects_of_other_groups_are_taken() -> Fault:
    """A reference to an object of a separate connection is stored, if its database belongs to the
    collection.

    The object may hold changes of somebody else's transaction, which never come to anything.
    """

    def require_same_group(
        correct: Any, writer: RecordWriter, obj: Any, oid: bytes, jar: Any
    ) -> None:
        connection = writer._connection
        if jar.db() is connection.db() or not is_in_collection(connection, jar):
            correct(writer, obj, oid, jar)

    return around(RecordWriter, "_require_same_group", require_same_group)


@faulty("xref.separate-accepted", edition=OF_10_JUNE)
def only_the_own_group_may_be_referred_to() -> Fault:
    """A reference to an object of a separate connection is refused.

    Programs of the time open each database by itself.
    """

    def require_same_group(
        correct: Any, writer: RecordWriter, obj: Any, oid: bytes, jar: Any
    ) -> None:
        correct(writer, obj, oid, jar)
        if writer._connection.group is not jar.group:
            raise InvalidObjectReference("it was opened separately")

    return around(RecordWriter, "_require_same_group", require_same_group)


@faulty("xref.outside-refused")
def any_database_with_a_name_may_be_referred_to() -> Fault:
    """A reference to an object of a database outside of the collection is stored by its name.

    There is nothing of that name where it is read, or something else.
    """

    def require_same_group(
        correct: Any, writer: RecordWriter, obj: Any, oid: bytes, jar: Any
    ) -> None:
        if is_in_collection(writer._connection, jar):
            correct(writer, obj, oid, jar)

    return around(RecordWriter, "_require_same_group", require_same_group)


@faulty("xref.accepted", also="xref.leads-to-the-group")
def references_across_are_written_without_the_database() -> Fault:
    """A reference to an object of another database is written as one to an object of the own one.

    It leads to whatever has that oid here.
    """

    def reference(correct: Any, writer: RecordWriter, value: Any) -> Any:
        form = correct(writer, value)
        if isinstance(form, list) and form[0] == "m":
            return form[1][1], form[1][2]
        return form

    return around(RecordWriter, "_reference", reference)


@faulty("xref.accepted")
def references_across_lead_to_the_root() -> Fault:
    """A reference to an object of another database is written as one to the root of that database,
    if the object was not changed in the same transaction.

    The program finds a mapping where it has put an object of its own.
    """

    def reference(correct: Any, writer: RecordWriter, value: Any) -> Any:
        form = correct(writer, value)
        if isinstance(form, list) and form[0] == "m" and not value._p_changed:
            return ["n", (form[1][0], z64)]
        return form

    return around(RecordWriter, "_reference", reference)


@faulty("xref.leads-to-the-group")
def what_a_reference_leads_to_is_opened_anew() -> Fault:
    """A reference across databases opens a connection of its own to the other one.

    What the program changes there is not what it sees through its group.
    """

    def resolve(correct: Any, reader: RecordReader, reference: Any) -> Any:
        if isinstance(reference, list) and reference[0] == "m":
            connection = reader._connection
            database = connection.db().databases[reference[1][0]]
            other = database.open(transaction_manager=connection.transaction_manager)
            return other.get(reference[1][1])
        return correct(reader, reference)

    return around(RecordReader, "resolve", resolve)


@faulty("xref.changes-go-home", also="transaction.second-phase-failure")
def members_give_up_when_the_first_one_finishes() -> Fault:
    """If the first connection of a group has changes, those of the others are discarded in the end
    of the commit.

    What the program has done by way of a reference across databases is lost.
    """

    def tpc_finish(correct: Any, connection: Connection, transaction: Any) -> None:
        primary = connection.group.primary
        if primary is not connection and primary in transaction._resources:
            connection.tpc_abort(transaction)
        else:
            correct(connection, transaction)

    return around(Connection, "tpc_finish", tpc_finish)
