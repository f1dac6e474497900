"""Faults in what a storage does with records that a layer above it has changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

from zodb_reference.storages.packing import PackableStorage
from zodb_reference.storages.reading import ReadableStorage
from zodb_reference.storages.twophase import TwoPhaseStorage
from zodb_reference.storages.undoing import Difference, UndoableStorage

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around


@double("storage.wrapped-records-stay-as-they-are")
def wrapped_records_have_to_be_readable() -> Fault:
    """A storage looks into every record that it is handed, and refuses what it can't read.

    To begin to compress records, or to compress them in another way, fails.
    """

    def keep(correct: Any, storage: Any, commit: Any, oid: bytes, data: bytes, *which: Any) -> None:
        storage._untransform(data)
        correct(storage, commit, oid, data, *which)

    return around(TwoPhaseStorage, "_keep", keep)


@double("storage.wrapped-transactions")
def wrapped_transactions_are_unwrapped() -> Fault:
    """Who goes through the transactions finds pickles, and not what was stored.

    A layer that turns them into pickles fails, or a copy is not what the original was.
    """

    def iterate(correct: Any, storage: Any, *bounds: Any) -> Iterator[Any]:
        for each in correct(storage, *bounds):
            each._records = tuple(
                one._replace(data=storage._untransform(one.data)) if one.data else one
                for one in each._records
            )
            yield each

    return around(ReadableStorage, "_iterate", iterate)


@double(
    "storage.wrapped-conflicts-are-resolved",
    also="storage.wrapped-conflicts-are-resolved-here storage.wrapped-as-the-last-layer-says"
    " storage.wrapped-undo-of-one-of-several storage.wrapped-undo-merges",
)
def wrapped_conflicts_are_unwrapped() -> Fault:
    """What comes of a resolution is stored as pickles, and not as the layer has it.

    The layer can't read the object any more.
    """

    def resolve(correct: Any, storage: Any, *conflict: Any) -> Any:
        return storage._untransform(correct(storage, *conflict))

    return around(TwoPhaseStorage, "_resolve", resolve)


@double(
    "storage.wrapped-conflicts-are-resolved-here",
    also="storage.wrapped-as-the-last-layer-says storage.wrapped-undo-merges",
)
def wrapped_conflicts_stay() -> Fault:
    """A storage does not ask the layer above for pickles, and takes the records for them.

    With compression no conflict is ever resolved.
    """

    def resolve(correct: Any, storage: Any, *conflict: Any) -> Any:
        with patch.object(storage, "_untransform", bytes):
            return correct(storage, *conflict)

    return around(TwoPhaseStorage, "_resolve", resolve)


@double("storage.wrapped-as-the-last-layer-says")
def wrapped_by_all_layers_that_were() -> Fault:
    """A storage asks all layers that were ever registered, one after the other.

    Where compression is taken away, merged records are compressed all the same.
    """

    def register(correct: Any, storage: Any, wrapper: Any) -> None:
        do, take_back = storage._transform, storage._untransform
        correct(storage, wrapper)
        first, last = storage._transform, storage._untransform
        storage._transform = lambda data: do(first(data))
        storage._untransform = lambda data: last(take_back(data))

    return around(TwoPhaseStorage, "registerDB", register)


@double("storage.wrapped-references")
def wrapped_references_are_asked_for_pickles() -> Fault:
    """A pack asks for the references of pickles, and not of the records that are stored.

    The function that the layer gives turns them into pickles once more, and fails.
    """

    def pack(
        correct: Any, storage: Any, t: float, referencesf: Any, *options: Any, **named: Any
    ) -> None:
        correct(storage, t, lambda data: referencesf(storage._untransform(data)), *options, **named)

    return around(PackableStorage, "pack", pack)


@double("storage.wrapped-undo")
def wrapped_undo_is_unwrapped() -> Fault:
    """What an undo brings back is stored as pickles, and not as it was.

    The layer can't read the object any more.
    """

    def records(correct: Any, storage: Any, oid: bytes, tid: bytes, found: Any) -> Any:
        return [
            one._replace(data=storage._untransform(one.data))
            if one.data and not isinstance(found, Difference)
            else one
            for one in correct(storage, oid, tid, found)
        ]

    return around(UndoableStorage, "_records", records)


@double(
    "storage.wrapped-undo-of-one-of-several",
    also="storage.wrapped-undo-merges",
)
def wrapped_undo_merges_unwrapped() -> Fault:
    """What an undo makes of several changes is stored as pickles, and not as the layer has it.

    The layer can't read the object any more.
    """

    def records(correct: Any, storage: Any, oid: bytes, tid: bytes, found: Any) -> Any:
        with patch.object(storage, "_transform", bytes):
            return correct(storage, oid, tid, found)

    return around(UndoableStorage, "_records", records)


@double("storage.wrapped-undo-merges")
def wrapped_undo_does_not_merge() -> Fault:
    """An undo takes records for pickles, and finds that it can't merge them.

    With compression fewer changes can be undone.
    """

    def records(correct: Any, storage: Any, oid: bytes, tid: bytes, found: Any) -> Any:
        with patch.object(storage, "_untransform", bytes):
            return correct(storage, oid, tid, found)

    return around(UndoableStorage, "_records", records)
