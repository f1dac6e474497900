"""Faults in collections of databases."""

from __future__ import annotations

import unicodedata
from collections import UserDict
from collections.abc import MutableMapping
from typing import Any

from zodb_reference import groups
from zodb_reference.connections import Connection
from zodb_reference.db import DB
from zodb_reference.groups import Group
from zodb_reference.reading import RecordReader
from zodb_reference.writing import RecordWriter

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, instead, together


class Wrapped(UserDict[str, Any]):
    """Another mapping with the same contents, whatever becomes of these."""

    def __init__(self, mapping: MutableMapping[str, Any]) -> None:
        self.data = mapping  # type: ignore[assignment]


@double("collection.registers")
def a_database_wraps_the_mapping() -> Fault:
    """A database has a mapping of its own as `databases`, which has the same contents.

    A program that tells by it whether two databases are of one collection takes them for strangers.
    """

    def init(correct: Any, database: DB, *args: Any, **options: Any) -> None:
        correct(database, *args, **options)
        database.databases = Wrapped(database.databases)

    return around(DB, "__init__", init)


@double("collection.name-twice-refused")
def the_last_database_of_a_name_gets_it() -> Fault:
    """A database whose name is taken takes it over.

    All references to the former one lead into the new one, to whatever has these oids there.
    """

    def enter(database: DB) -> None:
        database.databases[database.database_name] = database

    return together(
        instead(DB, "_require_place_in_collection", lambda database: None),
        instead(DB, "_enter_collection", enter),
    )


@double("collection.alone")
def databases_without_a_collection_share_one() -> Fault:
    """All databases that are made without `databases` are in one collection.

    The second one of a process is refused, unless somebody has thought of a name for it.
    """
    common: dict[str, Any] = {}

    def init(correct: Any, database: DB, *args: Any, **options: Any) -> None:
        correct(database, *args, **{"databases": common, **options})

    return around(DB, "__init__", init)


@double("collection.names-in-any-script")
def names_are_normalized() -> Fault:
    """Names are brought into one normal form of Unicode.

    A database can't be found under the name that the program has given it.
    """

    def init(correct: Any, database: DB, *args: Any, **options: Any) -> None:
        name = unicodedata.normalize("NFC", options.pop("database_name", "unnamed"))
        correct(database, *args, database_name=name, **options)

    return around(DB, "__init__", init)


@double("collection.empty-name")
def an_empty_name_stands_for_the_own_database() -> Fault:
    """A database without a name is taken for the one that is at hand.

    References to its objects lead to objects of the wrong database.
    """

    def get_connection(correct: Any, connection: Connection, name: str) -> Any:
        return correct(connection, name) if name else connection

    return around(Connection, "get_connection", get_connection)


@double("collection.removed-entry")
def who_has_left_may_still_be_referred_to() -> Fault:
    """Objects of a database that was taken out of the collection can still be referred to.

    What refers to them can't be loaded by anybody.
    """

    def require(correct: Any, writer: RecordWriter, obj: Any, oid: bytes, jar: Any) -> None:
        if jar.db().database_name in jar.db().databases:
            correct(writer, obj, oid, jar)

    return around(RecordWriter, "_require_same_group", require)


@double("collection.replaced-entry")
def a_known_name_will_do() -> Fault:
    """Objects of a database whose name is that of a member can be referred to.

    The reference leads to another object, or to none.
    """

    def require(correct: Any, writer: RecordWriter, obj: Any, oid: bytes, jar: Any) -> None:
        if jar.db().database_name not in jar.db().databases:
            correct(writer, obj, oid, jar)

    return around(RecordWriter, "_require_same_group", require)


@double("collection.second-entry")
def each_name_gets_a_connection_of_its_own() -> Fault:
    """Under a second name of a database, a group gets a second connection to it.

    One object is there twice, and changes of the one are not seen in the other.
    """
    return instead(groups, "_database", lambda asked, name: asked.databases[name])


