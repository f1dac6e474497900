"""Faults in isolation: snapshots, invalidations, conflicts and the marks of `readCurrent`."""

from __future__ import annotations

from typing import Any

from transaction import Transaction
from transaction._transaction import Status
from transaction.interfaces import TransactionFailedError
from zodb_reference import resolution
from zodb_reference.committing import Commit
from zodb_reference.connections import Connection
from zodb_reference.errors import ConflictError, ReadConflictError
from zodb_reference.identity import IdentityMap
from zodb_reference.invalidation import InvalidationLog
from zodb_reference.oids import p64, u64, z64
from zodb_reference.snapshot import SharedSnapshot
from zodb_reference.storages.twophase import TwoPhaseStorage

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, together


@double("isolation.one-committed-state")
def ghosts_load_the_newest_revision() -> Fault:
    """A ghost loads the newest revision, and not the one that the snapshot shows.

    Objects that were loaded before another commit and objects that were loaded after it do not fit
    together: the sum of two accounts is wrong.
    """

    def load(correct: Any, snapshot: SharedSnapshot, oid: bytes) -> Any:
        correct(snapshot, oid)
        return snapshot._storage.load(oid)

    return around(SharedSnapshot, "load", load)


@double("isolation.one-committed-state", also="identity.newer-oid")
def the_snapshot_moves_when_something_is_loaded() -> Fault:
    """Whenever an object is loaded the snapshot moves to the newest transaction.

    In the middle of a transaction the objects that were not loaded yet become newer than the rest.
    """

    def load(correct: Any, snapshot: SharedSnapshot, oid: bytes) -> Any:
        last = snapshot._storage.lastTransaction()
        snapshot._before = p64(u64(last) + 1)
        return correct(snapshot, oid)

    return around(SharedSnapshot, "load", load)


@double("isolation.own-changes-survive")
def a_commit_discards_the_changes_of_others() -> Fault:
    """A commit invalidates its objects in all connections at once, even where they were changed.

    What another program had written to them, and not committed yet, is gone without a word.
    """

    def tpc_finish(correct: Any, connection: Connection, txn: Any) -> None:
        written = list(connection._commit.written) if connection._commit else []
        correct(connection, txn)
        for other in connection.db()._pool.everyone():
            for oid in written:
                obj = other.objects.cache.get(oid)
                if other is not connection and other.opened and obj is not None and obj._p_changed:
                    obj._p_invalidate()

    return around(Connection, "tpc_finish", tpc_finish)


@double("isolation.boundary-shows-newest", also="isolation.boundary-invalidates")
def an_abort_leaves_the_snapshot_where_it_is() -> Fault:
    """After an abort the connection shows the old state, until a transaction is begun explicitly.

    A program that aborts after a conflict and tries again works on the same old state, and fails
    again.
    """

    def after_completion(correct: Any, connection: Connection, txn: Any) -> None:
        if txn.status is Status.COMMITTED:
            correct(connection, txn)

    return around(Connection, "afterCompletion", after_completion)


@double("isolation.boundary-invalidates")
def invalidations_come_one_boundary_late() -> Fault:
    """The objects that others changed are invalidated at the boundary after the next.

    For one transaction the program works on old objects under a new snapshot.
    """

    def advance(correct: Any, snapshot: Any) -> Any:
        late = vars(snapshot).get("late", {})
        vars(snapshot)["late"] = correct(snapshot)
        return late

    return around(SharedSnapshot, "advance", advance)


@double("isolation.boundary-invalidates")
def of_several_commits_only_the_last_invalidates() -> Fault:
    """Where others have committed several times since the last boundary, only the last of these
    commits is taken into account.

    The busier the database, the more objects stay old.
    """

    def read(correct: Any, log: InvalidationLog, position: int, *arguments: Any) -> Any:
        changed, end = correct(log, position, *arguments)
        return correct(log, end - 1, *arguments) if end - position > 1 else (changed, end)

    return around(InvalidationLog, "read", read)


@double("isolation.boundary-invalidates")
def objects_that_were_stored_here_are_not_invalidated() -> Fault:
    """A connection never invalidates an object that it has stored itself.

    Once it has written to an object it does not see what others write to it any more.
    """

    def settle(correct: Any, objects: Any, written: dict[bytes, Any], *rest: Any) -> None:
        vars(objects).setdefault("own", set()).update(written)
        correct(objects, written, *rest)

    def catch_up(correct: Any, objects: Any, changes: Any) -> None:
        own = vars(objects).get("own", set())
        correct(objects, {oid: tid for oid, tid in changes.items() if oid not in own})

    return together(
        around(IdentityMap, "settle", settle), around(IdentityMap, "catch_up", catch_up)
    )


@double("isolation.conflict-reloads")
def objects_in_conflict_stay_as_they_were() -> Fault:
    """An abort after a conflict leaves the object in conflict as the program changed it.

    The next try is in conflict again, however often the program tries.
    """

    def store(correct: Any, commit: Commit, obj: Any) -> None:
        try:
            correct(commit, obj)
        except ConflictError:
            vars(commit._objects).setdefault("in_conflict", {})[obj._p_oid] = obj
            raise

    def discard_changes(correct: Any, connection: Connection) -> None:
        in_conflict = vars(connection.objects).get("in_conflict", {})
        for oid, obj in in_conflict.items():
            if obj in connection._registered and oid not in connection.objects.new:
                connection._registered.remove(obj)
                obj._p_changed = False
        correct(connection)

    def catch_up(correct: Any, objects: Any, changes: Any) -> None:
        in_conflict = vars(objects).pop("in_conflict", {})
        correct(objects, {oid: tid for oid, tid in changes.items() if oid not in in_conflict})

    return together(
        around(Commit, "_store", store),
        around(Connection, "_discard_changes", discard_changes),
        around(IdentityMap, "catch_up", catch_up),
    )


