"""Faults in the records of references across databases."""

from __future__ import annotations

from typing import Any

from zodb_reference import db, groups, records
from zodb_reference.connections import Connection
from zodb_reference.db import DB
from zodb_reference.errors import InvalidObjectReference
from zodb_reference.reading import RecordReader
from zodb_reference.resolution import PersistentReference
from zodb_reference.writing import RecordWriter

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, instead


@double("xref.written-forms")
def every_reference_across_carries_a_class() -> Fault:
    """References to other databases carry a class, also where no ghost can be made from it.

    A reader that trusts the class makes objects without the arguments that their class wants.
    """

    def reference(correct: Any, writer: RecordWriter, value: Any) -> Any:
        form = correct(writer, value)
        if isinstance(form, list) and form[0] == "n":
            return ["m", (*form[1], type(value))]
        return form

    return around(RecordWriter, "_reference", reference)


@double("xref.read-forms")
def a_class_by_name_is_not_understood() -> Fault:
    """A reference to another database whose class is a pair of module and name is not understood.

    So is it written where a conflict was resolved by a process that does not have the class.
    """

    def resolve(correct: Any, reader: RecordReader, reference: Any) -> Any:
        match reference:
            case ["m", (_, _, tuple())]:
                raise TypeError("issubclass() arg 1 must be a class")
        return correct(reader, reference)

    return around(RecordReader, "resolve", resolve)


@double("xref.same-name-is-not-enough")
def a_namesake_is_taken_for_the_member() -> Fault:
    """An object of a database outside of the collection can be referred to if a member has the
    database's name.

    The reference leads to another object, or to none.
    """

    def require(correct: Any, writer: RecordWriter, obj: Any, oid: bytes, jar: Any) -> None:
        own, name = writer._connection.db(), jar.db().database_name
        if name == own.database_name or own.databases.get(name) in (None, jar.db()):
            correct(writer, obj, oid, jar)

    return around(RecordWriter, "_require_same_group", require)


@double("xref.refusal-names-both")
def a_refusal_is_a_message_alone() -> Fault:
    """The error by which a reference is refused has a message, and neither connection nor object.

    Nobody finds out which of ten thousand objects it was.
    """

    def refusal(correct: Any, writer: RecordWriter, obj: Any, message: str) -> Any:
        error: InvalidObjectReference = correct(writer, obj, message)
        if not obj._p_jar.new_objects.is_implicit(obj._p_oid):
            error.args = error.args[:1]
        return error

    return around(RecordWriter, "_refusal", refusal)


@double("xref.refusal-is-a-message", edition="2006-08-16")
def a_refusal_has_more_than_a_message() -> Fault:
    """The error by which a reference is refused has the connection and the object as well.

    A program that shows the error shows three things in place of a sentence.
    """

    def refusal(writer: RecordWriter, obj: Any, message: str) -> InvalidObjectReference:
        return InvalidObjectReference(message, writer._connection, obj)

    return instead(RecordWriter, "_refusal", refusal)


@double("xref.ambiguity-names-both")
def an_ambiguous_object_is_told_by_its_oid() -> Fault:
    """The error by which an ambiguous object is refused has the oid of it in place of the object.

    The oid is taken back with the abort, so it leads nowhere.
    """

    def refusal(correct: Any, writer: RecordWriter, obj: Any, message: str) -> Any:
        error: InvalidObjectReference = correct(writer, obj, message)
        if obj._p_jar.new_objects.is_implicit(obj._p_oid):
            error.args = (*error.args[:2], obj._p_oid)
        return error

    return around(RecordWriter, "_refusal", refusal)


@double("xref.cycles-and-chains")
def only_the_first_connection_opens_others() -> Fault:
    """References can be followed from the database that the program has begun with, and from no
    other.

    What refers to a third database can't be loaded.
    """

    def get_connection(correct: Any, connection: Connection, name: str) -> Any:
        if connection.group.primary is not connection and name not in connection.connections:
            raise KeyError(name)
        return correct(connection, name)

    return around(Connection, "get_connection", get_connection)


@double("xref.stays-where-it-was-stored")
def add_ignores_what_another_database_has() -> Fault:
    """`add` does nothing with an object of another database, and does not say so.

    The program believes that it has moved.
    """

    def add(correct: Any, connection: Connection, obj: Any) -> None:
        if obj._p_jar is None or obj._p_jar.db() is connection.db():
            correct(connection, obj)

    return around(Connection, "add", add)


@double("xref.forbidden")
def nobody_may_refer_to_who_refers_to_nobody() -> Fault:
    """With `xrefs=False` the objects of a database can't be referred to from other databases.

    The option is of no use for a database that others depend on.
    """

    def name_across(correct: Any, writer: RecordWriter, obj: Any) -> Any:
        if not obj._p_jar.db().xrefs:
            raise writer._refusal(obj, "its database was opened with xrefs=False")
        return correct(writer, obj)

    return around(RecordWriter, "_name_across", name_across)


