"""Faults in joint commits: of one transaction over several databases."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pickle import PicklingError
from typing import Any

from transaction import Transaction, TransactionManager, _transaction
from transaction._transaction import Status
from zodb_reference import committing
from zodb_reference.committing import Commit
from zodb_reference.connections import Connection
from zodb_reference.errors import ConnectionStateError
from zodb_reference.identity import IdentityMap
from zodb_reference.metadata import TransactionMetaData

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.faults.write_skew import conflicts_come_late
from zodb_conformance.doubles.planting import around, instead, together


@double("joint.only-changed-join")
def who_reads_takes_part() -> Fault:
    """A connection joins the transaction when the program gets an object from it.

    Every database that was looked at is locked by the commit, and one that takes no changes
    refuses it.
    """

    def get(correct: Any, connection: Connection, oid: bytes) -> Any:
        found = correct(connection, oid)
        connection._join()
        return found

    return around(Connection, "get", get)


@double("joint.stored-in-sort-order")
def databases_come_in_the_order_in_which_they_joined() -> Fault:
    """A commit comes to the databases in the order in which they were changed.

    Two programs that change the same two in opposite orders wait for each other for ever.
    """
    return instead(_transaction, "rm_key", lambda member: 0)


def everybody_has_voted(txn: Transaction) -> bool:
    """Whether a transaction has come to its second phase."""
    return all(id(member) in txn._voted for member in txn._resources)


@double("joint.undone-up-to-the-vote")
def who_has_voted_finishes() -> Fault:
    """A database that has voted keeps its part, even if another one fails in its vote.

    Half a transaction is stored, although nothing had been promised.
    """

    def tpc_abort(correct: Any, connection: Connection, txn: Transaction) -> None:
        if id(connection) in txn._voted and not everybody_has_voted(txn):
            connection.tpc_finish(txn)
        else:
            correct(connection, txn)

    return around(Connection, "tpc_abort", tpc_abort)


@double("joint.conflict-undoes-all")
def a_conflict_waits_for_the_second_phase() -> Fault:
    """A conflict in one database is raised when the others may have finished.

    To try again does half of the work a second time.
    """
    return conflicts_come_late()


@double("joint.error-undoes-all")
def what_can_not_be_stored_is_left_out() -> Fault:
    """A database leaves out the objects that it can't store, and the commit goes on.

    What the other databases have stored refers to states that there never were.
    """

    def store_changes(correct: Any, commit: Commit) -> None:
        try:
            correct(commit)
        except (PicklingError, AttributeError, TypeError):
            commit._registered.clear()

    return around(Commit, "store_changes", store_changes)


@double("joint.meta-data-everywhere")
def only_the_first_database_is_told_what_was_done() -> Fault:
    """User and description are passed to the first database of a joint commit, and to no other.

    Nobody can say later who changed what in those.
    """
    told: set[tuple[str, str]] = set()

    def meta_data(user: str, description: str, extension: Any) -> TransactionMetaData:
        if (user, description) in told:
            return TransactionMetaData("", "", extension)
        told.add((user, description))
        return TransactionMetaData(user, description, extension)

    return instead(committing, "TransactionMetaData", meta_data)


@double("joint.read-current-in-each", also="joint.read-current-without-changes")
def marks_count_in_one_database() -> Fault:
    """Only the connection that has joined first checks what was marked by `readCurrent`.

    A decision that rests on two databases no longer holds in one of them when it is stored.
    """

    def check_current(correct: Any, commit: Commit, *marks: Any) -> None:
        if commit.transaction._resources[0] is commit._connection:
            correct(commit, *marks)

    return around(Commit, "check_current", check_current)


@double("joint.read-current-without-changes")
def marks_without_changes_are_forgotten() -> Fault:
    """A connection without changes takes no part in a commit, whatever was marked in its database.

    A decision that rests on one database no longer holds when it is stored in another.
    """
    return instead(Connection, "beforeCompletion", lambda connection, txn: None)


@double("joint.late-member-may-be-newer")
def a_late_connection_is_told_of_no_boundary() -> Fault:
    """A connection that is opened in mid-transaction is not told of the ones that follow.

    It goes on showing what there was when it was opened.
    """

    def register(correct: Any, manager: TransactionManager, synchronizer: Any) -> None:
        if manager._txn is None:
            correct(manager, synchronizer)

    return around(TransactionManager, "registerSynch", register)


@double("joint.loaded-between-finishes")
def what_was_stored_here_is_never_old() -> Fault:
    """A connection takes what it has committed itself for the newest, whatever it has in memory.

    What was loaded again before the boundary goes on showing the state before the commit.
    """

    def catch_up(correct: Any, objects: IdentityMap, changes: Any) -> None:
        own = vars(objects).pop("own", frozenset())
        correct(objects, changes and {oid: changes[oid] for oid in changes.keys() - own})

    def settle(correct: Any, objects: IdentityMap, written: Any, *more: Any) -> None:
        correct(objects, written, *more)
        vars(objects)["own"] = frozenset(written)

    return together(
        around(IdentityMap, "catch_up", catch_up), around(IdentityMap, "settle", settle)
    )


@double("joint.reader-between-finishes")
def nobody_begins_while_others_finish() -> Fault:
    """A transaction can't begin while another is between its vote and its end.

    Readers fail at random, the more often the more is written.
    """
    voted: list[Commit] = []

    def note(correct: Any, commit: Commit) -> None:
        correct(commit)
        voted.append(commit)

    def forget(correct: Callable[[Commit], None]) -> Callable[[Commit], None]:
        def end(commit: Commit) -> None:
            voted[:] = [other for other in voted if other is not commit]
            correct(commit)

        return end

    def new_transaction(correct: Any, connection: Connection, txn: Transaction) -> None:
        if voted:
            raise ConnectionStateError("a commit is being finished")
        correct(connection, txn)

    return together(
        around(Commit, "vote", note),
        instead(Commit, "finish", forget(Commit.finish)),
        instead(Commit, "abort", forget(Commit.abort)),
        around(Connection, "newTransaction", new_transaction),
    )


@double("joint.second-phase-failure-raised")
def half_a_commit_can_be_committed_again() -> Fault:
    """After a failure in the second phase the transaction is active again.

    A program that tries once more stores the half that is there a second time.
    """

    def commit(correct: Any, txn: Transaction) -> None:
        try:
            correct(txn)
        except Exception:
            if txn.status is Status.COMMITFAILED and everybody_has_voted(txn):
                txn.status = Status.ACTIVE
            raise

    return around(Transaction, "commit", commit)


@double("joint.second-phase-failure-logged")
def half_a_commit_is_not_worth_a_line() -> Fault:
    """Nothing critical is logged when the second phase of a commit fails.

    Databases differ, and the first to notice is a user.
    """

    def critical(*args: Any, **options: Any) -> None:
        pass

    return instead(logging.Logger, "critical", critical)


@double("joint.half-of-whole-databases")
def of_what_was_voted_on_something_is_saved() -> Fault:
    """A database that is told to abort in the second phase keeps the record that it has stored
    last.

    Not even one of the databases is consistent in itself.
    """

    def put(correct: Any, commit: Commit, *record: Any) -> None:
        vars(commit)["last"] = record
        correct(commit, *record)

    def tpc_abort(correct: Any, connection: Connection, txn: Transaction) -> None:
        commit = connection._commit
        if commit is not None and everybody_has_voted(txn):
            connection._abort_commit(txn)
            meta, (oid, serial, record) = TransactionMetaData("", "", {}), vars(commit)["last"]
            commit._snapshot.begin(meta)
            commit._snapshot.store(oid, serial, record, meta)
            commit._snapshot.vote(meta)
            commit._snapshot.finish(meta, {oid})
        correct(connection, txn)

    return together(around(Commit, "put", put), around(Connection, "tpc_abort", tpc_abort))


@double("joint.works-on-after-half-a-commit")
def what_was_not_finished_stays_in_memory() -> Fault:
    """A connection that is told to abort in the second phase does so in the storage alone.

    It goes on showing what its database has lost.
    """

    def tpc_abort(correct: Any, connection: Connection, txn: Transaction) -> None:
        if everybody_has_voted(txn) and connection._commit is not None:
            connection._abort_commit(txn)
            connection._registered.clear()
            connection.objects.new.clear()
            connection._joined = None
        else:
            correct(connection, txn)

    return around(Connection, "tpc_abort", tpc_abort)
