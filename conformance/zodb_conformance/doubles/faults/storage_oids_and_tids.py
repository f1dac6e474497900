"""Faults in the oids and tids that a storage gives."""

from __future__ import annotations

import threading
from itertools import count
from typing import Any

from zodb_reference.oids import new_tid, p64, u64, z64
from zodb_reference.storages.clients import ClientStorage
from zodb_reference.storages.instances import SnapshotStorage
from zodb_reference.storages.reading import ReadableStorage
from zodb_reference.storages.sqlite import SQLiteStorage
from zodb_reference.storages.sqlite_history import SQLiteHistory
from zodb_reference.storages.twophase import TwoPhaseStorage

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, instead, together


@double("storage.begins-without-transaction")
def an_empty_storage_has_a_last_transaction() -> Fault:
    """A storage in which nothing was ever stored tells of a last transaction.

    A copy that is continued "after the last transaction" leaves out what has the first tids.
    """

    def last(correct: Any, storage: ReadableStorage) -> bytes:
        tid: bytes = correct(storage)
        return tid if any(tid) else bytes(7) + b"\x01"

    return around(ReadableStorage, "lastTransaction", last)


@double(
    "storage.tids-increase",
    also="""storage.tids-of-threads-increase storage.tids-increase-though-the-clock-does-not
    storage.begin-with-a-tid storage.refuses-tids-of-the-past storage.early-tid-spares""",
)
def tids_are_whole_seconds() -> Fault:
    """Transactions of the same second have the same tid.

    Nobody knows which of two revisions is the newer one.
    """

    def choose(correct: Any, storage: TwoPhaseStorage, tid: bytes | None) -> bytes:
        chosen: bytes = correct(storage, tid)
        return p64(u64(chosen) & -(1 << 32) | 1)

    return around(TwoPhaseStorage, "_choose_tid", choose)


@double("storage.tids-of-threads-increase")
def a_thread_knows_its_first_last_transaction() -> Fault:
    """A thread that asks for the last transaction is told what it was told when it asked first.

    What it has just committed itself seems to be in the future.
    """
    known: dict[tuple[object, int], bytes] = {}

    def last(correct: Any, storage: ReadableStorage) -> bytes:
        if threading.current_thread() is threading.main_thread():
            tid: bytes = correct(storage)
            return tid
        return known.setdefault((storage, threading.get_ident()), correct(storage))

    return around(ReadableStorage, "lastTransaction", last)


@double("storage.tids-increase-though-the-clock-does-not", also="storage.begin-with-a-tid")
def tids_are_what_the_clock_says() -> Fault:
    """A tid is made from the clock alone.

    On the day when it is set right, what is stored is older than what it replaces.
    """

    def choose(correct: Any, storage: TwoPhaseStorage, tid: bytes | None) -> bytes:
        return new_tid(z64) if tid is None else correct(storage, tid)

    return around(TwoPhaseStorage, "_choose_tid", choose)


@double("storage.tids-increase-after-reopening", on="reference-sqlite")
def a_storage_begins_with_the_clock() -> Fault:
    """The first tid after a storage was opened is made from the clock alone.

    Where a machine starts with a clock that is not right yet, the newest data look like old ones.
    """
    opened: dict[TwoPhaseStorage, bytes] = {}

    def begin(correct: Any, storage: SQLiteStorage, *arguments: Any, **options: Any) -> None:
        correct(storage, *arguments, **options)
        opened[storage] = storage._last_tid

    def choose(correct: Any, storage: TwoPhaseStorage, tid: bytes | None) -> bytes:
        is_first = storage._last_tid == opened[storage]
        return new_tid(z64) if tid is None and is_first else correct(storage, tid)

    return together(
        around(SQLiteStorage, "__init__", begin), around(TwoPhaseStorage, "_choose_tid", choose)
    )


@double("storage.begin-with-a-tid")
def a_given_tid_is_a_proposal() -> Fault:
    """Where a transaction is to have a tid that the clock has not reached, it gets another one.

    A copy and its original disagree on when something was changed.
    """

    def begin(
        correct: Any, storage: TwoPhaseStorage, transaction: Any, tid: Any = None, *more: Any
    ) -> None:
        correct(storage, transaction, None if tid and tid > new_tid(z64) else tid, *more)

    return around(TwoPhaseStorage, "tpc_begin", begin)


def _taking_any_tid() -> Fault:
    def choose(correct: Any, storage: TwoPhaseStorage, tid: bytes | None) -> bytes:
        return tid or correct(storage, None)

    return around(TwoPhaseStorage, "_choose_tid", choose)


@double("storage.refuses-tids-of-the-past", also="storage.early-tid-spares")
def the_past_can_be_written() -> Fault:
    """A transaction can be given a tid that is not later than the last one.

    What was read of the past is not what it was.
    """
    return _taking_any_tid()


