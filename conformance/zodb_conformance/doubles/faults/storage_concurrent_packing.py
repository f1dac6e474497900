"""Faults of storages that are packed while others work."""

from __future__ import annotations

import time
from typing import Any
from unittest.mock import patch

from zodb_reference.errors import StorageError, UndoError
from zodb_reference.storages.packing import PackableStorage
from zodb_reference.storages.reading import ReadableStorage
from zodb_reference.storages.undoing import UndoableStorage

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, together


def _noting() -> Fault:
    """A storage knows as ``packing``, while it is packed, which transaction was the last before."""

    def begin(correct: Any, storage: Any, *args: Any) -> None:
        vars(storage)["packing"] = storage.lastTransaction()
        try:
            correct(storage, *args)
        finally:
            del vars(storage)["packing"]

    return around(PackableStorage, "_pack", begin)


@double("storage.pack-lets-others-read")
def no_snapshot_is_shown_meanwhile() -> Fault:
    """No snapshot can be read while a storage is packed.

    A site is down every night.
    """

    def load_before(correct: Any, storage: Any, *args: Any) -> Any:
        if "packing" in vars(storage):
            raise StorageError("this is being packed: try again later")
        return correct(storage, *args)

    return together(_noting(), around(ReadableStorage, "loadBefore", load_before))


@double("storage.pack-keeps-what-comes-meanwhile", also="storage.pack-beside-a-commit")
def what_is_not_on_the_list_goes() -> Fault:
    """A pack keeps the objects that it knew of when it began.

    What is created meanwhile is lost.
    """

    def begin(correct: Any, storage: Any, *args: Any) -> None:
        history = storage._history
        known = set(history._oids)
        correct(storage, *args)
        for oid in set(history._oids) - known:
            history._revisions.pop(oid)
            history._oids.remove(oid)

    return around(PackableStorage, "_pack", begin)


def _not_following(is_passed_over: Any) -> Fault:
    """Of records that come while a storage is packed, some don't lead anywhere."""

    def reach_later(
        correct: Any, storage: Any, reached: Any, seen: bytes, upto: bytes, references: Any
    ) -> Any:
        begun = vars(storage)["packing"]
        passed_over = [
            record.data
            for transaction in storage._history._transactions
            for record in transaction.records
            if transaction.tid > begun and is_passed_over(record)
        ]

        def followed(data: bytes) -> Any:
            return [] if data in passed_over else references(data)

        return correct(storage, reached, seen, upto, followed)

    return together(_noting(), around(PackableStorage, "_reach_later", reach_later))


@double(
    "storage.pack-keeps-what-is-reached-meanwhile",
    also="storage.undo-while-packing-loses-nothing",
)
def what_comes_meanwhile_leads_nowhere() -> Fault:
    """A pack keeps what is committed meanwhile, and not what that leads to.

    What was moved in that hour is lost.
    """
    return _not_following(lambda record: True)


@double("storage.undo-while-packing-loses-nothing")
def what_is_undone_meanwhile_leads_nowhere() -> Fault:
    """A pack keeps what is undone meanwhile, and not what that leads to.

    Who takes back a deletion in that hour gets an object that leads nowhere.
    """
    return _not_following(lambda record: record.data_txn is not None)


@double("storage.pack-beside-a-commit")
def a_pack_comes_first() -> Fault:
    """A pack ends the commit that is under way when it begins.

    Programs fail, once in a night, with an error that they don't understand.
    """

    def begin(correct: Any, storage: Any, *args: Any) -> None:
        with storage._lock:
            storage._end_commit()
        correct(storage, *args)

    return around(PackableStorage, "_pack", begin)


@double("storage.pack-at-any-step")
def for_a_moment_there_is_nothing() -> Fault:
    """A pack takes away what there was before it puts what is left in its place.

    Who comes in between finds an empty storage.
    """

    def begin(correct: Any, storage: Any, *args: Any) -> None:
        correct(storage, *args)
        history = storage._history
        with patch.object(history, "_revisions", {}):
            for _ in range(20):
                time.sleep(0)

    return around(PackableStorage, "_pack", begin)


@double("storage.pack-holds-nobody-up")
def everybody_waits() -> Fault:
    """A storage is locked as long as it is packed.

    A site stands still for an hour every night.
    """

    def begin(correct: Any, storage: Any, *args: Any) -> None:
        with storage._lock:
            correct(storage, *args)

    return around(PackableStorage, "_pack", begin)


@double("storage.packs-take-turns")
def a_refused_pack_is_counted() -> Fault:
    """A pack that is refused, since another one is under way, counts as under way from then on.

    Nothing is packed any more until the storage is opened again.
    """

    def pack(correct: Any, storage: Any, *args: Any, **options: Any) -> None:
        others = vars(storage).setdefault("packs", 0)
        vars(storage)["packs"] += 1
        if others:
            raise StorageError("this is being packed already")
        try:
            correct(storage, *args, **options)
        finally:
            vars(storage)["packs"] -= 1

    return around(PackableStorage, "pack", pack)


@double("storage.pack-under-iteration")
def a_pack_ends_the_iteration() -> Fault:
    """Who goes through the transactions comes to an end where the storage is packed meanwhile.

    A copy that was made at night lacks what came last, and nobody knows.
    """

    def iterate(correct: Any, storage: Any, *args: Any) -> Any:
        packed = storage._history.packed()
        for transaction in correct(storage, *args):
            if storage._history.packed() != packed:
                return
            yield transaction

    return around(ReadableStorage, "_iterate", iterate)


@double("storage.undo-while-packing")
def what_was_refused_stays_refused() -> Fault:
    """Where an undo was refused since the storage is being packed, all others are from then on.

    Nothing can be undone any more until the storage is opened again.
    """

    def undo(correct: Any, storage: Any, *args: Any) -> Any:
        if "packing" in vars(storage):
            vars(storage)["refused"] = True
        if "refused" in vars(storage):
            raise UndoError("this is being packed: try again later")
        return correct(storage, *args)

    return together(_noting(), around(UndoableStorage, "undo", undo))
