"""Faults in how a storage undoes several transactions, or one beside other work."""

from __future__ import annotations

from typing import Any

from zodb_reference.errors import ConflictError, UndoError
from zodb_reference.storages import undoing
from zodb_reference.storages.reading import ReadableStorage
from zodb_reference.storages.twophase import TwoPhaseStorage
from zodb_reference.storages.undoing import Difference, UndoableStorage

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around


@double(
    "storage.undo-several",
    also="storage.undo-several-as-one storage.undo-in-wrong-order storage.undo-merges-several"
    " storage.undo-tells-what-it-changes",
)
def each_is_undone_by_itself() -> Fault:
    """Of several transactions that are undone in one, each is taken for the only one.

    The second one that has changed an object is in the way of the first.
    """

    def now(correct: Any, history: Any, oid: bytes, records: Any) -> Any:
        return correct(history, oid, ())

    return around(undoing, "state_now", now)


@double("storage.undo-several-as-one")
def shared_data_are_missing() -> Fault:
    """Who goes through the transactions gets no data of what an undo has brought back.

    In a copy of the storage, what was brought back does not exist.
    """

    def told(correct: Any, storage: Any, record: Any) -> Any:
        found = correct(storage, record)
        return found._replace(data=None) if record.data_txn else found

    return around(ReadableStorage, "_told", told)


@double("storage.undo-several-or-none")
def half_is_better_than_nothing() -> Fault:
    """Where one of several transactions can't be undone, those before it are, at once.

    The program believes that nothing was undone.
    """

    def undo(correct: Any, storage: Any, transaction_id: bytes, transaction: Any) -> Any:
        try:
            return correct(storage, transaction_id, transaction)
        except UndoError:
            if storage._commit.records:
                storage.tpc_vote(transaction)
                storage.tpc_finish(transaction)
            raise

    return around(UndoableStorage, "undo", undo)


@double("storage.undo-merges-several")
def one_merge_is_enough() -> Fault:
    """Changes of an object that were merged in a transaction can't be merged again in it.

    Of several changes that a class can take back, it takes back one.
    """

    def records(correct: Any, storage: Any, oid: bytes, tid: bytes, found: Any) -> Any:
        if isinstance(found, Difference) and found.now.tid == tid:
            raise ConflictError(oid=oid)
        return correct(storage, oid, tid, found)

    return around(UndoableStorage, "_records", records)


@double("storage.undo-beside-stores")
def who_stores_does_not_undo() -> Fault:
    """What a transaction has undone is left out when it stores something after it.

    The program believes that it was undone.
    """

    def store(correct: Any, storage: Any, *args: Any) -> Any:
        told = correct(storage, *args)
        records = storage._commit.records
        for oid in [oid for oid, (record, *_) in records.items() if record.data_txn]:
            del records[oid]
        return told

    return around(TwoPhaseStorage, "store", store)


@double("storage.undo-against-a-commit")
def what_was_undone_meanwhile_is_current() -> Fault:
    """Who changes an object from a revision that was undone since has no conflict.

    What was undone comes back, and who has undone it does not learn of that.
    """

    def store(correct: Any, storage: Any, oid: bytes, serial: bytes, *args: Any) -> Any:
        newest = storage._history.find(oid)
        if newest is not None and newest.data_txn:
            undone = storage._history.find(oid, newest.tid)
            serial = newest.tid if undone and undone.tid == serial else serial
        return correct(storage, oid, serial, *args)

    return around(TwoPhaseStorage, "store", store)
