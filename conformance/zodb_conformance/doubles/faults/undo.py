"""Faults in how transactions are undone."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import transaction
from transaction import TransactionManager
from zodb_reference.databasework import DatabaseWork
from zodb_reference.db import DB
from zodb_reference.errors import UndoError
from zodb_reference.revisions import Revisions
from zodb_reference.snapshot import Snapshot
from zodb_reference.storages.undoing import Difference, Sources, UndoableStorage

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, together


@double("database.undo-at-commit", checks="walk.undo")
def undo_is_done_at_once() -> Fault:
    """A transaction is undone as soon as this is asked for.

    Who thinks better of it has to undo that.
    """

    def undo(correct: Any, database: Revisions, ids: Any, txn: Any = None) -> None:
        manager = TransactionManager()
        try:
            correct(database, ids, manager.get())
            manager.commit()
        finally:
            manager.abort()

    return around(Revisions, "undoMultiple", undo)


@double("database.undo-restores", checks="walk.undo")
def one_object_is_enough() -> Fault:
    """Of the objects that an undone transaction has stored, one is brought back.

    The others fit it no more.
    """

    def reversals(correct: Any, storage: UndoableStorage, commit: Any, undone: Any) -> Any:
        found, errors = correct(storage, commit, undone)
        restored = [oid for oid, sources in found.items() if not _uncreates(sources)]
        return {oid: each for oid, each in found.items() if oid not in restored[1:]}, errors

    return around(UndoableStorage, "_reversals", reversals)


def _uncreates(found: Sources | Difference) -> bool:
    """Whether an object does not exist any more when it is undone so."""
    if isinstance(found, Difference):
        return False
    return found[-1] is None or found[-1].data is None


@double("database.undo-uncreates", checks="walk.undo")
def what_was_created_stays() -> Fault:
    """An object stays when the transaction is undone that has created it.

    Who tries to get it by an oid that he kept finds what was never meant to be.
    """

    def reversals(correct: Any, storage: UndoableStorage, commit: Any, undone: Any) -> Any:
        found, errors = correct(storage, commit, undone)
        return {oid: each for oid, each in found.items() if not _uncreates(each)}, errors

    return around(UndoableStorage, "_reversals", reversals)


@double("database.undo-in-given-transaction")
def the_thread_undoes_it_too() -> Fault:
    """What is to be undone in a given transaction is undone when the thread commits another one.

    Somebody else's commit decides on it.
    """

    def undo(correct: Any, database: Revisions, ids: Any, txn: Any = None) -> None:
        correct(database, ids, txn)
        if txn is not None:
            transaction.get().addAfterCommitHook(at_once, (correct, database, ids))

    def at_once(committed: bool, correct: Any, database: Revisions, ids: Any) -> None:
        if committed:
            manager = TransactionManager()
            correct(database, ids, manager.get())
            manager.commit()

    return around(Revisions, "undoMultiple", undo)


@double("database.undo-reaches-everybody")
def nobody_is_told() -> Fault:
    """That something was undone is news to no connection.

    Each goes on showing what it has in memory.
    """

    def finish(correct: Any, work: DatabaseWork, txn: Any) -> None:
        work._news.clear()
        correct(work, txn)

    return around(DatabaseWork, "_finish", finish)


@double("database.undo-fails-with-its-transaction")
def what_is_voted_for_is_done() -> Fault:
    """A transaction is undone in the vote.

    It is undone, and what the program did with it is not.
    """

    def vote(correct: Any, work: DatabaseWork, txn: Any) -> None:
        correct(work, txn)
        work._finish(txn)

    return together(
        around(DatabaseWork, "tpc_vote", vote),
        around(DatabaseWork, "tpc_finish", lambda correct, work, txn: None),
    )


@double("database.undo-needs-its-database")
def what_is_closed_need_not_be_undone() -> Fault:
    """Where the database was closed meanwhile, a commit leaves out what was to be undone there.

    The program believes that it was undone.
    """

    def undo(correct: Any, database: DB, ids: Any, txn: Any = None) -> None:
        correct(database, ids, txn)
        work = (txn or transaction.get())._resources[-1]
        begin = work.tpc_begin

        def begin_if_open(transaction: Any) -> None:
            if database.is_open():
                begin(transaction)
            else:
                for phase in "commit", "tpc_vote", "tpc_finish", "tpc_abort":
                    setattr(work, phase, lambda transaction: None)

        work.tpc_begin = begin_if_open

    return around(Revisions, "undoMultiple", undo)


@double("database.undo-beside-changes")
def changes_come_before_undo() -> Fault:
    """Where objects were changed in a transaction in which something is to be undone, that is left
    out, and the commit succeeds.

    The program believes that it was undone.
    """

    def commit(correct: Any, txn: Any) -> None:
        works = [one for one in txn._resources if isinstance(one, DatabaseWork)]
        for work in works if len(txn._resources) > len(works) else ():
            txn._resources.remove(work)
        correct(txn)

    return around(transaction.Transaction, "commit", commit)


@double("database.undone-undo")
def who_undoes_leaves_no_word() -> Fault:
    """The log does not tell the descriptions of transactions that have undone others.

    Nobody knows why something was undone.
    """
    undoing: set[bytes] = set()

    def undo(correct: Any, database: DB, ids: Any, txn: Any = None) -> None:
        correct(database, ids, txn)
        (txn or transaction.get()).addAfterCommitHook(put_down, (database,))

    def put_down(committed: bool, database: DB) -> None:
        if committed:
            undoing.add(database.storage.undoLog(0, 1)[0]["id"])

    def log(correct: Any, database: Revisions, *args: Any) -> Any:
        listed = correct(database, *args)
        return [each | {"description": ""} if each["id"] in undoing else each for each in listed]

    return together(around(Revisions, "undoMultiple", undo), around(Revisions, "undoLog", log))


def _undoing(instead: Any) -> Fault:
    """Where the storage refuses to undo a transaction, something is done instead."""

    def undo(correct: Any, snapshot: Snapshot, ident: bytes, meta: Any) -> Collection[bytes]:
        try:
            undone: Collection[bytes] = correct(snapshot, ident, meta)
        except UndoError as error:
            instead(snapshot, ident, error)
            return ()
        return undone

    return around(Snapshot, "undo", undo)


@double("database.undo-refused", checks="walk.undo")
def what_can_not_be_undone_is_left_out() -> Fault:
    """Where a transaction can't be undone, the commit succeeds without that.

    The program believes that it was undone.
    """
    return _undoing(lambda snapshot, ident, error: None)


def _is_known(snapshot: Snapshot, ident: bytes) -> bool:
    return ident in [each["id"] for each in snapshot._storage.undoLog(0, 1000)]


@double("database.undo-of-nothing", also="database.undo-error-says-so")
def nothing_is_undone_with_success() -> Fault:
    """To undo what never was a transaction succeeds.

    The program believes that something was undone.
    """

    def instead(snapshot: Snapshot, ident: bytes, error: UndoError) -> None:
        if _is_known(snapshot, ident):
            raise error

    return _undoing(instead)


@double("database.undo-error-says-so")
def a_wrong_id_is_an_accident() -> Fault:
    """To undo what never was a transaction fails by an error that nobody meant.

    A program that catches the errors of undo breaks down.
    """

    def instead(snapshot: Snapshot, ident: bytes, error: UndoError) -> None:
        if _is_known(snapshot, ident):
            raise error
        raise AssertionError

    return _undoing(instead)


@double("database.undo-multiple")
def of_several_one_is_undone() -> Fault:
    """Of several transactions the first that is named is undone.

    The program believes that all are.
    """

    def undo(correct: Any, database: Revisions, ids: Any, txn: Any = None) -> None:
        correct(database, ids[:1], txn)

    return around(Revisions, "undoMultiple", undo)


@double("database.undo-multiple-order")
def any_order_will_do() -> Fault:
    """Transactions that are to be undone are brought into order.

    A program that works so fails with every other implementation.
    """

    def undo(correct: Any, database: Revisions, ids: Any, txn: Any = None) -> None:
        known = [each["id"] for each in database.storage.undoLog(0, 1000)]
        found = sorted(ids, key=lambda each: known.index(each) if each in known else -1)
        correct(database, found, txn)

    return around(Revisions, "undoMultiple", undo)


@double("database.undo-log")
def users_are_bytes() -> Fault:
    """The log tells who has made a transaction in bytes.

    Every program has to guess how to read them.
    """

    def log(correct: Any, database: Revisions, *args: Any) -> Any:
        return [
            {**each, "user_name": each["user_name"].encode()} for each in correct(database, *args)
        ]

    return around(Revisions, "undoLog", log)


@double("database.undo-info", also="database.undo-info-in-text")
def what_is_counted_is_chosen_from() -> Fault:
    """Where transactions are chosen by what their entries say, those that are not count as well.

    A page of the log has gaps, or is empty.
    """

    def info(
        correct: Any, database: Revisions, first: int = 0, last: int = -20, wanted: Any = None
    ) -> Any:
        found = correct(database, first, last)
        return [each for each in found if (wanted or {}).items() <= each.items()]

    return around(Revisions, "undoInfo", info)


@double("database.undo-info-in-text")
def descriptions_are_asked_for_in_bytes() -> Fault:
    """Who looks for transactions by their description has to say it in bytes.

    What was found in the log can't be found again.
    """

    def info(
        correct: Any, database: Revisions, first: int = 0, last: int = -20, wanted: Any = None
    ) -> Any:
        if isinstance((wanted or {}).get("description"), str):
            return []
        return correct(database, first, last, wanted)

    return around(Revisions, "undoInfo", info)


@double("database.undo-not-supported")
def undo_does_nothing() -> Fault:
    """Over a storage that can't undo, to undo does nothing.

    The program believes that something was undone.
    """

    def undo(correct: Any, database: Revisions, ids: Any, txn: Any = None) -> None:
        if database.supportsUndo():
            correct(database, ids, txn)

    return around(Revisions, "undoMultiple", undo)


@double("database.undo-supported", also="database.undo-error-says-so")
def nothing_to_undo_is_no_undo() -> Fault:
    """A database in which there is nothing to undo yet says that it can't undo.

    A program that asks once, when it begins, never offers it.
    """

    def supports(correct: Any, database: Revisions) -> bool:
        return correct(database) and len(database.storage.undoLog(0, 2)) > 1

    return around(Revisions, "supportsUndo", supports)
