"""Faults in transactions: commits that store too little, too much, or do not say what they did."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any
from zlib import crc32

from transaction import Transaction, TransactionManager
from transaction._transaction import Status
from transaction.interfaces import TransactionFailedError
from zodb_reference.committing import Commit
from zodb_reference.connections import Connection
from zodb_reference.errors import ConflictError
from zodb_reference.oids import p64, u64, z64
from zodb_reference.storages.twophase import TwoPhaseStorage
from zodb_reference.writing import RecordWriter

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, instead, together

HUNDRED = 100


def one_in_a_hundred(oid: bytes, data: bytes) -> bool:
    """Whether the lot falls on a record: on the same ones in every run."""
    return crc32(oid + data) % HUNDRED == 0


def counted(owner: Any, name: str) -> int:
    """How often this was asked about one object."""
    count: int = vars(owner).get(name, 0) + 1
    vars(owner)[name] = count
    return count


@double("transaction.commit-stores-changes", also="reach.separate-connection-refused")
def only_the_first_change_is_stored() -> Fault:
    """A commit stores the first of the objects that changed, forgets the others, and succeeds.

    Half of a transfer is booked.
    """

    def is_due(correct: Any, commit: Commit, obj: Any) -> bool:
        due: bool = correct(commit, obj)
        if due and obj._p_oid not in commit._objects.new and counted(commit, "changes") > 1:
            obj._p_changed = False
            return False
        return due

    return around(Commit, "_is_due", is_due)


@double("transaction.commit-stores-changes", also="isolation.resolution-merges")
def one_change_in_a_hundred_is_lost() -> Fault:
    """A storage loses one in a hundred of the records that replace others, and says nothing.

    The object has its old value when it is loaded again; no test that stores a few objects sees it.
    """

    def keep(
        correct: Any, storage: Any, commit: Any, oid: bytes, data: bytes, version: str
    ) -> None:
        if storage._current_serial(oid) == z64 or not one_in_a_hundred(oid, data):
            correct(storage, commit, oid, data, version)

    return around(TwoPhaseStorage, "_keep", keep)


@double(
    "transaction.commit-stores-changes",
    also="isolation.resolution-merges record.reference-comes-back record.value-comes-back",
)
def one_change_in_a_hundred_keeps_the_old_value() -> Fault:
    """In place of one in a hundred of the records that replace others, the old data are stored
    again.

    The revision has the right serial and the wrong contents: nothing looks wrong until somebody
    compares.
    """

    def keep(
        correct: Any, storage: Any, commit: Any, oid: bytes, data: bytes, version: str
    ) -> None:
        serial = storage._current_serial(oid)
        if serial != z64 and one_in_a_hundred(oid, data):
            data = storage.loadSerial(oid, serial)
        correct(storage, commit, oid, data, version)

    return around(TwoPhaseStorage, "_keep", keep)


@double("transaction.all-or-nothing")
def a_conflict_keeps_what_was_stored_before_it() -> Fault:
    """A storage that finds a conflict makes the records permanent that it got before.

    The program is told that nothing was stored, tries again, and does half of its work twice.
    """

    def store(
        correct: Any, storage: Any, oid: bytes, serial: bytes, data: bytes, version: str, txn: Any
    ) -> None:
        try:
            correct(storage, oid, serial, data, version, txn)
        except ConflictError:
            if storage._commit.records:
                storage.tpc_vote(txn)
                storage.tpc_finish(txn)
            raise

    return around(TwoPhaseStorage, "store", store)


@double("transaction.failed-refuses-commit")
def a_failed_transaction_commits_at_the_second_try() -> Fault:
    """A transaction that has failed accepts the next commit, and says that it succeeded.

    A program that swallows errors believes that its work is stored.
    """

    def commit(correct: Any, txn: Any) -> None:
        if txn.status is not Status.COMMITFAILED:
            correct(txn)

    return around(Transaction, "commit", commit)


@double("transaction.failed-refuses-join")
def a_failed_transaction_takes_further_changes() -> Fault:
    """After a commit that failed, objects can be changed as if nothing had happened.

    The changes belong to a transaction that can only be aborted: they are lost.
    """

    def join(correct: Any, connection: Connection) -> None:
        try:
            correct(connection)
        except TransactionFailedError:
            connection._joined = connection.transaction_manager.get()

    return around(Connection, "_join", join)


@double("transaction.doomed-refuses-commit")
def a_doomed_transaction_commits() -> Fault:
    """To doom a transaction has no effect.

    What the program has declared unfit to be stored is stored.
    """

    def commit(correct: Any, txn: Any) -> None:
        if txn.isDoomed():
            txn.status = Status.ACTIVE
        correct(txn)

    return around(Transaction, "commit", commit)


@double("transaction.failure-stores-nothing", also="transaction.second-phase-failure")
def what_was_voted_for_is_kept() -> Fault:
    """A connection that has voted finishes, even if the transaction is given up after that.

    Two databases in one transaction disagree: one has it, the other one has not.
    """

    def tpc_abort(correct: Any, connection: Connection, txn: Any) -> None:
        commit = connection._commit
        if commit is not None and commit.transaction is txn and commit.voted:
            connection.tpc_finish(txn)
        else:
            correct(connection, txn)

    return around(Connection, "tpc_abort", tpc_abort)


@double("transaction.second-phase-failure")
def failures_of_the_second_phase_are_swallowed() -> Fault:
    """If a data manager fails in the second phase, the commit succeeds nonetheless.

    Nobody learns that half of the transaction is missing.
    """

    def commit_resources(correct: Any, txn: Any) -> None:
        try:
            correct(txn)
        except Exception:
            if len(txn._voted) < len(txn._resources):
                raise

    return around(Transaction, "_commitResources", commit_resources)


@double("record.unpicklable-refused")
def what_cannot_be_pickled_is_left_out() -> Fault:
    """A commit leaves out attributes that can't be pickled, and succeeds.

    They are missing when the object is loaded again.
    """

    def record(correct: Any, writer: Any, description: Any, state: Any) -> bytes:
        written: bytes
        try:
            written = correct(writer, description, state)
        except (pickle.PicklingError, TypeError, AttributeError):
            held = state.get("data", state)
            kept = {key: value for key, value in held.items() if _is_picklable(value)}
            written = correct(writer, description, {"data": kept} if "data" in state else kept)
        return written

    def _is_picklable(value: Any) -> bool:
        try:
            pickle.dumps(value)
        except (pickle.PicklingError, TypeError, AttributeError):
            return False
        return True

    return around(RecordWriter, "record", record)


@double("transaction.empty-recorded-or-not", checks="walk.objects")
def some_empty_transactions_are_recorded() -> Fault:
    """Every other transaction that stores nothing is recorded.

    A program that counts transactions, or waits for the next one, can rely on neither.
    """

    def tpc_finish(correct: Any, storage: Any, txn: Any, callback: Any = None) -> bytes:
        tid: bytes
        if storage._commit.records or counted(storage, "empty") % 2:
            tid = correct(storage, txn, callback)
        else:
            tid = storage.lastTransaction()
            storage._end_commit()
        return tid

    return around(TwoPhaseStorage, "tpc_finish", tpc_finish)


@double("transaction.abort-discards", also="transaction.begin-aborts")
def an_abort_keeps_changes_in_memory() -> Fault:
    """An abort takes the objects out of the transaction, and leaves in them what the program wrote.

    The next transaction reads it as if it were stored, and stores it with the next change.
    """

    def discard_changes(correct: Any, connection: Connection) -> None:
        new = connection.objects.new
        for obj in connection._registered:
            if obj._p_oid not in new and obj._p_changed:
                obj._p_changed = False
        connection._registered = [obj for obj in connection._registered if obj._p_oid in new]
        correct(connection)

    return around(Connection, "_discard_changes", discard_changes)


@double(
    "transaction.begin-aborts",
    also="object.abort-disowns object.abort-keeps-memory transaction.abort-discards",
)
def begin_drops_the_transaction_without_an_abort() -> Fault:
    """`begin` takes a new transaction, and does not abort the one that is unfinished.

    The connection goes on as part of a transaction that nobody can end any more.
    """

    def begin(correct: Any, manager: Any) -> Any:
        if not manager.explicit:
            manager._txn = None
        return correct(manager)

    return together(
        around(TransactionManager, "begin", begin),
        instead(Connection, "_finish_aborts_before", lambda connection, transaction: None),
    )


@double("transaction.tids-increase")
def the_clock_goes_back() -> Fault:
    """A storage that takes its tids from the clock alone gives one that is less than the last.

    Snapshots, conflicts and invalidations compare tids: whatever relies on them may be wrong from
    then on.
    """

    def choose_tid(correct: Any, storage: Any, tid: bytes | None) -> bytes:
        chosen: bytes = correct(storage, tid)
        if counted(storage, "commits") % 4 == 0:
            return p64(u64(storage._last_tid) - 1)
        return chosen

    return around(TwoPhaseStorage, "_choose_tid", choose_tid)


# Values.


def storing(change: Callable[[Any], Any]) -> Fault:
    """The fault that values are changed on their way into a record."""

    def record(correct: Any, writer: Any, description: Any, state: Any) -> bytes:
        if isinstance(state, dict):
            held = {key: change(value) for key, value in state.get("data", state).items()}
            state = {"data": held} if "data" in state else held
        written: bytes = correct(writer, description, state)
        return written

    return around(RecordWriter, "record", record)


@double("record.value-comes-back")
def negative_zero_is_stored_as_zero() -> Fault:
    """A negative zero is stored as zero.

    Code that divides by it, or looks for the sign, gets another result after a restart.
    """
    return storing(lambda value: value + 0.0 if type(value) is float else value)


@double("record.value-comes-back")
def a_shared_list_comes_back_as_two() -> Fault:
    """A list that is held twice by one object is stored twice.

    What is appended to the one is not seen in the other, after the object was loaded again.
    """

    def separate(value: Any) -> Any:
        if type(value) is list and len(value) == 2 and value[0] is value[1]:
            return [value[0], list(value[0])]
        return value

    return storing(separate)


@double("record.value-comes-back")
def dictionaries_are_stored_in_order_of_their_keys() -> Fault:
    """Dictionaries whose keys are texts come back sorted.

    A program that relies on the order in which things were put in finds another one.
    """

    def ordered(value: Any) -> Any:
        if type(value) is dict and all(type(key) is str for key in value):
            return dict(sorted(value.items()))
        return value

    return storing(ordered)


@double("record.value-comes-back")
def instances_of_subclasses_lose_their_class() -> Fault:
    """A list of a subclass is stored as a plain list.

    Its methods are gone after a restart.
    """
    return storing(lambda value: list(value) if isinstance(value, list) else value)
