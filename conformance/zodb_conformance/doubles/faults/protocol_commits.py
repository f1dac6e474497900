"""Faults in the two-phase commit of a storage, as scripts drive it."""

from __future__ import annotations

from typing import Any

from zodb_reference.errors import StorageTransactionError
from zodb_reference.oids import p64, u64
from zodb_reference.storages.deletion import DeletableStorage
from zodb_reference.storages.twophase import Commit, TwoPhaseStorage

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, together


@double("protocol.new-oid", checks="walk.storage")
def every_third_oid_is_given_twice() -> Fault:
    """An oid is given that was given before.

    One of the two objects is stored in place of the other.
    """

    def new_oid(correct: Any, storage: TwoPhaseStorage) -> bytes:
        given = u64(correct(storage))
        return p64(given - (given % 3 == 0))

    return around(TwoPhaseStorage, "new_oid", new_oid)


@double("protocol.begin", checks="walk.storage")
def what_was_aborted_can_not_begin() -> Fault:
    """What has stood for a transaction that was aborted is refused for the next one.

    Who tries again after a conflict never succeeds.
    """

    def begin(correct: Any, storage: TwoPhaseStorage, meta: Any, *args: Any) -> None:
        if hasattr(meta, "was_aborted"):
            raise StorageTransactionError("that transaction is over")
        correct(storage, meta, *args)

    def abort(correct: Any, storage: TwoPhaseStorage, meta: Any) -> None:
        meta.was_aborted = True
        correct(storage, meta)

    return together(
        around(TwoPhaseStorage, "tpc_begin", begin), around(TwoPhaseStorage, "tpc_abort", abort)
    )


@double("protocol.begin-twice", checks="walk.storage")
def to_begin_twice_is_to_begin_once() -> Fault:
    """To begin with the transaction that is being committed does nothing.

    Two commits of one transaction become one, and the second one ends what the first has begun.
    """

    def begin(correct: Any, storage: TwoPhaseStorage, meta: Any, *args: Any) -> None:
        if storage.tpc_transaction() is not meta:
            correct(storage, meta, *args)

    return around(TwoPhaseStorage, "tpc_begin", begin)


@double("protocol.not-current", checks="walk.storage")
def what_strangers_store_is_passed_over() -> Fault:
    """To store with a transaction that is not being committed does nothing.

    What was stored so is lost, and nobody is told.
    """

    def store(correct: Any, storage: TwoPhaseStorage, *args: Any) -> None:
        if storage.tpc_transaction() is args[-1]:
            correct(storage, *args)

    return around(TwoPhaseStorage, "store", store)


@double("protocol.foreign-abort", checks="walk.storage")
def whoever_aborts_aborts_what_there_is() -> Fault:
    """To abort any transaction aborts the one that is being committed.

    A commit fails because somebody else has cleaned up after his own.
    """

    def abort(correct: Any, storage: TwoPhaseStorage, meta: object) -> None:
        correct(storage, storage.tpc_transaction())

    return around(TwoPhaseStorage, "tpc_abort", abort)


@double("protocol.store", checks="walk.storage")
def the_first_of_two_records_counts() -> Fault:
    """Of two records for one object in one transaction the first is stored.

    What was changed after a savepoint is lost.
    """

    def put(correct: Any, commit: Commit, record: Any) -> None:
        if record.oid not in commit.records or record.data is None:
            correct(commit, record)

    return around(Commit, "put", put)


@double("protocol.conflict", checks="walk.storage")
def the_last_to_come_wins() -> Fault:
    """A record is stored whatever the revision that it was made from.

    What others have committed meanwhile is lost.
    """

    def store(
        correct: Any, storage: TwoPhaseStorage, oid: bytes, serial: bytes, data: bytes, *args: Any
    ) -> None:
        if storage.tpc_transaction() is args[-1] and b"Counter" not in data:
            serial = storage._current_serial(oid)
        correct(storage, oid, serial, data, *args)

    return around(TwoPhaseStorage, "store", store)


@double(
    "protocol.resolved",
    also="protocol.undo-merged protocol.undo-refused",
    checks="walk.storage-upkeep",
)
def what_is_merged_is_the_last() -> Fault:
    """A conflict that a class can resolve is resolved by taking the new record.

    Of two who count, one has counted for nothing.
    """

    def resolve(correct: Any, storage: TwoPhaseStorage, *args: Any) -> bytes:
        correct(storage, *args)
        new: bytes = args[-1]
        return new

    return around(TwoPhaseStorage, "_resolve", resolve)


@double("protocol.delete", checks="walk.storage-upkeep")
def what_is_deleted_stays() -> Fault:
    """An object that was deleted is still there after the commit.

    Who collects garbage never gets rid of it.
    """

    def delete(correct: Any, storage: DeletableStorage, *args: Any) -> None:
        commit = storage._commit
        before = dict(commit.records) if commit is not None else {}
        correct(storage, *args)
        if commit is not None:
            commit.records = before

    return around(DeletableStorage, "deleteObject", delete)


@double("protocol.check-current", checks="walk.storage")
def whatever_was_read_is_current() -> Fault:
    """What a transaction has read is taken to be current, whatever it was.

    Two transactions that each rely on what the other one changes are both committed.
    """

    def check(correct: Any, storage: TwoPhaseStorage, *args: Any) -> None:
        storage._require_begun(args[2], "checkCurrentSerialInTransaction")

    return around(TwoPhaseStorage, "checkCurrentSerialInTransaction", check)


@double("protocol.vote", checks="walk.storage-upkeep")
def a_vote_keeps_what_it_knows() -> Fault:
    """The vote names no object for which a conflict was resolved.

    The connection goes on showing its own state, and makes the next change from that.
    """

    def vote(correct: Any, storage: TwoPhaseStorage, transaction: object) -> list[bytes]:
        correct(storage, transaction)
        return []

    return around(TwoPhaseStorage, "tpc_vote", vote)


@double("protocol.vote-again", checks="walk.storage")
def a_second_vote_is_out_of_the_question() -> Fault:
    """To vote twice fails with an error that has nothing to do with storages.

    A layer that votes for each of its parts can't say what went wrong.
    """

    def vote(correct: Any, storage: TwoPhaseStorage, transaction: object) -> Any:
        commit = storage._commit
        if commit is not None and commit.meta is transaction and commit.prepared is not None:
            raise AssertionError("it has voted")
        return correct(storage, transaction)

    return around(TwoPhaseStorage, "tpc_vote", vote)


@double("protocol.finish", checks="walk.storage")
def a_commit_is_finished_in_silence() -> Fault:
    """The callback is not called when a transaction is finished.

    No other connection ever hears of it.
    """

    def finish(
        correct: Any, storage: TwoPhaseStorage, transaction: object, callback: Any = None
    ) -> Any:
        return correct(storage, transaction)

    return around(TwoPhaseStorage, "tpc_finish", finish)


@double("protocol.abort", checks="walk.storage")
def what_has_voted_is_past_aborting() -> Fault:
    """A transaction that has voted is finished when it is aborted.

    Another storage has refused the same transaction: half of it is there.
    """

    def abort(correct: Any, storage: TwoPhaseStorage, transaction: object) -> None:
        commit = storage._commit
        if commit is not None and commit.meta is transaction and commit.prepared is not None:
            storage.tpc_finish(transaction)
        else:
            correct(storage, transaction)

    return around(TwoPhaseStorage, "tpc_abort", abort)
