"""Faults in how a storage undoes transactions."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

from zodb_reference.errors import ConflictError, MultipleUndoErrors, POSKeyError, UndoError
from zodb_reference.storages import undoing
from zodb_reference.storages.reading import ReadableStorage
from zodb_reference.storages.states import State, again, state_of
from zodb_reference.storages.twophase import TwoPhaseStorage
from zodb_reference.storages.undoing import Blocked, Difference, UndoableStorage

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, instead, together


@double("storage.undo-supported")
def nobody_is_told_that_it_undoes() -> Fault:
    """A storage that can undo does not say so.

    No program offers it.
    """
    return instead(UndoableStorage, "supportsUndo", lambda storage: False)


@double(
    "storage.undo-restores",
    also="storage.undo-tells-what-it-changes storage.undo-in-wrong-order",
)
def all_goes_back() -> Fault:
    """To undo a transaction takes back what later ones have done to other objects, too.

    Who takes back his own mistake takes back what others have done since.
    """

    def reversals(correct: Any, storage: Any, commit: Any, undone: Any) -> Any:
        found, errors = correct(storage, commit, undone)
        for transaction in storage._history._transactions:
            for record in transaction.records if transaction.tid > undone.tid else ():
                before = state_of(storage._history, record.oid, undone.tid)
                found.setdefault(record.oid, (before.newest,))
        return found, errors

    return around(UndoableStorage, "_reversals", reversals)


@double("storage.undo-adds")
def what_was_undone_is_unreadable() -> Fault:
    """A revision that was undone can't be read any more.

    Nobody can see what was undone, and why.
    """

    def undo(correct: Any, storage: Any, transaction_id: bytes, transaction: Any) -> Any:
        told = correct(storage, transaction_id, transaction)
        vars(storage).setdefault("undone", set()).add(b64decode(transaction_id))
        return told

    def load_serial(correct: Any, storage: Any, oid: bytes, serial: bytes) -> Any:
        if serial in vars(storage).get("undone", ()):
            raise POSKeyError(oid, serial)
        return correct(storage, oid, serial)

    return together(
        around(UndoableStorage, "undo", undo), around(ReadableStorage, "loadSerial", load_serial)
    )


@double("storage.undo-tells-what-it-changes", also="storage.undo-several")
def one_object_is_told_of() -> Fault:
    """Of the objects that an undo changes, it tells one.

    Whoever has the others in memory goes on with what was undone.
    """

    def undo(correct: Any, *args: Any) -> Any:
        tid, oids = correct(*args)
        return tid, oids[:1]

    return around(UndoableStorage, "undo", undo)


@double("storage.undo-is-part-of-its-transaction")
def what_was_voted_for_is_undone() -> Fault:
    """What was undone in a transaction that has voted stays undone, though it is aborted.

    The program believes that nothing has happened.
    """

    def abort(correct: Any, storage: Any, transaction: Any) -> None:
        commit = storage._commit
        has_voted = commit and commit.meta is transaction and commit.prepared
        if has_voted and any(record.data_txn for record in commit.prepared.records):
            storage.tpc_finish(transaction)
        correct(storage, transaction)

    return around(TwoPhaseStorage, "tpc_abort", abort)


def _late(instead: Any) -> Fault:
    """What is to be undone after the vote is not, and `instead` is called with the storage and the
    tid.
    """

    def undo(correct: Any, storage: Any, transaction_id: bytes, transaction: Any) -> Any:
        commit = storage._commit
        if commit is None or commit.meta is not transaction or commit.prepared is None:
            return correct(storage, transaction_id, transaction)
        instead(storage, b64decode(transaction_id))
        return commit.tid, []

    return around(UndoableStorage, "undo", undo)


@double("storage.undo-belongs-to-first-phase")
def what_comes_too_late_is_not_done() -> Fault:
    """To undo something after the vote does nothing.

    The program believes that it was undone.
    """
    return _late(lambda storage, tid: None)


@double("storage.undo-out-of-order-harms-nothing", also="storage.undo-belongs-to-first-phase")
def what_comes_too_late_is_lost() -> Fault:
    """To undo something after the vote makes a record that is nowhere the current one.

    The object can't be read any more.
    """

    def lose(storage: Any, tid: bytes) -> None:
        for record in storage._history.records(tid):
            storage._history._revisions.pop(record.oid, None)

    return _late(lose)


@double("storage.undo-outdates")
def old_data_are_the_old_revision() -> Fault:
    """Who changes an object from a revision that an undo has brought back has no conflict.

    He has not seen what happened in between, and takes it back.
    """

    def store(correct: Any, storage: Any, oid: bytes, serial: bytes, *args: Any) -> Any:
        newest = storage._history.find(oid)
        if newest is not None and newest.data_txn == serial:
            serial = newest.tid
        return correct(storage, oid, serial, *args)

    return around(TwoPhaseStorage, "store", store)


@double("storage.undo-uncreates")
def what_is_gone_has_a_revision() -> Fault:
    """An object whose creation was undone has a current revision.

    Who asks whether what he has is current is told that it is.
    """
    return instead(ReadableStorage, "getTid", lambda storage, oid: storage._history.newest(oid).tid)


@double("storage.undo-uncreates-until-undone", also="storage.undo-of-undo storage.undo-several")
def what_is_gone_stays_gone() -> Fault:
    """An object whose creation was undone does not come back when that is undone.

    Who undoes by mistake loses it.
    """

    def reversal(correct: Any, before: State, after: State, now: State) -> Any:
        if now.newest is not None and now.newest.data is None:
            return (None,)
        return correct(before, after, now)

    return around(undoing, "reversal", reversal)


@double("storage.undo-of-undo", also="storage.undo-uncreates-until-undone")
def there_and_back_is_all() -> Fault:
    """What has undone an undo can't be undone.

    Who steps back and forth is stuck.
    """

    def undo(correct: Any, storage: Any, transaction_id: bytes, transaction: Any) -> Any:
        steps, tid = vars(storage).setdefault("steps", {}), b64decode(transaction_id)
        if steps.get(tid, 0) > 1:
            raise UndoError("this was undone before")
        told = correct(storage, transaction_id, transaction)
        steps[told[0]] = steps.get(tid, 0) + 1
        return told

    return around(UndoableStorage, "undo", undo)


def _where_blocked(records_instead: Any) -> Fault:
    """Where something is in the way, a transaction stores what is given by a function of the
    storage, the objects that are not in the way with their records, and those that are with what
    they were before. It gives None where the undo is to fail.
    """

    def undo(correct: Any, storage: Any, transaction_id: bytes, transaction: Any) -> Any:
        try:
            return correct(storage, transaction_id, transaction)
        except MultipleUndoErrors:
            commit, tid = storage._commit, b64decode(transaction_id)
            possible, blocked = {}, {}
            found, errors = storage._reversals(commit, storage._undoable(transaction_id))
            for oid, each in found.items():
                try:
                    possible[oid] = storage._records(oid, commit.tid, each)
                except ConflictError:
                    errors.append((oid, ""))
            for oid, _ in errors:
                before = state_of(storage._history, oid, tid).newest
                blocked[oid] = [again(oid, commit.tid, before, "")]
            chosen = records_instead(possible, blocked)
            if chosen is None:
                raise
            for records in chosen.values():
                for record in records:
                    commit.put(record)
            return commit.tid, list(chosen)

    return around(UndoableStorage, "undo", undo)


@double("storage.undo-blocked", also="storage.undo-of-changed-creation")
def what_is_possible_is_done() -> Fault:
    """Where some objects are in the way of an undo, the others are brought back.

    Objects that belong together are of different times.
    """
    return _where_blocked(lambda possible, blocked: possible or None)


@double(
    "storage.undo-in-wrong-order",
    also="storage.undo-errors-together storage.undo-several-or-none",
)
def what_came_later_is_overwritten() -> Fault:
    """Where all objects of a transaction were changed since, they are brought back nevertheless.

    What was done since is lost.
    """
    return _where_blocked(lambda possible, blocked: None if possible else blocked)


@double("storage.undo-of-changed-creation")
def what_was_changed_is_uncreated() -> Fault:
    """An object that was changed since ceases to exist when its creation is undone.

    The changes are lost, and what refers to it leads nowhere.
    """

    def reversal(correct: Any, before: State, after: State, now: State) -> Any:
        try:
            return correct(before, after, now)
        except Blocked:
            if before.newest is not None:
                raise
            return (None,)

    return around(undoing, "reversal", reversal)


@double("storage.undo-of-changed-back", also="storage.undo-of-undo")
def only_an_undo_brings_back() -> Fault:
    """A change that was taken back is in the way of an undo, unless another undo has done that.

    Who changes his mind twice can't go back behind it.
    """

    def source(record: Any) -> Any:
        return record and (record.data_txn or record.tid)

    return instead(undoing, "same_data", lambda one, other: source(one) == source(other))


@double("storage.undo-merges", also="storage.undo-merges-several")
def the_difference_is_added() -> Fault:
    """Where a class merges what an undo takes back with later changes, it is given the state from
    before as that from after.

    What was to be taken back is done twice.
    """

    def records(correct: Any, storage: Any, oid: bytes, tid: bytes, found: Any) -> Any:
        if isinstance(found, Difference):
            undone = found.undone._replace(data=found.before)
            found = Difference(undone, found.now, found.undone.data or b"")
        return correct(storage, oid, tid, found)

    return around(UndoableStorage, "_records", records)


@double("storage.undo-errors-together")
def the_first_error_is_told() -> Fault:
    """Where several objects are in the way of an undo, the error is of the first one.

    A person mends one thing after the other, and never knows how much is left.
    """

    def undo(correct: Any, *args: Any) -> Any:
        try:
            return correct(*args)
        except MultipleUndoErrors as error:
            raise UndoError(str(error).splitlines()[0]) from None

    return around(UndoableStorage, "undo", undo)
