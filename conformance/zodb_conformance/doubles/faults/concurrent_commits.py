"""Faults in the commits of several threads, which are right as long as nobody comes in between."""

from __future__ import annotations

from typing import Any

from zodb_reference.committing import Commit
from zodb_reference.connections import Connection
from zodb_reference.databasework import DatabaseWork
from zodb_reference.errors import ConflictError, ReadConflictError
from zodb_reference.oids import maxtid, p64, u64, z64
from zodb_reference.snapshot import SharedSnapshot
from zodb_reference.storages.twophase import TwoPhaseStorage

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, together


@double("thread.first-committer-wins", also="thread.transfers-keep-the-sum")
def conflicts_are_looked_for_before_it_is_ones_turn() -> Fault:
    """Whether the changed objects are current is found out before the connection's turn to commit
    has come, and not again.

    Whoever commits in between loses his changes, although he was told that they are stored.
    """

    def before_completion(correct: Any, connection: Connection, txn: Any) -> None:
        correct(connection, txn)
        storage = connection.db().storage
        vars(connection)["current"] = {
            obj._p_oid
            for obj in connection._registered
            if obj._p_oid not in connection.objects.new
            and storage.getTid(obj._p_oid) == obj._p_serial
        }

    def put(correct: Any, commit: Commit, oid: bytes, serial: bytes, record: bytes) -> None:
        connection = commit._connection
        if oid in vars(connection)["current"]:
            serial = connection.db().storage.getTid(oid)
        correct(commit, oid, serial, record)

    return together(
        around(Connection, "beforeCompletion", before_completion), around(Commit, "put", put)
    )


@double(
    "thread.commits-do-not-mix",
    also="""thread.first-committer-wins thread.own-commit-against-others
    thread.read-current-against-commit thread.transfers-keep-the-sum
    thread.additions-are-all-stored""",
)
def a_commit_without_records_loses_its_turn() -> Fault:
    """A storage begins another commit where the one that has begun has not stored anything yet.

    A commit that could have been stored fails, only because somebody else commits.
    """

    def await_turn(correct: Any, storage: Any) -> None:
        if storage._commit is not None and not storage._commit.records:
            storage._end_commit()
        correct(storage)

    return around(TwoPhaseStorage, "_await_turn", await_turn)


@double("thread.committing-against-boundary", also="thread.transfers-keep-the-sum")
def a_connection_announces_its_commit_when_it_has_returned() -> Fault:
    """A connection tells the others what it has changed when the storage has finished its commit.

    Who begins a transaction just before sees the new state of what is loaded then, and the old
    state of what is in memory.
    """

    def finish_with(correct: Any, snapshot: Any, meta: Any, news: Any) -> bytes:
        tid: bytes = snapshot._storage.tpc_finish(meta)
        for each in news:
            snapshot._shared.log.append(tid, each)
        return tid

    return around(SharedSnapshot, "finish_with", finish_with)


@double("thread.undo-against-boundary")
def an_undo_is_announced_before_it_is_done() -> Fault:
    """When the database undoes a transaction, the connections are told while that is being
    committed, and not when it is finished.

    A connection that begins a transaction in between loads the old state once more, and keeps it.
    """

    def commit(correct: Any, work: Any, txn: Any) -> None:
        correct(work, txn)
        snapshot, _ = work._begun
        for news in work._news:
            snapshot._shared.log.append(work.database.lastTransaction(), news._replace(oids=None))
        work._news.clear()

    return around(DatabaseWork, "commit", commit)


@double("thread.own-commit-against-others")
def a_commit_makes_everything_before_it_known() -> Fault:
    """The invalidations that come between the beginning of a connection's commit and its end are
    dropped, as if they were all its own.

    What others commit while it waits for its turn is never seen.
    """

    def before_completion(correct: Any, connection: Connection, txn: Any) -> None:
        correct(connection, txn)
        vars(connection._snapshot)["upto"] = connection.db().storage.lastTransaction()

    def finish(correct: Any, snapshot: Any, *args: Any) -> bytes:
        tid: bytes = correct(snapshot, *args)
        known, _ = snapshot._shared.log.read(snapshot._position, vars(snapshot)["upto"])
        _, snapshot._position = snapshot._shared.log.read(snapshot._position, maxtid)
        vars(snapshot)["early"] = known or {}
        return tid

    def advance(correct: Any, snapshot: Any) -> Any:
        early, changed = vars(snapshot).pop("early", {}), correct(snapshot)
        return None if changed is None else {**early, **changed}

    return together(
        around(Connection, "beforeCompletion", before_completion),
        around(SharedSnapshot, "finish", finish),
        around(SharedSnapshot, "advance", advance),
    )


@double("thread.read-current-against-commit")
def marks_are_checked_before_it_is_ones_turn() -> Fault:
    """What `readCurrent` has marked is checked before the connection's turn to commit has come.

    A decision that was taken on an object is stored although another thread has just changed it.
    """

    def before_completion(correct: Any, connection: Connection, txn: Any) -> None:
        correct(connection, txn)
        storage = connection.db().storage
        vars(connection)["changed"] = [
            oid for oid, serial in connection._read_current.items() if storage.getTid(oid) != serial
        ]

    def check_current(correct: Any, commit: Commit, read: dict[bytes, bytes]) -> None:
        for oid in vars(commit._connection)["changed"]:
            raise ReadConflictError(oid=oid)

    return together(
        around(Connection, "beforeCompletion", before_completion),
        around(Commit, "check_current", check_current),
    )


@double("thread.additions-get-different-oids", also="thread.additions-are-all-stored")
def oids_are_counted_without_a_lock() -> Fault:
    """The storage looks at the last oid, and puts down the next one, without a lock.

    Two new objects get one oid, and one of them is lost.
    """

    def new_oid(correct: Any, storage: Any) -> bytes:
        oid = p64(u64(storage._last_oid) + 1)
        storage._last_oid = oid
        return oid

    return around(TwoPhaseStorage, "new_oid", new_oid)


@double("thread.transfers-keep-the-sum", also="thread.first-committer-wins")
def the_second_try_loses_its_change() -> Fault:
    """A commit that follows one that was in conflict does not store the object that it was about.

    A program that tries again is told that it has succeeded, and has not.
    """

    def put(correct: Any, commit: Commit, oid: bytes, serial: bytes, record: bytes) -> None:
        in_conflict = vars(commit._connection).setdefault("in_conflict", set())
        if oid in in_conflict:
            in_conflict.discard(oid)
            return
        try:
            correct(commit, oid, serial, record)
        except ConflictError:
            in_conflict.add(oid)
            raise

    return around(Commit, "put", put)


@double(
    "thread.additions-are-all-stored",
    also="thread.commits-do-not-mix thread.first-committer-wins",
)
def of_two_waiting_commits_one_is_lost() -> Fault:
    """Where a commit had to wait for its turn, its new objects are dropped, as if they had been
    stored by the one that it waited for.

    The busier the database, the more of what programs add is gone.
    """

    def begin(correct: Any, commit: Any) -> None:
        commit.waited = commit._connection.db().storage.tpc_transaction() is not None
        correct(commit)

    def put(correct: Any, commit: Any, oid: bytes, serial: bytes, record: bytes) -> None:
        if not (commit.waited and serial == z64):
            correct(commit, oid, serial, record)

    return together(around(Commit, "begin", begin), around(Commit, "put", put))
