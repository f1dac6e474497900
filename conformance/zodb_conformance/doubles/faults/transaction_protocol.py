"""Faults in the transaction protocol: in the package `transaction`, and in what a connection owes
to it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from transaction import Transaction, TransactionManager, _transaction
from transaction._transaction import Status
from transaction.interfaces import DoomedTransaction
from zodb_reference import committing
from zodb_reference.connections import Connection
from zodb_reference.errors import ConflictError, POSError, StorageTransactionError
from zodb_reference.metadata import TransactionMetaData

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, instead


@double("transaction.phases-in-sort-order")
def data_managers_are_asked_in_the_order_in_which_they_joined() -> Fault:
    """A commit asks the data managers in the order in which they joined.

    Two commits that take two databases in opposite orders wait for each other for ever.
    """
    return instead(_transaction, "rm_key", lambda member: 0)


@double("transaction.failure-undoes-all")
def data_managers_are_not_told_to_abort() -> Fault:
    """After a failure `tpc_abort` is called on all data managers, and `abort` on none.

    Those that have not begun yet keep what they have prepared.
    """

    def cleanup(correct: Any, txn: Any, members: Any) -> None:
        for member in members:
            with suppress(Exception):
                member.tpc_abort(txn)

    return around(Transaction, "_cleanup", cleanup)


@double("transaction.join-while-active")
def a_data_manager_can_join_at_any_time() -> Fault:
    """A data manager can join during a commit, and after one that has failed.

    It takes part in half of the phases, or in none, and is not told.
    """

    def join(correct: Any, txn: Any, member: Any) -> None:
        if txn.status in (Status.COMMITTING, Status.COMMITFAILED):
            txn._resources.append(member)
        else:
            correct(txn, member)

    return around(Transaction, "join", join)


@double("transaction.doomed-stays-doomed")
def a_refused_commit_heals_a_doomed_transaction() -> Fault:
    """A doomed transaction refuses its first commit, and is doomed no longer.

    A program that tries again stores what must not be stored.
    """

    def commit(correct: Any, txn: Any) -> None:
        if txn.isDoomed():
            txn.status = Status.ACTIVE
            raise DoomedTransaction("doomed, for once")
        correct(txn)

    return around(Transaction, "commit", commit)


@double("transaction.begin-in-mid-transaction")
def begin_forgets_the_transaction_before() -> Fault:
    """`begin` lets go of the transaction that is unfinished, without aborting it.

    Its data managers wait for an end that never comes.
    """

    def begin(correct: Any, manager: Any) -> Any:
        if not manager.explicit:
            manager._txn = None
        return correct(manager)

    return around(TransactionManager, "begin", begin)


@double("transaction.synchronizers")
def a_late_synchronizer_is_not_told_of_the_transaction() -> Fault:
    """A synchronizer that registers while a transaction runs is not told of it.

    A connection that is opened in mid-transaction shows what it showed last.
    """

    def register(manager: Any, synchronizer: Any) -> None:
        manager._synchs.add(synchronizer)

    return instead(TransactionManager, "registerSynch", register)


@double("transaction.synchronizers-are-held-weakly")
def a_manager_keeps_its_synchronizers_alive() -> Fault:
    """A transaction manager holds its synchronizers for as long as it lives.

    Connections that a program has let go of stay in memory, with all their objects.
    """

    def register(correct: Any, manager: Any, synchronizer: Any) -> None:
        vars(manager).setdefault("kept", []).append(synchronizer)
        correct(manager, synchronizer)

    return around(TransactionManager, "registerSynch", register)


@double("transaction.before-commit-hooks")
def an_error_in_a_hook_is_swallowed() -> Fault:
    """A hook that fails before a commit does not stop it.

    What the hook was to check is stored unchecked.
    """

    def call_hooks(correct: Any, txn: Any) -> None:
        with suppress(Exception):
            correct(txn)

    return around(Transaction, "_callBeforeCommitHooks", call_hooks)


@double("transaction.after-commit-hooks")
def hooks_are_not_told_of_a_failure() -> Fault:
    """Hooks for the time after a commit are not called where it fails.

    What they were to clean up stays.
    """

    def call_hooks(correct: Any, txn: Any, status: bool = True) -> None:
        if status:
            correct(txn)

    return around(Transaction, "_callAfterCommitHooks", call_hooks)


@double("transaction.note-appends")
def a_note_replaces_the_description() -> Fault:
    """`note` replaces what was noted before.

    Of what the layers of a program say of a transaction the last sentence is left.
    """

    def note(txn: Any, text: str) -> None:
        txn.description = text

    return instead(Transaction, "note", note)


@double("transaction.retries")
def run_gives_up_one_try_too_early() -> Fault:
    """`run` tries once less than it was told.

    A program that survives two conflicts in a row in its tests fails in use.
    """

    def run(correct: Any, manager: Any, func: Any = None, tries: int = 3) -> Any:
        return correct(manager, func, max(tries - 1, 1))

    return around(TransactionManager, "run", run)


@double("transaction.conflict-is-transient")
def a_conflict_looks_final() -> Fault:
    """A conflict is raised as an error that is not transient.

    `run` and `attempts` give up at the first one.
    """

    def commit(correct: Any, connection: Connection, txn: Any) -> None:
        try:
            correct(connection, txn)
        except ConflictError as error:
            raise POSError(str(error)) from error

    return around(Connection, "commit", commit)


@double("transaction.meta-data")
def the_user_is_not_passed_on() -> Fault:
    """The storage is not told who the user of a transaction is.

    Nobody can say later who changed what.
    """

    def meta_data(user: str, description: str, extension: Any) -> TransactionMetaData:
        return TransactionMetaData("", description, extension)

    return instead(committing, "TransactionMetaData", meta_data)


@double("transaction.sort-keys")
def connections_to_one_storage_have_one_sort_key() -> Fault:
    """The sort key of a connection is that of its storage, and nothing else.

    There is no order among the connections of one process, and the phases of a commit may reach
    them in different ones.
    """
    return instead(Connection, "sortKey", lambda self: f"{self._snapshot.sort_key()}:")


@double("transaction.sort-key-begins-with-the-storage")
def sort_keys_are_those_of_the_process() -> Fault:
    """The sort key of a connection tells nothing of its storage.

    Two processes that commit to the same two storages lock them in different orders.
    """
    return instead(Connection, "sortKey", lambda self: str(id(self)))


@double("transaction.failure-before-begin")
def a_connection_that_has_not_begun_does_not_abort() -> Fault:
    """After a failure, a connection undoes its changes only if it was asked to begin.

    If another data manager fails first, the changes stay in memory and belong to nobody.
    """

    def abort(correct: Any, connection: Connection, txn: Any) -> None:
        is_failing = txn.status in (Status.COMMITTING, Status.COMMITFAILED)
        if connection._commit is not None or not is_failing:
            correct(connection, txn)

    return around(Connection, "abort", abort)


@double("transaction.tpc-abort-at-any-time")
def an_abort_without_a_beginning_fails() -> Fault:
    """`tpc_abort` fails where the connection has not begun to commit.

    The way out of one error leads into the next, which hides it.
    """

    def tpc_abort(correct: Any, connection: Connection, txn: Any) -> None:
        if connection._commit is None:
            raise StorageTransactionError(f"{connection!r} has not begun")
        correct(connection, txn)

    return around(Connection, "tpc_abort", tpc_abort)
