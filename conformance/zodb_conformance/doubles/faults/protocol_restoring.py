"""Faults in restoring, as scripts drive a storage."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from zodb_reference.errors import ConflictError, POSKeyError
from zodb_reference.oids import new_tid, u64
from zodb_reference.storages.restoring import RestorableStorage
from zodb_reference.storages.twophase import TwoPhaseStorage

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around

Tid = bytes | None
Data = bytes | None


def _restoring(restored: Callable[[Any, bytes, Data, Tid], list[Data]]) -> Fault:
    """The fault of a `restore` that takes other data than it is given.

    restored  gets the storage, the oid, the data and the hint, and gives what is restored, which is
              nothing where a record is left out
    """

    def restore(
        correct: Any, storage: Any, oid: bytes, tid: bytes, data: Data, version: str, *more: Any
    ) -> None:
        hint, transaction = more
        for each in restored(storage, oid, data, hint):
            correct(storage, oid, tid, each, version, hint, transaction)

    return around(RestorableStorage, "restore", restore)


@double("protocol.begin-with-tid", checks="walk.storage-restoring")
def there_is_time_between_two_transactions() -> Fault:
    """`tpc_begin` refuses a tid that is the very next one after the last.

    A database that has them can't be copied.
    """

    def begin(
        correct: Any, storage: TwoPhaseStorage, transaction: Any, tid: Tid = None, status: str = " "
    ) -> None:
        if tid is not None and u64(tid) == u64(storage.lastTransaction()) + 1:
            raise ValueError("it is too early for that tid")
        correct(storage, transaction, tid, status)

    return around(TwoPhaseStorage, "tpc_begin", begin)


@double("protocol.finish-with-tid", checks="walk.storage-restoring")
def whoever_finishes_today_has_a_tid_of_today() -> Fault:
    """A transaction that was given a tid of the present is finished with another one.

    A replica that follows at once has other tids than the original, and can't be asked for changes.
    """

    def begin(
        correct: Any, storage: TwoPhaseStorage, transaction: Any, tid: Tid = None, status: str = " "
    ) -> None:
        last = storage.lastTransaction()
        is_of_today = tid is not None and u64(tid) > u64(last) + 1
        correct(storage, transaction, new_tid(last) if is_of_today else tid, status)

    return around(TwoPhaseStorage, "tpc_begin", begin)


@double("protocol.restore", checks="walk.storage-restoring")
def what_was_changed_here_is_a_conflict() -> Fault:
    """What is restored is a conflict where the object is there already.

    Of a replica, only what is new comes up to date.
    """

    def restored(storage: Any, oid: bytes, data: Data, hint: Tid) -> list[Data]:
        if data is not None and hint is None and any(storage._current_serial(oid)):
            raise ConflictError(oid=oid)
        return [data]

    return _restoring(restored)


@double("protocol.restore", checks="walk.storage-restoring")
def what_is_restored_first_counts() -> Fault:
    """Of two records that are restored for one object, the first one counts.

    A transaction that has stored an object twice becomes another one in a copy.
    """

    def restored(storage: Any, oid: bytes, data: Data, hint: Tid) -> list[Data]:
        is_first = oid not in storage._commit.records
        return [data] if is_first or data is None or hint is not None else []

    return _restoring(restored)


@double("protocol.restore-hinted", checks="walk.storage-restoring")
def a_hint_says_it_all() -> Fault:
    """What is restored with a hint has the data of that transaction, where that has the object.

    A hint that is wrong brings an old state back.
    """

    def restored(storage: Any, oid: bytes, data: Data, hint: Tid) -> list[Data]:
        if data is not None and hint is not None:
            with suppress(POSKeyError):
                data = storage.loadSerial(oid, hint)
        return [data]

    return _restoring(restored)


@double("protocol.restore-end", checks="walk.storage-restoring")
def nothing_is_nothing_to_restore() -> Fault:
    """A record without data is left out.

    What was taken back, or deleted, lives on in every copy.
    """
    return _restoring(lambda storage, oid, data, hint: [] if data is None else [data])
