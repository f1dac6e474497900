"""Faults in the interface of a connection."""

from __future__ import annotations

from typing import Any

import transaction
from persistent import Persistent
from persistent.mapping import PersistentMapping
from transaction import Transaction, TransactionManager
from transaction.interfaces import NoTransaction
from zodb_reference import db, root
from zodb_reference.connections import Connection
from zodb_reference.current_reads import OlderSharedSnapshot
from zodb_reference.errors import POSError, POSKeyError, ReadConflictError
from zodb_reference.oids import p64, z64
from zodb_reference.persistentclass import is_persistent_class
from zodb_reference.root import RootConvenience
from zodb_reference.snapshot import SharedSnapshot

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, instead, together


@double("root.oid-is-zero", also="root.first-transaction")
def the_root_is_object_number_one() -> Fault:
    """The root gets the first oid that the storage gives, and not zero.

    No other implementation finds the root of such a database.
    """
    return together(instead(db, "z64", p64(1)), instead(root, "z64", p64(1)))


@double("root.first-transaction")
def the_first_transaction_has_no_description() -> Fault:
    """The transaction that creates the root does not say so.

    Tools that tell a new database from a damaged one by it are wrong.
    """
    return around(db.DB, "transaction", lambda correct, database, note=None: correct(database))


class RootMapping(PersistentMapping):
    """A root of another class."""


@double("root.is-a-mapping")
def the_root_has_a_class_of_its_own() -> Fault:
    """The root is an object of a class that only this implementation has.

    Every other implementation shows a placeholder, and nothing can be reached.
    """
    return instead(db, "PersistentMapping", RootMapping)


@double("root.attribute-shorthand")
def a_missing_name_of_the_root_is_a_key_error() -> Fault:
    """`connection.root.name` fails with a KeyError where the root has no such item.

    `hasattr` and `getattr` with a default fail as well.
    """
    return instead(RootConvenience, "__getattr__", lambda self, name: self()[name])


@double("connection.default-transaction-manager")
def a_connection_without_a_manager_gets_a_new_one() -> Fault:
    """A connection that is opened without a manager works under one that nobody else has.

    `transaction.commit()` stores nothing.
    """

    def open_(correct: Any, connection: Connection, manager: Any = None) -> None:
        correct(connection, manager or TransactionManager())

    return around(Connection, "open", open_)


@double("connection.knows-its-database")
def a_closed_connection_has_no_database() -> Fault:
    """A closed connection does not know any longer where it came from.

    An error message that wants to name the database fails itself.
    """

    def db_(correct: Any, connection: Connection) -> Any:
        return correct(connection) if connection.opened else None

    return around(Connection, "db", db_)


@double("connection.alone-in-its-group")
def a_connection_does_not_count_itself() -> Fault:
    """The group of a connection lacks the connection itself.

    Code that works with several databases needs an exception for a single one.
    """

    def init(correct: Any, connection: Connection, *args: Any) -> None:
        correct(connection, *args)
        connection.connections = {}

    return around(Connection, "__init__", init)


@double("connection.closed-refuses-questions")
def a_closed_connection_answers_as_before() -> Fault:
    """A closed connection says whether it takes changes, from what it was when it was open.

    The program acts on an answer that means nothing.
    """
    return instead(Connection, "isReadOnly", lambda self: self._snapshot.is_read_only())


@double("connection.newer-object-is-a-conflict")
def get_of_a_newer_object_is_a_key_error() -> Fault:
    """`get` of an object that is newer than the snapshot fails as if there were no such object.

    A program that retries its transaction after conflicts would find it; this one reports a broken
    link.
    """

    def load(correct: Any, snapshot: SharedSnapshot, oid: bytes) -> Any:
        try:
            return correct(snapshot, oid)
        except ReadConflictError as error:
            raise POSKeyError(oid) from error

    return around(SharedSnapshot, "load", load)


@double("connection.newer-object-is-delivered", edition="2006-08-16")
def get_of_a_newer_object_is_a_conflict() -> Fault:
    """`get` of an object that is newer than the snapshot fails in an edition that delivers it.

    A program that was given an oid by another one has to begin again.
    """

    def load_current(correct: Any, snapshot: OlderSharedSnapshot, oid: bytes) -> Any:
        if snapshot.reads_current:
            return correct(snapshot, oid)
        raise ReadConflictError(oid=oid)

    return around(OlderSharedSnapshot, "load_current", load_current)


