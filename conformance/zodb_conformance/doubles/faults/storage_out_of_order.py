"""Faults in what a storage does where it is called out of order."""

from __future__ import annotations

from typing import Any

from zodb_reference.errors import StorageTransactionError
from zodb_reference.storages.blobs import BlobStorage
from zodb_reference.storages.deletion import DeletableStorage
from zodb_reference.storages.memory import MemoryHistory
from zodb_reference.storages.restoring import RestorableStorage
from zodb_reference.storages.sqlite_history import SQLiteHistory
from zodb_reference.storages.twophase import Commit, TwoPhaseStorage
from zodb_reference.storages.undoing import UndoableStorage

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, passed_over_after_the_vote, together


@double("storage.begin-twice")
def what_has_begun_begins_again() -> Fault:
    """To begin a transaction that has begun does nothing, and says nothing.

    Two connections that share it by mistake do not learn that they do.
    """

    def begin(correct: Any, storage: TwoPhaseStorage, transaction: Any, *more: Any) -> None:
        if storage._commit is None or storage._commit.meta is not transaction:
            correct(storage, transaction, *more)

    return around(TwoPhaseStorage, "tpc_begin", begin)


@double("storage.other-transaction", also="storage.refusal-spares-the-current")
def a_vote_for_another_is_passed_over() -> Fault:
    """A vote for another transaction than the one that is being committed is ignored.

    Who has lost his turn does not learn of it before it is too late to abort.
    """

    def vote(correct: Any, storage: BlobStorage, transaction: object) -> Any:
        if storage._commit is not None and storage._commit.meta is not transaction:
            return []
        return correct(storage, transaction)

    return around(BlobStorage, "tpc_vote", vote)


@double("storage.refusal-spares-the-current")
def a_refusal_ends_the_current() -> Fault:
    """Where a call for another transaction is refused, the one that is being committed is ended.

    The mistake of one thread is paid by another one.
    """

    def require(correct: Any, storage: TwoPhaseStorage, transaction: object, method: str) -> Commit:
        if storage._commit is not None and storage._commit.meta is not transaction:
            storage._end_commit()
        commit: Commit = correct(storage, transaction, method)
        return commit

    return around(TwoPhaseStorage, "_require_current", require)


@double("storage.no-transaction")
def to_finish_nothing_succeeds() -> Fault:
    """While no transaction is being committed, `tpc_finish` returns the tid of the last one.

    A program whose transaction was given up takes it for committed.
    """

    def finish(
        correct: Any, storage: TwoPhaseStorage, transaction: object, callback: Any = None
    ) -> Any:
        if storage._commit is None and transaction is not None:
            return storage._last_tid
        return correct(storage, transaction, callback)

    return around(TwoPhaseStorage, "tpc_finish", finish)


@double("storage.none-is-no-transaction")
def none_is_the_transaction_that_there_is_not() -> Fault:
    """While no transaction is being committed, None is taken for the one that is.

    What a program stores that has lost its transaction is lost, without an error.
    """

    def store(correct: Any, storage: TwoPhaseStorage, *arguments: Any) -> None:
        if storage._commit is not None or arguments[-1] is not None:
            correct(storage, *arguments)

    return around(TwoPhaseStorage, "store", store)


@double("storage.abort-of-another")
def any_abort_aborts() -> Fault:
    """`tpc_abort` aborts the transaction that is being committed, whichever it is given.

    Who gives up what he has not begun yet takes away the work of another one.
    """

    def abort(correct: Any, storage: TwoPhaseStorage, transaction: object) -> None:
        commit = storage._commit
        correct(storage, commit.meta if commit else transaction)

    return around(TwoPhaseStorage, "tpc_abort", abort)


