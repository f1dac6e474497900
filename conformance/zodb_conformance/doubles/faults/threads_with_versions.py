"""Faults in the edition with versions that show when threads meet."""

from __future__ import annotations

from typing import Any

from zodb_reference.committing import Commit
from zodb_reference.connections import Connection
from zodb_reference.current_reads import OlderSharedSnapshot
from zodb_reference.databasework import DatabaseWork
from zodb_reference.storages.twophase import TwoPhaseStorage

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, together

OF_2006 = "2006-08-16"


@double("thread.current-reads-against-commit", edition=OF_2006)
def whether_it_has_changed_is_asked_too_early() -> Fault:
    """Whether an object has changed since the transaction began is found out, and then its current
    revision is read.

    A thread that commits between the two slips a new state in beside the old ones.
    """

    def load(correct: Any, snapshot: Any, oid: bytes) -> Any:
        found = correct(snapshot, oid)
        return snapshot.load_current(oid) if snapshot.reads_current else found

    return around(OlderSharedSnapshot, "load", load)


@double("thread.one-version-holds", edition=OF_2006)
def locks_are_looked_for_before_it_is_ones_turn() -> Fault:
    """Which objects are held by versions is found out before the connection's turn to commit has
    come, and not again.

    Two versions hold one object, and whichever is committed last takes the other one's work.
    """

    def before_completion(correct: Any, connection: Any, txn: Any) -> None:
        correct(connection, txn)
        storage = connection.db().storage
        connection.free = {
            obj._p_oid
            for obj in connection._registered
            if obj._p_oid not in connection.objects.new
            and storage.getTid(obj._p_oid) == obj._p_serial
        }

    def put(correct: Any, commit: Any, oid: bytes, serial: bytes, record: bytes) -> None:
        storage = commit._connection.db().storage
        storage.free = commit._connection.free
        correct(commit, oid, storage.getTid(oid) if oid in storage.free else serial, record)

    def require_not_held(correct: Any, storage: Any, commit: Any, oid: bytes, *args: Any) -> None:
        if oid not in vars(storage).get("free", ()):
            correct(storage, commit, oid, *args)

    return together(
        around(Connection, "beforeCompletion", before_completion),
        around(Commit, "put", put),
        around(TwoPhaseStorage, "_require_not_held", require_not_held),
    )


@double("thread.version-ending-against-boundary", edition=OF_2006)
def the_end_of_a_version_is_announced_before_it_is_there() -> Fault:
    """When a version is committed, the connections are told while the commit is under way, and not
    when it is finished, as the code of that time did.

    A connection that begins a transaction in between loads the old state once more, and keeps it.
    """

    def commit(correct: Any, work: Any, txn: Any) -> None:
        correct(work, txn)
        snapshot, _ = work._begun
        for news in work._news:
            snapshot._shared.log.append(work.database.lastTransaction(), news._replace(oids=None))
        work._news.clear()

    return around(DatabaseWork, "commit", commit)