@double("xref.forbidden")
def a_savepoint_takes_what_is_forbidden() -> Fault:
    """With `xrefs=False` a reference to another database is refused by a commit, and not by a
    savepoint.

    A program that makes savepoints stores what it must not: a commit takes what they have kept.
    """

    def name_across(correct: Any, writer: RecordWriter, obj: Any) -> Any:
        database, commit = writer._connection.db(), writer._connection._commit
        with instead(database, "xrefs", database.xrefs or commit is None):
            return correct(writer, obj)

    return around(RecordWriter, "_name_across", name_across)


@double("xref.forbidden-still-read")
def what_may_not_be_stored_is_not_read() -> Fault:
    """With `xrefs=False` the references to other databases that are there can't be read.

    To set the option makes a part of the database unreadable.
    """

    def resolve(correct: Any, reader: RecordReader, reference: Any) -> Any:
        if not reader._connection.db().xrefs and reference[0] in ("m", "n"):
            raise InvalidObjectReference("this database has no references to others")
        return correct(reader, reference)

    return around(RecordReader, "resolve", resolve)


@double("xref.forbidden-weak-allowed")
def weak_references_count_as_well() -> Fault:
    """With `xrefs=False` weak references to other databases are refused, too.

    A database that does not depend on others can't even point at them.
    """

    def weak_reference(correct: Any, writer: RecordWriter, reference: Any) -> Any:
        form = correct(writer, reference)
        if len(form[1]) > 1 and not writer._connection.db().xrefs:
            raise writer._refusal(reference(), "it belongs to another database")
        return form

    return around(RecordWriter, "_weak_reference", weak_reference)


@double("xref.unknown-database")
def references_to_an_unknown_database_are_left_out() -> Fault:
    """In the place of a reference into a database that is not in the collection there is None.

    The next change of the object that holds the reference stores that.
    """

    def resolve(correct: Any, reader: RecordReader, reference: Any) -> Any:
        try:
            return correct(reader, reference)
        except KeyError:
            return None

    return around(RecordReader, "resolve", resolve)


@double("xref.bound-by-name")
def a_name_stays_with_who_has_had_it_first() -> Fault:
    """A reference leads into the first database that had the name, although another one has it now.

    The program sees objects of a database that is not in the collection any more.
    """
    first: dict[str, DB] = {}

    def database(correct: Any, asked: DB, name: str) -> Any:
        return first.setdefault(name, correct(asked, name))

    return around(groups, "_database", database)


@double("xref.remembers-the-class")
def a_reference_keeps_its_first_class() -> Fault:
    """A reference carries the class that the target had when it was first referred to.

    After the class of an object was changed, others see it as what it was, for ever.
    """
    known: dict[tuple[str, bytes], type] = {}

    def reference(correct: Any, writer: RecordWriter, value: Any) -> Any:
        form = correct(writer, value)
        match form:
            case ["m", (name, oid, klass)]:
                return ["m", (name, oid, known.setdefault((name, oid), klass))]
        return form

    return around(RecordWriter, "_reference", reference)


@double("xref.class-factories")
def the_target_s_database_finds_the_class() -> Fault:
    """The class in a reference to another database is found by the class factory of that one.

    A class that a database renames is renamed in the records of others, which mean another one.
    """

    def resolve(correct: Any, reader: RecordReader, reference: Any) -> Any:
        match reference:
            case ["m", (name, oid, type() as klass)]:
                other = reader._connection.get_connection(name)
                found = other.reader.find_class(klass.__module__, klass.__qualname__)
                return correct(reader, ["m", (name, oid, found)])
        return correct(reader, reference)

    return around(RecordReader, "resolve", resolve)


@double("xref.not-among-own-references")
def references_to_others_are_listed_as_own() -> Fault:
    """The references of a record include those to other databases.

    An object that nothing refers to stays for ever, if it has the same oid by chance.
    """

    def references(record: bytes, oids: list[bytes] | None = None) -> list[bytes]:
        found = records.own_references(record, oids)
        unpickler = records._InertUnpickler(record)
        unpickler.load()
        unpickler.load()
        found += [form[1][1] for form in unpickler.references if form[0] in ("m", "n")]
        return found

    return instead(db, "own_references", references)


@double("xref.compared-in-resolution")
def equal_oids_are_equal_references() -> Fault:
    """In the resolution of conflicts, references to different databases are equal where the oids
    are.

    A resolver takes one object for another, and its result refers to the wrong one.
    """

    def is_same(correct: Any, reference: PersistentReference, other: object) -> bool:
        if isinstance(other, PersistentReference) and reference.oid == other.oid:
            return True
        same: bool = correct(reference, other)
        return same

    return around(PersistentReference, "_is_same", is_same)