@double("storage.early-tid-spares")
def an_early_tid_cuts_off_what_came_later() -> Fault:
    """A transaction that is given an early tid is refused, and all from there on is forgotten.

    A mistake of a program that copies costs what others have stored.
    """

    def choose(correct: Any, storage: Any, tid: bytes | None) -> bytes:
        if tid is not None and tid <= storage._last_tid:
            for records in storage._history._revisions.values():
                records[:] = [record for record in records if record.tid <= tid]
        chosen: bytes = correct(storage, tid)
        return chosen

    return around(TwoPhaseStorage, "_choose_tid", choose)


@double("storage.new-oids")
def oids_come_round() -> Fault:
    """After 512 oids the first ones are given again.

    A new object takes the place of an old one.
    """

    def new_oid(correct: Any, storage: TwoPhaseStorage) -> bytes:
        return p64(u64(correct(storage)) % 512)

    return around(TwoPhaseStorage, "new_oid", new_oid)


@double("storage.new-oids-while-committing", also="storage.tids-of-threads-increase")
def a_vote_stops_the_oids() -> Fault:
    """As long as a storage has voted for a transaction, it gives the same oid to all.

    Two programs create two objects at that time, and one of them is lost.
    """

    def new_oid(correct: Any, storage: TwoPhaseStorage) -> bytes:
        last = storage._last_oid
        oid: bytes = correct(storage)
        if storage._commit is not None and storage._commit.prepared is not None:
            storage._last_oid = last
        return oid

    return around(TwoPhaseStorage, "new_oid", new_oid)


@double("storage.new-oids-after-abort")
def an_abort_gives_the_oids_back() -> Fault:
    """After an abort the oids of the transaction are given again.

    A program that has kept an object of it stores it in the place of another one.
    """

    def abort(correct: Any, storage: TwoPhaseStorage, transaction: object) -> None:
        if storage._commit is not None and storage._commit.meta is transaction:
            storage._last_oid = storage._history.last_oid()
        correct(storage, transaction)

    return around(TwoPhaseStorage, "tpc_abort", abort)


@double("storage.new-oids-in-threads", also="storage.tids-of-threads-increase")
def oids_are_given_without_a_lock() -> Fault:
    """An oid is counted without a lock.

    Two threads that ask at the same time may get the same.
    """

    def new_oid(storage: TwoPhaseStorage) -> bytes:
        oid = p64(u64(storage._last_oid) + 1)
        storage._last_oid = oid
        return oid

    return instead(TwoPhaseStorage, "new_oid", new_oid)


@double("storage.new-oids-after-reopening", on="reference-sqlite")
def oids_begin_anew() -> Fault:
    """When a storage is opened again, the first oids are given again.

    The first object that is created replaces another one.
    """
    return instead(SQLiteHistory, "last_oid", lambda history: z64)


def _counting_itself(owner: type) -> Fault:
    """The fault that each of several that share a storage counts the oids that it gives."""

    def begin(correct: Any, one: Any, *arguments: Any, **options: Any) -> None:
        correct(one, *arguments, **options)
        numbers = count(1)
        one.new_oid = lambda: p64(next(numbers))

    return around(owner, "__init__", begin)


@double(
    "storage.new-oids-of-instances",
    on="reference-snapshots",
    also="""storage.new-oids-in-threads storage.new-oids-while-committing
    storage.tids-of-threads-increase""",
)
def every_instance_counts_itself() -> Fault:
    """Each instance of a storage gives the same oids.

    Two connections create objects at the same time, and one of them replaces the other.
    """
    return _counting_itself(SnapshotStorage)


@double(
    "storage.new-oids-of-clients",
    on="reference-clients",
    also="storage.new-oids-after-reopening",
)
def every_client_counts_itself() -> Fault:
    """Each client of a storage gives the same oids.

    Two processes create objects at the same time, and one of them replaces the other.
    """
    return _counting_itself(ClientStorage)


@double("storage.sort-key")
def the_sort_key_is_the_last_transaction() -> Fault:
    """The sort key of a storage changes with every transaction.

    Two threads put the databases of a transaction into different orders, and wait for each other.
    """
    return around(
        ReadableStorage,
        "sortKey",
        lambda correct, storage: f"{correct(storage)} at {storage.lastTransaction().hex()}",
    )


@double("storage.sort-key-after-reopening", on="reference-sqlite")
def the_sort_key_is_an_address() -> Fault:
    """The sort key of a storage is the address of an object in memory.

    Two processes put the databases of a transaction into different orders, and wait for each other.
    """
    return around(
        ReadableStorage, "sortKey", lambda correct, storage: f"{correct(storage)} at {id(storage)}"
    )


@double("storage.sort-keys-differ")
def all_sort_keys_are_the_same() -> Fault:
    """All storages have the same sort key.

    Two threads put the databases of a transaction into different orders, and wait for each other.
    """
    return instead(ReadableStorage, "sortKey", lambda storage: "storage")
