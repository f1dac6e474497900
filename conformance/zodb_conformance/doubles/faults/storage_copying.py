"""Faults in copies of whole storages."""

from __future__ import annotations

from typing import Any

from zodb_reference.errors import UndoError
from zodb_reference.metadata import TransactionMetaData
from zodb_reference.oids import p64, u64, z64
from zodb_reference.storages import restoring
from zodb_reference.storages.history import Record
from zodb_reference.storages.reading import ReadableStorage
from zodb_reference.storages.restoring import RestorableStorage
from zodb_reference.storages.sqlite_history import SQLiteHistory
from zodb_reference.storages.twophase import Commit, TwoPhaseStorage

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.faults.storage_restoring import restoring_by, while_copying
from zodb_conformance.doubles.planting import around, together


@double("storage.copy-tells-the-same")
def copies_are_anonymous() -> Fault:
    """A copy does not say who has committed its transactions.

    The moment when one needs to know is after the old server has burnt down.
    """

    def meta_of(correct: Any, transaction: Any) -> Any:
        meta = correct(transaction)
        meta.user = b""
        return meta

    return around(restoring, "_meta_of", meta_of)


@double("storage.copy-reads-the-same", also="storage.copy-has-deletions")
def copies_are_of_now() -> Fault:
    """Of an object that was copied, the past can't be loaded from a copy.

    To look up what it was, one needs the old server.
    """
    copying: set[int] = set()
    copied: set[tuple[int, bytes]] = set()

    def restore(correct: Any, storage: TwoPhaseStorage, oid: bytes, *more: Any) -> None:
        if id(storage) in copying:
            copied.add((id(storage), oid))
        correct(storage, oid, *more)

    def load_before(correct: Any, storage: ReadableStorage, oid: bytes, tid: bytes) -> Any:
        found = correct(storage, oid, tid)
        return None if found and found[2] is not None and (id(storage), oid) in copied else found

    return together(
        while_copying(copying),
        restoring_by(restore),
        around(ReadableStorage, "loadBefore", load_before),
    )


@double("storage.copy-has-undos")
def undos_are_not_copied() -> Fault:
    """What shares its data with an earlier record is not copied.

    The copy has the state from before the undo.
    """
    copying: set[int] = set()

    def put(correct: Any, commit: Commit, record: Record) -> None:
        if not copying or record.data_txn is None:
            correct(commit, record)

    return together(while_copying(copying), around(Commit, "put", put))


@double("storage.copy-has-deletions", also="storage.copy-has-undos")
def deletions_are_not_copied() -> Fault:
    """Records without data are not copied.

    In the copy, all garbage is there again.
    """
    copying: set[int] = set()

    def put(correct: Any, commit: Commit, record: Record) -> None:
        if not copying or record.data is not None:
            correct(commit, record)

    return together(while_copying(copying), around(Commit, "put", put))


@double("storage.copy-of-what-was-packed")
def what_was_packed_is_not_copied() -> Fault:
    """Transactions that were packed are left out of a copy.

    What nobody has changed since is not in it.
    """

    def copy(
        correct: Any,
        storage: RestorableStorage,
        other: Any,
        transaction: Any,
        tid: bytes,
        shifted: Any,
    ) -> None:
        if transaction.status != "p":
            correct(storage, other, transaction, tid, shifted)

    return around(RestorableStorage, "_copy", copy)


@double("storage.copy-lasts", on="reference-sqlite")
def oids_begin_again() -> Fault:
    """When a storage is opened again, it hands out oids from the first one on.

    New objects take the place of those that were copied, or can't be stored.
    """
    return around(SQLiteHistory, "last_oid", lambda correct, history: z64)


