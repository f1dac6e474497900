"""Faults in what a database tells of its history, and in how it lets go of it."""

from __future__ import annotations

import time
from typing import Any

from zodb_reference.connections import Connection
from zodb_reference.db import DB
from zodb_reference.errors import POSKeyError, ReadConflictError
from zodb_reference.revisions import Revisions
from zodb_reference.snapshot import SharedSnapshot
from zodb_reference.storages.packing import PackableStorage

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, together
from zodb_conformance.kit import next_tid
from zodb_conformance.storagekit import oids_in


@double("database.last-transaction")
def what_was_aborted_counts() -> Fault:
    """An abort makes the tid of the last transaction a later one.

    A program that looks whether anything has happened finds nothing that has.
    """
    aborted: list[Any] = []

    def discard(correct: Any, connection: Connection) -> None:
        aborted.append(connection.db())
        correct(connection)

    def last(correct: Any, database: DB) -> bytes:
        tid: bytes = correct(database)
        return next_tid(tid) if database in aborted else tid

    return together(
        around(Connection, "_discard_changes", discard), around(DB, "lastTransaction", last)
    )


@double("database.history")
def history_is_told_in_bytes() -> Fault:
    """The history of an object tells user and description as the storage has them, in bytes.

    Every program has to guess how to read them.
    """

    def history(correct: Any, database: Revisions, oid: bytes, size: int = 1) -> Any:
        return database.storage.history(oid, size=size)

    return around(Revisions, "history", history)


@double("database.history-size")
def history_is_told_as_a_whole() -> Fault:
    """The history of an object is told as a whole where nothing is said.

    A page that shows when an object was changed last takes minutes.
    """

    def history(correct: Any, database: Revisions, oid: bytes, size: int = 1000) -> Any:
        return correct(database, oid, size)

    return around(Revisions, "history", history)


@double("database.history-of-nothing")
def what_is_not_there_has_no_history() -> Fault:
    """The history of an object that there is not is empty.

    A broken link looks like an object that nobody has changed.
    """

    def history(correct: Any, database: Revisions, oid: bytes, size: int = 1) -> Any:
        try:
            return correct(database, oid, size)
        except POSKeyError:
            return []

    return around(Revisions, "history", history)


@double("database.pack-keeps-current", checks="walk.undo")
def references_are_not_followed() -> Fault:
    """A pack takes objects for garbage to which others refer.

    They are lost.
    """

    def pack(correct: Any, database: DB, *args: Any, **options: Any) -> None:
        references = database.references
        database.references = lambda record, oids=None: []
        try:
            correct(database, *args, **options)
        finally:
            database.references = references

    return around(Revisions, "pack", pack)


@double(
    "database.pack-removes",
    also="database.pack-collects database.pack-collects-what-was-added",
)
def the_last_day_is_kept() -> Fault:
    """A pack for now is done for a day ago.

    The file grows, however often it is packed.
    """

    def pack(correct: Any, database: Revisions, t: float | None = None, days: float = 0) -> None:
        correct(database, time.time() - 86400 if t is None else t, days)

    return around(Revisions, "pack", pack)


@double("database.pack-time")
def days_do_not_count() -> Fault:
    """A pack for some days ago is done for now.

    What the program wanted to be able to undo is gone.
    """

    def pack(correct: Any, database: Revisions, t: float | None = None, days: float = 0) -> None:
        correct(database, t)

    return around(Revisions, "pack", pack)


def _garbage_stays(is_spared: Any) -> Fault:
    """A pack keeps what nothing leads to where `is_spared(history, oid)` says so."""

    def doomed(correct: Any, storage: Any, upto: bytes, reached: Any) -> Any:
        return {
            oid: gone
            for oid, gone in correct(storage, upto, reached).items()
            if oid in (reached or ()) or not is_spared(storage._history, oid)
        }

    return around(PackableStorage, "_doomed", doomed)


def _refers(history: Any, oid: bytes) -> bool:
    record = history.find(oid)
    return record is not None and bool(record.data and oids_in(record.data))


@double("database.pack-collects")
def what_refers_to_something_stays() -> Fault:
    """A pack keeps objects that refer to others.

    Of what was deleted, the leaves are collected, and the trees stay.
    """
    return _garbage_stays(_refers)


@double("database.pack-collects-what-was-added")
def what_was_added_stays() -> Fault:
    """A pack keeps objects that refer to nothing.

    What a program has added and forgotten takes room for ever.
    """
    return _garbage_stays(lambda history, oid: not _refers(history, oid))


@double("database.pack-disturbs-nobody")
def all_have_to_begin_again() -> Fault:
    """A pack aborts the transactions that have changes.

    Everybody loses what he was doing.
    """

    def pack(correct: Any, database: DB, *args: Any, **options: Any) -> None:
        for connection in database._pool.everyone():
            if connection.joined is not None:
                connection.transaction_manager.abort()
        correct(database, *args, **options)

    return around(Revisions, "pack", pack)


@double("database.pack-under-a-snapshot")
def what_was_packed_away_is_newer() -> Fault:
    """Where a revision was packed away, a connection shows what came later.

    Two objects don't fit together, and nobody knows.
    """

    def load(correct: Any, snapshot: SharedSnapshot, oid: bytes) -> Any:
        try:
            return correct(snapshot, oid)
        except ReadConflictError:
            return snapshot._storage.load(oid)

    return around(SharedSnapshot, "load", load)