@double("isolation.first-committer-wins")
def the_last_committer_wins() -> Fault:
    """A storage takes every record, whichever revision it was made from.

    Of two changes of one object the first is lost.
    """

    def store(
        correct: Any, storage: Any, oid: bytes, serial: bytes, data: bytes, version: str, txn: Any
    ) -> None:
        try:
            correct(storage, oid, serial, data, version, txn)
        except ConflictError:
            storage._keep(storage._commit, oid, data, version)

    return around(TwoPhaseStorage, "store", store)


@double("isolation.first-committer-wins", checks="walk.isolation")
def a_conflict_with_two_others_is_missed() -> Fault:
    """A storage finds the conflict with one newer revision, and none where there are two.

    Only where many programs change one object at a time an update is lost.
    """

    def store(
        correct: Any, storage: Any, oid: bytes, serial: bytes, data: bytes, version: str, txn: Any
    ) -> None:
        try:
            correct(storage, oid, serial, data, version, txn)
        except ConflictError:
            following = storage._history.next_tid(oid, serial or z64)
            if following == storage._current_serial(oid):
                raise
            storage._keep(storage._commit, oid, data, version)

    return around(TwoPhaseStorage, "store", store)


@double("isolation.resolution-merges")
def resolution_keeps_what_was_committed_first() -> Fault:
    """Where a conflict is resolved, the state that was committed first is stored again.

    The second of two increments is lost, and the program is told that it was stored.
    """

    def merge(correct: Any, old: bytes, committed: bytes, new: bytes) -> bytes:
        correct(old, committed, new)
        return committed

    return around(resolution, "merge", merge)


@double("isolation.resolution-merges")
def resolution_is_given_the_wrong_old_state() -> Fault:
    """The resolver gets the committed state as the one that both changes were made from.

    What it merges lacks the first change.
    """

    def merge(correct: Any, old: bytes, committed: bytes, new: bytes) -> bytes:
        merged: bytes = correct(committed, committed, new)
        return merged

    return around(resolution, "merge", merge)


@double("isolation.read-current", checks="walk.isolation")
def read_current_is_never_checked() -> Fault:
    """`readCurrent` has no effect.

    A decision that a program took on an object holds no longer when it is stored.
    """
    return around(Commit, "check_current", lambda correct, commit, read: None)


@double("isolation.read-current", checks="walk.isolation")
def only_the_last_mark_is_checked() -> Fault:
    """Of the objects that were marked with `readCurrent` only the last one is checked.

    Programs that mark one object are safe, those that mark two are not.
    """

    def check_current(correct: Any, commit: Commit, read: dict[bytes, bytes]) -> None:
        correct(commit, dict(list(read.items())[-1:]))

    return around(Commit, "check_current", check_current)


@double("isolation.read-current", checks="walk.isolation")
def marks_are_checked_against_the_present() -> Fault:
    """What was marked with `readCurrent` is compared with the revision that is current when the
    commit begins, and not with the one that was read.

    Only a change between the beginning of the commit and its end is noticed.
    """

    def check_current(correct: Any, commit: Any, read: dict[bytes, bytes]) -> None:
        storage = commit._snapshot._storage
        correct(commit, {oid: storage.getTid(oid) for oid in read})

    return around(Commit, "check_current", check_current)


@double("isolation.read-current-written", checks="walk.isolation")
def a_mark_counts_even_where_the_object_is_written() -> Fault:
    """An object that was marked with `readCurrent` is checked also where it is stored.

    A conflict that could be merged is refused.
    """

    def check_current(correct: Any, commit: Commit, read: dict[bytes, bytes]) -> None:
        for oid, serial in read.items():
            commit._snapshot.check_current(oid, serial, commit._meta)

    return around(Commit, "check_current", check_current)


@double("isolation.read-current-forgotten", also="isolation.read-current")
def marks_outlive_their_transaction() -> Fault:
    """The marks of `readCurrent` are kept when the transaction ends.

    Later transactions fail because of objects that they have never looked at.
    """

    def pass_boundary(correct: Any, connection: Connection) -> None:
        marks = dict(connection._read_current)
        correct(connection)
        connection._read_current.update(marks)

    return around(Connection, "_pass_boundary", pass_boundary)


class _Refusing:
    """A data manager that refuses to commit."""

    def sortKey(self) -> str:
        return ""

    def tpc_begin(self, transaction: Any) -> None:
        raise ReadConflictError("a transaction that reads only must not mark anything")

    def abort(self, transaction: Any) -> None:
        pass

    tpc_abort = abort


@double("isolation.read-current-alone")
def a_reader_with_marks_never_commits() -> Fault:
    """A transaction that marks objects with `readCurrent` and writes nothing always fails.

    The program tries again and again, although nobody has changed anything.
    """

    def commit(correct: Any, txn: Any) -> None:
        marked: list[Any] = []
        txn._synchronizers.map(
            lambda one: marked.append(one) if getattr(one, "_read_current", None) else None
        )
        if marked and not txn._resources and not txn.isDoomed():
            txn.join(_Refusing())
        correct(txn)

    return around(Transaction, "commit", commit)


@double("isolation.failed-commit-may-be-boundary")
def nothing_is_loaded_after_a_failure() -> Fault:
    """After a commit that failed, ghosts are not loaded before the abort.

    A program that looks up what to tell its user about the conflict fails again.
    """

    def setstate(correct: Any, connection: Connection, obj: Any) -> None:
        manager = connection.transaction_manager
        if manager is not None and manager.get().status is Status.COMMITFAILED:
            raise TransactionFailedError("abort the transaction first")
        correct(connection, obj)

    return around(Connection, "setstate", setstate)