@double("storage.copy-can-be-worked-with")
def a_copy_takes_no_more() -> Fault:
    """To a storage that was copied to, an old serial is as good as the current one.

    Whoever goes on to work with the copy overwrites what others commit.
    """
    copying: set[int] = set()
    copies: set[int] = set()

    def restore(correct: Any, storage: TwoPhaseStorage, *arguments: Any) -> None:
        copies.update(copying)
        correct(storage, *arguments)

    def store(correct: Any, storage: Any, oid: bytes, serial: bytes, *more: Any) -> None:
        current = storage._current_serial(oid)
        correct(storage, oid, current if id(storage) in copies else serial, *more)

    return together(
        while_copying(copying), restoring_by(restore), around(TwoPhaseStorage, "store", store)
    )


@double("storage.copy-of-nothing")
def a_copy_says_what_it_is() -> Fault:
    """A copy begins with a transaction that says so, where there is none to begin with.

    A copy of a copy is something else again.
    """

    def copy(correct: Any, storage: RestorableStorage, other: Any) -> None:
        correct(storage, other)
        if not any(storage.lastTransaction()):
            meta = TransactionMetaData(description="a copy")
            storage.tpc_begin(meta)
            storage.tpc_vote(meta)
            storage.tpc_finish(meta)

    return around(RestorableStorage, "copyTransactionsFrom", copy)


@double("storage.copy-goes-on")
def a_copy_is_made_once() -> Fault:
    """To a storage that was copied to, nothing more can be restored.

    A replica is as old as its first copy.
    """
    copying: set[int] = set()
    copies: set[int] = set()

    def restore(correct: Any, storage: TwoPhaseStorage, *arguments: Any) -> None:
        if id(storage) in copies - copying:
            raise UndoError("this is a copy")
        copies.update(copying)
        correct(storage, *arguments)

    return together(while_copying(copying), restoring_by(restore))


def _copies(tid_of: Any) -> Fault:
    """The fault that a transaction is copied under the tid that this function gives.

    It is given the transaction, and the tid that it would have.
    """

    def copy(
        correct: Any,
        storage: RestorableStorage,
        other: Any,
        transaction: Any,
        tid: bytes,
        shifted: Any,
    ) -> None:
        tid = tid_of(transaction, tid)
        if tid is not None:
            correct(storage, other, transaction, tid, shifted)

    return around(RestorableStorage, "_copy", copy)


@double("storage.copy-puts-tids-in-order", also="storage.copy-moves-records-with-their-transaction")
def who_comes_too_late_is_left_out() -> Fault:
    """A transaction whose tid is out of order is left out of a copy.

    What was committed while the clock was wrong is lost.
    """
    return _copies(lambda transaction, tid: tid if tid == transaction.tid else None)


@double("storage.copy-moves-records-with-their-transaction")
def records_stay_behind() -> Fault:
    """A record that is copied keeps its own tid in an iteration, where its transaction has another.

    What is loaded belongs to no transaction of the copy.
    """
    earlier: dict[bytes, bytes] = {}

    def copy(
        correct: Any,
        storage: RestorableStorage,
        other: Any,
        transaction: Any,
        tid: bytes,
        shifted: Any,
    ) -> None:
        if tid != transaction.tid:
            earlier[tid] = transaction.tid
        correct(storage, other, transaction, tid, shifted)

    def told(correct: Any, storage: ReadableStorage, record: Record) -> Record:
        found: Record = correct(storage, record)
        return found._replace(tid=earlier.get(found.tid, found.tid))

    return together(
        around(RestorableStorage, "_copy", copy), around(ReadableStorage, "_told", told)
    )


@double("storage.copy-over-later-transactions")
def the_old_comes_on_top() -> Fault:
    """A copy into a storage that has gone on puts the old states on top of the new ones.

    What was committed since is undone, and nobody is told.
    """

    def copy(
        correct: Any,
        storage: RestorableStorage,
        other: Any,
        transaction: Any,
        tid: bytes,
        shifted: Any,
    ) -> None:
        last = storage.lastTransaction()
        correct(storage, other, transaction, tid if tid > last else p64(u64(last) + 1), shifted)

    return around(RestorableStorage, "_copy", copy)
