"""Faults in what a storage of changes makes of undo, deletion, copies and lists."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from zodb_reference.errors import UndoError
from zodb_reference.metadata import TransactionMetaData
from zodb_reference.storages import undoing
from zodb_reference.storages.iteration import TransactionCopy
from zodb_reference.storages.layered import LayeredHistory, LayeredStorage
from zodb_reference.storages.memory import MemoryHistory
from zodb_reference.storages.packing import PackableStorage
from zodb_reference.storages.states import State
from zodb_reference.storages.twophase import TwoPhaseStorage
from zodb_reference.storages.undoing import UndoableStorage

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around


@double(
    "storage.layered-undo", also="storage.layered-undo-of-creation storage.layered-blobs-are-undone"
)
def layered_undo_looks_at_the_changes() -> Fault:
    """An undo takes the first change of an object above for its creation.

    What the base has can't be seen any more.
    """

    def state(correct: Any, history: Any, oid: bytes, before: Any = None) -> State:
        if not isinstance(history, LayeredHistory):
            return correct(history, oid, before)  # type: ignore[no-any-return]
        found = MemoryHistory.find(history, oid, before)
        return State(found, found)

    return around(undoing, "state_of", state)


@double("storage.layered-undo-of-creation")
def layered_undo_leaves_what_is_new() -> Fault:
    """An undo leaves the objects that were created above.

    Nothing refers to them, and they stay.
    """

    def records(correct: Any, storage: Any, *which: Any) -> Any:
        made = correct(storage, *which)
        if isinstance(storage, LayeredStorage):
            made = [record for record in made if record.data is not None]
        return made

    return around(UndoableStorage, "_records", records)


@double("storage.layered-undo-of-the-base")
def layered_undo_is_handed_down() -> Fault:
    """What a storage of changes can't undo, since it is of the base, is undone in the base.

    The data that must not suffer do.
    """

    def undo(correct: Any, storage: Any, name: bytes, transaction: Any) -> Any:
        try:
            return correct(storage, name, transaction)
        except UndoError:
            if not isinstance(storage, LayeredStorage):
                raise
            base, meta = storage.base, TransactionMetaData()
            base.tpc_begin(meta)
            undone = base.undo(name, meta)
            base.tpc_vote(meta)
            base.tpc_finish(meta)
            return undone

    return around(UndoableStorage, "undo", undo)


@double("storage.layered-undone-below", also="storage.layered-deleted-below")
def layered_storage_shows_what_was_undone() -> Fault:
    """Of an object that has ceased to exist in the base, a storage of changes shows the last state.

    It is there, and nobody can say when it has come back.
    """

    def below(correct: Any, history: Any, oid: bytes, before: Any) -> Any:
        found = correct(history, oid, before)
        if found is None and before is None:
            for transaction in history._base.iterator():
                for record in transaction:
                    if record.oid == oid and record.data is not None:
                        found = record.data, record.tid, None
        return found

    return around(LayeredHistory, "below", below)


@double("storage.layered-deleted-below")
def layered_conflicts_need_two_records() -> Fault:
    """A storage of changes sees no conflict where the base does not have the object any more.

    Who has it in memory brings back what was deleted.
    """

    def store(correct: Any, storage: Any, oid: bytes, serial: Any, *what: Any) -> None:
        if isinstance(storage, LayeredStorage) and storage._layers.find(oid) is None:
            serial = None
        correct(storage, oid, serial, *what)

    return around(TwoPhaseStorage, "store", store)


@double("storage.layered-deletion")
def layered_deletion_is_packed_away() -> Fault:
    """A pack of a storage of changes removes the revision by which an object of the base is hidden.

    What was deleted is there again.
    """

    def doomed(correct: Any, storage: Any, *what: Any) -> Any:
        return PackableStorage._doomed(storage, *what)

    return around(LayeredStorage, "_doomed", doomed)


@double("storage.layered-current-records")
def layered_records_are_those_of_the_changes() -> Fault:
    """A storage of changes lists what was changed, and nothing else.

    Who looks through all objects misses most.
    """

    def following(correct: Any, storage: Any, next: Any = None) -> Any:  # noqa: A002
        return PackableStorage.record_iternext(storage, next)

    return around(LayeredStorage, "record_iternext", following)


@double("storage.layered-copied", also="storage.layered-transactions")
def layered_transactions_begin_above() -> Fault:
    """Who goes through the transactions comes by those of the base after those above.

    A copy can't be made: each transaction has to be later than all that are there.
    """

    def iterate(correct: Any, storage: Any, *bounds: bytes) -> Iterator[TransactionCopy]:
        yield from PackableStorage._iterate(storage, *bounds)
        yield from storage.base.iterator(*bounds)

    return around(LayeredStorage, "_iterate", iterate)