@double("storage.abort-when-idle")
def to_abort_twice_is_an_error() -> Fault:
    """To abort a transaction that was aborted already is refused.

    A transaction manager aborts all that take part, and stops at the error: the others wait.
    """
    aborted: list[object] = []

    def abort(correct: Any, storage: TwoPhaseStorage, transaction: object) -> None:
        if storage._commit is None and any(transaction is each for each in aborted):
            raise StorageTransactionError("this transaction was aborted already")
        correct(storage, transaction)
        aborted.append(transaction)

    return around(TwoPhaseStorage, "tpc_abort", abort)


@double("storage.finish-without-vote")
def finish_votes_where_nobody_has() -> Fault:
    """`tpc_finish` votes by itself where that was left out.

    What can fail fails when the other databases have finished already.
    """

    def finish(
        correct: Any, storage: TwoPhaseStorage, transaction: object, callback: Any = None
    ) -> Any:
        commit = storage._commit
        if commit is not None and commit.meta is transaction:
            storage.tpc_vote(transaction)
        return correct(storage, transaction, callback)

    return around(TwoPhaseStorage, "tpc_finish", finish)


def _loses_what_was_there(storage: Any) -> None:
    """Remove every record, as a storage does that begins to write at a wrong place."""
    history = storage._history
    if isinstance(history, SQLiteHistory):
        with history._file.change() as connection:
            connection.execute("DELETE FROM revisions WHERE tid <= ?", (storage._last_tid,))
    else:
        history._revisions.clear()


def _writes_over_all_without_vote() -> Fault:
    def finish(
        correct: Any, storage: TwoPhaseStorage, transaction: object, callback: Any = None
    ) -> Any:
        commit = storage._commit
        if commit is not None and commit.meta is transaction and commit.prepared is None:
            _loses_what_was_there(storage)
        return correct(storage, transaction, callback)

    return around(TwoPhaseStorage, "tpc_finish", finish)


@double("storage.finish-without-vote-spares")
def to_finish_without_a_vote_writes_over_all() -> Fault:
    """Where a transaction is finished without a vote, all that was there before is gone.

    A mistake of a program costs the whole database.
    """
    return _writes_over_all_without_vote()


@double(
    "storage.finish-without-vote-spares-files",
    on="reference-sqlite",
    also="storage.finish-without-vote-spares",
)
def to_finish_without_a_vote_writes_over_the_file() -> Fault:
    """Where a transaction is finished without a vote, the file loses all that was there before.

    A mistake of a program costs the whole database, and shows on the day when it is opened again.
    """
    return _writes_over_all_without_vote()


@double("storage.store-after-vote")
def what_comes_after_the_vote_is_stored() -> Fault:
    """What a transaction stores after the vote is stored, without another one.

    Where it does not fit on the disk, that is found out when it is too late to abort.
    """

    def store(correct: Any, storage: TwoPhaseStorage, *arguments: Any) -> None:
        commit = storage._commit
        if commit is None or commit.prepared is None or commit.meta is not arguments[-1]:
            correct(storage, *arguments)
            return
        commit.prepared = None
        correct(storage, *arguments)
        commit.prepared = commit.transaction()

    return around(TwoPhaseStorage, "store", store)


def _damages_after_the_vote() -> Fault:
    def store(correct: Any, storage: Any, oid: bytes, serial: bytes, *others: Any) -> None:
        try:
            correct(storage, oid, serial, *others)
        except StorageTransactionError:
            if storage._commit is not None and storage._commit.meta is others[-1]:
                _damage(storage._history, oid, serial)
            raise

    return around(TwoPhaseStorage, "store", store)


def _damage(history: MemoryHistory | SQLiteHistory, oid: bytes, serial: bytes) -> None:
    if isinstance(history, SQLiteHistory):
        with history._file.change() as connection:
            connection.execute(
                "UPDATE revisions SET data = 'x' WHERE oid = ? AND tid = ?", (oid, serial)
            )
    else:
        records = history._revisions[oid]
        records[-1] = records[-1]._replace(data=b"x")


@double(
    "storage.store-after-vote-spares",
    also="storage.store-after-vote storage.store-after-vote-can-be-aborted",
)
def the_index_points_behind_the_end() -> Fault:
    """What a transaction wants to store after the vote can't be read any more.

    A mistake of a program costs an object that it has not even changed.
    """
    return _damages_after_the_vote()


