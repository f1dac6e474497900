"""Faults in packing and opening again, as scripts drive a storage."""

from __future__ import annotations

import time
from typing import Any

from zodb_reference.errors import POSKeyError
from zodb_reference.storages import packing
from zodb_reference.storages.packing import PackableStorage
from zodb_reference.storages.reading import ReadableStorage
from zodb_reference.storages.twophase import TwoPhaseStorage

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, together


@double(
    "protocol.pack",
    also="protocol.pack-last protocol.pack-past protocol.pack-without-gc",
    checks="walk.storage-upkeep",
)
def a_pack_forgets_the_last_transaction() -> Fault:
    """After a pack no transaction is the last one.

    Whoever asks for what is newer gets everything once more.
    """

    def pack(correct: Any, storage: PackableStorage, *args: Any, **options: Any) -> None:
        correct(storage, *args, **options)
        storage._last_tid = bytes(8)

    return around(PackableStorage, "pack", pack)


@double("protocol.pack-last", checks="walk.storage-upkeep")
def the_last_transaction_is_the_last_that_is_left() -> Fault:
    """After a pack the last transaction is the last of which a record is left.

    A client that has seen a later one takes its cache for that of another storage.
    """

    def pack(correct: Any, storage: PackableStorage, *args: Any, **options: Any) -> None:
        correct(storage, *args, **options)
        left = [each.tid for each in storage.iterator() if list(each)]
        storage._last_tid = left[-1] if left else bytes(8)

    return around(PackableStorage, "pack", pack)


@double("protocol.pack-past", also="protocol.pack-earlier", checks="walk.storage-upkeep")
def every_pack_is_for_now() -> Fault:
    """A pack for an earlier time removes what was replaced since as well.

    Who keeps a week of the past to be able to undo, keeps none.
    """

    def pack(correct: Any, storage: PackableStorage, t: float, *args: Any, **options: Any) -> None:
        correct(storage, time.time(), *args, **options)

    return around(PackableStorage, "pack", pack)


@double("protocol.pack-earlier", checks="walk.storage-upkeep")
def a_pack_that_comes_too_late_is_for_now() -> Fault:
    """A pack for an earlier time than that of the last one is a pack for now.

    Two programs that pack in turn, one for yesterday and one for last week, leave nothing.
    """

    def pack(correct: Any, storage: PackableStorage, t: float, *args: Any, **options: Any) -> None:
        is_late = packing._tid_at(t) < storage._history.packed()
        correct(storage, time.time() if is_late else t, *args, **options)

    return around(PackableStorage, "pack", pack)


@double("protocol.pack-without-gc", checks="walk.storage-upkeep")
def what_leads_nowhere_goes_in_any_case() -> Fault:
    """A pack removes what can't be reached also where it was asked not to.

    What another database refers to is gone.
    """

    def pack(correct: Any, storage: PackableStorage, *args: Any, gc: bool = True) -> None:
        correct(storage, *args)

    return around(PackableStorage, "pack", pack)


@double("protocol.reopened", checks="walk.storage", on="reference-sqlite")
def the_root_is_not_there_again() -> Fault:
    """The root can't be loaded when a storage is opened again.

    Nobody gets to anything.
    """

    def init(correct: Any, storage: TwoPhaseStorage, *args: Any, **options: Any) -> None:
        correct(storage, *args, **options)
        storage.was_there = any(storage.lastTransaction())  # type: ignore[attr-defined]

    def load(correct: Any, storage: Any, oid: bytes, *args: Any) -> Any:
        if storage.was_there and not any(oid):
            raise POSKeyError(oid)
        return correct(storage, oid, *args)

    return together(
        around(TwoPhaseStorage, "__init__", init),
        around(ReadableStorage, "load", load),
        around(ReadableStorage, "loadBefore", load),
    )


@double("protocol.reopened-last", checks="walk.storage-upkeep", on="reference-sqlite")
def the_last_transaction_is_the_last_with_a_record() -> Fault:
    """When a storage is opened again, its last transaction is the last of which a record is left.

    A client that has seen a later one takes its cache for that of another storage.
    """

    def init(correct: Any, storage: TwoPhaseStorage, *args: Any, **options: Any) -> None:
        correct(storage, *args, **options)
        left = [each.tid for each in storage.iterator() if list(each)]
        storage._last_tid = left[-1] if left else bytes(8)

    return around(TwoPhaseStorage, "__init__", init)