@double("collection.closing-disturbs-no-other-group")
def closing_one_database_aborts_what_all_others_do() -> Fault:
    """To close one database of a collection aborts the transactions of the others.

    Somebody's work is lost since somebody else has finished with something.
    """

    def close(correct: Any, database: DB) -> None:
        for member in list(database.databases.values()):
            for connection in member._pool.everyone():
                if connection.opened is not None:
                    connection.transaction_manager.abort()
        correct(database)

    return around(DB, "close", close)


@double("collection.closing-ends-groups")
def the_rest_of_a_group_stays_open() -> Fault:
    """To close a database closes its own connections, and not the others of their groups.

    A transaction can commit half of what it did.
    """

    def shut_down(group: Group, member: Connection) -> None:
        if member.joined is not None:
            member.abort(member.joined)
        member.db().forget(member)

    return instead(Group, "shut_down", shut_down)


@double("collection.closing-aborts", checks="walk.closings")
def what_was_new_when_a_database_was_closed_stays_owned() -> Fault:
    """When a database is closed, what was added to its groups and not stored keeps its owner.

    It can't be stored any more, neither there nor elsewhere.
    """

    def abort(correct: Any, group: Group, members: list[Connection]) -> None:
        new = [(obj, each, oid) for each in members for oid, obj in each.objects.new.items()]
        correct(group, members)
        for obj, owner, oid in new:
            obj._p_jar, obj._p_oid = owner, oid

    return around(Group, "_abort", abort)


@double(
    "collection.closing-closes-groups",
    checks="walk.closings",
    also="connection.closed-refuses-use",
)
def a_database_that_is_closed_leaves_its_groups_open() -> Fault:
    """To close a database aborts the transactions of its groups, and leaves their members open.

    A program goes on with half of a group.
    """

    def shut_down(group: Group, member: Connection) -> None:
        members = group._open_ones(member)
        if members:
            group._abort(members)

    return instead(Group, "shut_down", shut_down)


@double("collection.closed-gives-no-connection", also="collection.closed-says-so")
def a_closed_database_gives_none() -> Fault:
    """To ask for a connection to a database that was closed gives None.

    The program goes on with it, and fails elsewhere.
    """
    closed: set[str] = set()

    def get_connection(correct: Any, connection: Connection, name: str) -> Any:
        try:
            return correct(connection, name)
        except KeyError:
            if name in closed:
                return None
            raise

    return together(_told(closed), around(Connection, "get_connection", get_connection))


@double("collection.closed-says-so")
def a_missing_database_is_an_accident() -> Fault:
    """To ask for a connection to a database that is not there fails by an error that nobody meant.

    The person who gets the error looks for a bug in the database.
    """

    def database(correct: Any, asked: DB, name: str) -> Any:
        if name not in asked.databases:
            raise AttributeError("'NoneType' object has no attribute 'take_connection'")
        return correct(asked, name)

    return around(groups, "_database", database)


@double("collection.closed-gives-its-name-back")
def a_closed_database_keeps_its_name() -> Fault:
    """A database that was closed stays in the collection.

    A program can't close one of several databases and open it again.
    """

    def close(correct: Any, database: DB) -> None:
        correct(database)
        database.databases.setdefault(database.database_name, database)

    return around(DB, "close", close)


@double("collection.closed-while-referred-to")
def references_to_a_closed_database_are_left_out() -> Fault:
    """In the place of a reference to an object of a closed database there is None.

    The next change of the object that holds the reference stores that.
    """
    closed: set[str] = set()

    def resolve(correct: Any, reader: RecordReader, reference: Any) -> Any:
        try:
            return correct(reader, reference)
        except KeyError as error:
            if any(name in str(error) for name in closed):
                return None
            raise

    return together(_told(closed), around(RecordReader, "resolve", resolve))


def _told(closed: set[str]) -> Fault:
    """No fault yet: the names of the databases that are closed are put down."""

    def close(correct: Any, database: DB) -> None:
        closed.add(database.database_name)
        correct(database)

    return around(DB, "close", close)