@double(
    "storage.store-after-vote-spares-files",
    on="reference-sqlite",
    also="storage.store-after-vote storage.store-after-vote-spares",
)
def the_index_in_the_file_points_behind_the_end() -> Fault:
    """What a transaction wants to store after the vote can't be read any more, for good.

    A mistake of a program costs an object, also for those who open the storage later.
    """
    return _damages_after_the_vote()


@double("storage.store-after-vote-can-be-aborted")
def what_is_too_late_to_store_is_too_late_to_abort() -> Fault:
    """A transaction that wants to store something after the vote is finished by an abort.

    The program has given up, and its changes are there.
    """
    late: list[object] = []

    def store(correct: Any, storage: TwoPhaseStorage, *arguments: Any) -> None:
        commit = storage._commit
        if commit is not None and commit.prepared is not None and commit.meta is arguments[-1]:
            late.append(commit.meta)
        correct(storage, *arguments)

    def abort(correct: Any, storage: TwoPhaseStorage, transaction: object) -> None:
        if any(transaction is each for each in late) and storage._commit is not None:
            storage.tpc_finish(transaction)
        correct(storage, transaction)

    return together(
        around(TwoPhaseStorage, "store", store), around(TwoPhaseStorage, "tpc_abort", abort)
    )


@double("storage.undo-out-of-order")
def undo_joins_whatever_is_there() -> Fault:
    """`undo` belongs to the transaction that is being committed, whichever it is given.

    What somebody wanted to undo is undone by somebody else, who knows nothing of it.
    """

    def undo(correct: Any, storage: Any, transaction_id: bytes, transaction: object) -> Any:
        commit = storage._commit
        return correct(storage, transaction_id, commit.meta if commit else transaction)

    return around(UndoableStorage, "undo", undo)


def _damages_all_after_the_vote(owner: type, name: str) -> Fault:
    """The fault that a call of a transaction that has voted damages whatever is there."""

    def late(correct: Any, storage: Any, *arguments: Any) -> Any:
        try:
            return correct(storage, *arguments)
        except StorageTransactionError:
            if storage._commit is not None and storage._commit.meta is arguments[-1]:
                for oid in [*storage._history._revisions]:
                    _damage(storage._history, oid, b"")
            raise

    return around(owner, name, late)


@double("storage.undo-out-of-order-harms-nothing")
def to_undo_after_the_vote_costs_an_object() -> Fault:
    """After an `undo` that comes after the vote, objects can't be read any more.

    What somebody wanted to have back is gone in both states.
    """
    return _damages_all_after_the_vote(UndoableStorage, "undo")


@double("storage.deletion-after-vote")
def a_late_deletion_is_passed_over() -> Fault:
    """A `deleteObject` that comes after the vote does nothing, and says nothing.

    Who has to delete something believes that it is gone.
    """
    return passed_over_after_the_vote(DeletableStorage, "deleteObject")


@double("storage.deletion-after-vote-spares", also="storage.deletion-after-vote")
def to_delete_after_the_vote_costs_an_object() -> Fault:
    """After a `deleteObject` that comes after the vote, objects can't be read any more.

    What was not deleted is not there either.
    """
    return _damages_all_after_the_vote(DeletableStorage, "deleteObject")


@double("storage.restore-after-vote")
def what_is_restored_too_late_is_passed_over() -> Fault:
    """A `restore` that comes after the vote does nothing, and says nothing.

    A copy lacks what nobody knows to be missing.
    """
    return passed_over_after_the_vote(RestorableStorage, "restore")


@double("storage.restore-after-vote-spares", also="storage.restore-after-vote")
def to_restore_after_the_vote_costs_an_object() -> Fault:
    """After a `restore` that comes after the vote, objects can't be read any more.

    A copy is damaged by what was meant to complete it.
    """
    return _damages_all_after_the_vote(RestorableStorage, "restore")
