"""Faults in what can be called on connections and databases."""

from __future__ import annotations

from typing import Any

from zodb_reference.connection_of_2005 import ConnectionOf2005
from zodb_reference.connection_of_2006 import ConnectionOf2006
from zodb_reference.connections import Connection
from zodb_reference.db import DB
from zodb_reference.db_of_2006 import DBOf2006

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import instead


def without(owner: type, name: str) -> Fault:
    """The fault that a class has no method of that name."""

    def missing(self: Any) -> Any:
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    return instead(owner, name, property(missing))


@double("connection.interface")
def an_exchange_takes_one_object() -> Fault:
    """`exchange` takes the new object alone, and finds the old one by itself.

    Programs that name both, as they always did, fail.
    """
    return instead(Connection, "exchange", lambda connection, new: None)


@double("connection.interface-before-today", edition="2006-08-16")
def an_announcement_has_to_name_a_version() -> Fault:
    """`invalidate` of a connection can't be called without a version.

    Storages that announce the changes of others call it with a tid and the oids.
    """
    correct = ConnectionOf2005.invalidate

    def invalidate(connection: Any, tid: bytes, oids: Any, version: str) -> None:
        correct(connection, tid, oids)

    return instead(ConnectionOf2005, "invalidate", invalidate)


@double("connection.interface-of-versions", edition="2006-08-16")
def a_connection_does_not_tell_its_version() -> Fault:
    """A connection has no `getVersion`.

    A program that is handed a connection can't find out where its changes go.
    """
    return without(ConnectionOf2006, "getVersion")


@double("connection.interface-of-today")
def a_prefetch_takes_one_object() -> Fault:
    """`prefetch` takes one object, and not several.

    A program that asks for what it needs next, all at once, fails over this implementation alone.
    """
    return instead(Connection, "prefetch", lambda connection, wanted: None)


@double("database.interface")
def a_database_does_not_show_its_caches() -> Fault:
    """A database has no `cacheExtremeDetail`.

    Tools that show what fills the memory fail.
    """
    return without(DB, "cacheExtremeDetail")


@double("database.interface-of-packing")
def the_days_of_a_pack_have_another_name() -> Fault:
    """`pack` takes the days that are to be kept under another name.

    The script that packs every night fails every night.
    """
    correct = DB.pack

    def pack(database: Any, t: float | None = None, keep: float = 0) -> None:
        correct(database, t, keep)

    return instead(DB, "pack", pack)


@double("database.interface-of-history")
def the_length_of_a_history_has_another_name() -> Fault:
    """`history` takes the number of revisions under another name.

    Programs that name it, which is the only way that works in every edition, fail.
    """
    correct = DB.history

    def history(database: Any, oid: bytes, length: int = 1) -> Any:
        return correct(database, oid, length)

    return instead(DB, "history", history)


@double("database.interface-of-versions", edition="2006-08-16")
def the_pool_of_a_version_can_not_be_removed() -> Fault:
    """A database has no `removeVersionPool`.

    The pools of versions that are long over are never forgotten.
    """
    return without(DBOf2006, "removeVersionPool")


@double("database.interface-of-today")
def undoing_several_works_in_the_current_transaction_only() -> Fault:
    """`undoMultiple` does not take the transaction that it is to be part of.

    A program with a transaction manager of its own can undo one transaction at a time, no more.
    """
    correct = DB.undoMultiple

    def undo_multiple(database: Any, ids: Any) -> None:
        correct(database, ids)

    return instead(DB, "undoMultiple", undo_multiple)


@double("database.interface-of-the-past")
def the_past_is_kept_as_long_as_the_implementation_likes() -> Fault:
    """A database has no `setHistoricalTimeout`.

    How long connections to the past take up memory is not for the program to say.
    """
    return without(DB, "setHistoricalTimeout")
