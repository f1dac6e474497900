"""Faults in what a database says of its versions, and in what it says where it has none."""

from __future__ import annotations

from functools import partial
from typing import Any

from zodb_reference.connection_of_2006 import ConnectionOf2006
from zodb_reference.db import DB
from zodb_reference.db_of_2006 import DBOf2006
from zodb_reference.errors import POSKeyError, VersionError

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around

faulty = partial(double, edition="2006-08-16")


@faulty("version.modified-in")
def what_was_in_a_version_is_in_it_for_good() -> Fault:
    """`modifiedInVersion` goes on naming the version that has held an object, when it has ended.

    A program waits for a version that nobody will ever end.
    """
    held: dict[bytes, str] = {}

    def modified_in_version(correct: Any, db: DBOf2006, oid: bytes) -> str:
        held[oid] = correct(db, oid) or held.get(oid, "")
        return held[oid]

    return around(DBOf2006, "modifiedInVersion", modified_in_version)


@faulty("version.modified-in-by-connection")
def what_is_new_is_in_no_version() -> Fault:
    """A connection in a version says of its new objects that no version is going to hold them.

    A program that marks what is not public yet leaves the mark out.
    """

    def modified_in_version(correct: Any, connection: ConnectionOf2006, oid: bytes) -> str:
        try:
            version: str = connection.db().modifiedInVersion(oid)
        except POSKeyError:
            return ""
        return version

    return around(ConnectionOf2006, "modifiedInVersion", modified_in_version)


@faulty("version.closed-connection-answers")
def a_closed_connection_is_in_the_trunk() -> Fault:
    """A closed connection says that it is in the trunk.

    What a program keeps to find out where something was done tells it the wrong place.
    """

    def get_version(correct: Any, connection: ConnectionOf2006) -> str:
        version: str = correct(connection)
        return "" if connection.opened is None else version

    return around(ConnectionOf2006, "getVersion", get_version)


@faulty("version.listed")
def the_list_of_versions_has_no_end() -> Fault:
    """`versions` gives all names, however few are asked for.

    A page that has room for ten shows thousands.
    """
    return around(DBOf2006, "versions", lambda correct, db, *limits, **named: correct(db))


@faulty("version.emptiness")
def a_version_is_never_empty_again() -> Fault:
    """A version that has once held something is not empty after it was committed or aborted.

    A program that removes what is done with never does.
    """
    used: set[str] = set()

    def version_empty(correct: Any, db: DBOf2006, version: str) -> bool:
        if not correct(db, version):
            used.add(version)
        return version not in used

    return around(DBOf2006, "versionEmpty", version_empty)


@faulty("version.emptiness-of-the-trunk-refused")
def the_trunk_counts_as_a_version() -> Fault:
    """`versionEmpty` says of the empty name that there is nothing in it.

    A program that has lost the name goes on as if all was done.
    """

    def version_empty(correct: Any, db: DBOf2006, version: str) -> bool:
        try:
            empty: bool = correct(db, version)
        except VersionError:
            return True
        return empty

    return around(DBOf2006, "versionEmpty", version_empty)


@faulty("version.none-to-list")
def where_there_are_no_versions_none_is_empty() -> Fault:
    """Over a storage without versions, every version is said to hold something.

    A program that waits for a version to become empty waits for ever.
    """

    def version_empty(correct: Any, db: DBOf2006, version: str) -> bool:
        empty: bool = correct(db, version)
        return empty and db.supportsVersions()

    return around(DBOf2006, "versionEmpty", version_empty)


@faulty("version.none-to-end")
def to_commit_no_version_is_a_success() -> Fault:
    """Over a storage without versions, `commitVersion` does nothing, and says nothing.

    The program believes that the work is there for everybody.
    """

    def commit_version(correct: Any, db: DBOf2006, *arguments: Any, **options: Any) -> None:
        if db.supportsVersions():
            correct(db, *arguments, **options)

    return around(DBOf2006, "commitVersion", commit_version)


@double("version.gone")
def a_version_is_the_trunk_today() -> Fault:
    """`open` takes the name of a version, and opens a connection that shows what all see.

    A program from then works in public, and believes to be apart.
    """

    def open_connection(
        correct: Any, db: DB, transaction_manager: Any = None, *more: Any, **options: Any
    ) -> Any:
        if isinstance(transaction_manager, str) and transaction_manager:
            transaction_manager = None
        return correct(db, transaction_manager, *more, **options)

    return around(DB, "open", open_connection)


@double("version.gone-and-none-asked-for")
def the_empty_name_is_an_error_today() -> Fault:
    """`open` refuses the empty name, as it does the name of a version.

    Programs that have never asked for a version stop working.
    """

    def open_connection(
        correct: Any, db: DB, transaction_manager: Any = None, *more: Any, **options: Any
    ) -> Any:
        if transaction_manager == "":
            raise TypeError("versions are gone")
        return correct(db, transaction_manager, *more, **options)

    return around(DB, "open", open_connection)