@double("connection.closed-loads-nothing")
def a_closed_connection_loads_ghosts() -> Fault:
    """A ghost is loaded through a closed connection, from the snapshot that it had in the end.

    The program reads a state of which nobody knows any longer how old it is.
    """

    def setstate(correct: Any, connection: Connection, obj: Any) -> None:
        if connection.opened is not None:
            correct(connection, obj)
            return
        connection.opened = 1.0
        try:
            correct(connection, obj)
        finally:
            connection.opened = None

    return around(Connection, "setstate", setstate)


@double("connection.missing-object-is-a-key-error")
def the_error_for_a_missing_object_is_no_key_error() -> Fault:
    """`get` of an oid that no object has fails with an error that is no KeyError.

    A program that treats the connection as a mapping does not catch it.
    """

    def get(correct: Any, connection: Connection, oid: bytes) -> Any:
        try:
            return correct(connection, oid)
        except POSKeyError as error:
            if oid == z64:
                raise
            raise POSError(f"there is no object {oid!r}") from error

    return around(Connection, "get", get)


@double("connection.add-persistent-only")
def add_ignores_what_is_not_persistent() -> Fault:
    """`add` does nothing with an object that is not persistent, and does not say so.

    The program believes that it is stored.
    """

    def add(correct: Any, connection: Connection, obj: Any) -> None:
        if isinstance(obj, Persistent) or is_persistent_class(obj):
            correct(connection, obj)

    return around(Connection, "add", add)


@double("connection.registers-with-its-manager", also="connection.default-transaction-manager")
def changes_register_with_the_thread_as_well() -> Fault:
    """A change is registered with the connection's manager, and with the default manager of the
    thread as well.

    Whoever commits in the thread stores what the connection is in the middle of.
    """

    def register(correct: Any, connection: Connection, obj: Any) -> None:
        joined = connection._joined
        correct(connection, obj)
        if joined is None and connection._joined is not transaction.get():
            transaction.get().join(connection)

    return around(Connection, "register", register)


@double("connection.joins-once")
def every_change_joins_again() -> Fault:
    """A connection joins the transaction anew with every change.

    Large transactions become slow, and other data managers are told of a crowd.
    """

    def join(correct: Any, connection: Connection) -> None:
        joined = connection._joined
        correct(connection)
        if joined is not None:
            joined.join(connection)
            joined._resources.pop()

    return around(Connection, "_join", join)


@double("connection.explicit-manager")
def a_change_begins_a_transaction() -> Fault:
    """Under an explicit manager, a change outside of a transaction begins one.

    What the program did by mistake is committed with something else.
    """

    def join(correct: Any, connection: Connection) -> None:
        try:
            correct(connection)
        except NoTransaction:
            connection.transaction_manager.begin()
            correct(connection)

    return around(Connection, "_join", join)


@double("connection.explicit-read")
def reading_outside_of_a_transaction_breaks_down() -> Fault:
    """Under an explicit manager, to read before a transaction has begun fails with an error that
    says nothing of it.

    The person who gets the error looks for a bug in the database.
    """

    def load(correct: Any, snapshot: SharedSnapshot, oid: bytes) -> Any:
        if snapshot._before is None:
            raise AttributeError("'NoneType' object has no attribute 'snapshot'")
        return correct(snapshot, oid)

    return around(SharedSnapshot, "load", load)


@double("connection.explicit-reopened")
def what_was_missed_in_the_pool_is_missed_for_good() -> Fault:
    """A connection that is opened under an explicit manager does not learn what was committed while
    it was in the pool.

    The program works on with an old state, and each of its commits is a conflict.
    """

    def open_connection(correct: Any, connection: Connection, manager: Any = None) -> None:
        correct(connection, manager)
        if getattr(manager, "explicit", False):
            connection._snapshot.advance()

    return around(Connection, "open", open_connection)


@double("connection.two-in-one-transaction")
def of_two_connections_one_is_left_out() -> Fault:
    """Where two connections to one database have changes in one transaction, the commit stores
    those of the first and succeeds.

    Half of the work is lost.
    """

    def commit(correct: Any, txn: Any) -> None:
        members = [one for one in txn._resources if isinstance(one, Connection)]
        for member in members[1:]:
            txn._resources.remove(member)
            member.abort(txn)
        correct(txn)

    return around(Transaction, "commit", commit)
