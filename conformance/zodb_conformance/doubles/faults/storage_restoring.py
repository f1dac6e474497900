"""Faults in restoring what another storage has committed, and in copies of whole storages."""

from __future__ import annotations

from typing import Any

from zodb_reference.errors import POSKeyError, UndoError
from zodb_reference.metadata import TransactionMetaData
from zodb_reference.oids import new_tid, p64, u64, z64
from zodb_reference.storages import restoring
from zodb_reference.storages.history import Record
from zodb_reference.storages.reading import ReadableStorage
from zodb_reference.storages.restoring import RestorableStorage
from zodb_reference.storages.sqlite_history import SQLiteHistory
from zodb_reference.storages.twophase import Commit, TwoPhaseStorage

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, together

Tid = bytes | None


def _restore(faulty: Any) -> Fault:
    """The fault that `restore` does this: it is given the correct one, and the arguments."""
    return around(RestorableStorage, "restore", faulty)


def _while_copying(storages: set[int]) -> Fault:
    """No fault: notes the storages to which something is being copied."""

    def copy(correct: Any, storage: RestorableStorage, other: Any) -> None:
        storages.add(id(storage))
        try:
            correct(storage, other)
        finally:
            storages.discard(id(storage))

    return around(RestorableStorage, "copyTransactionsFrom", copy)


@double("storage.begins-with-a-tid")
def given_tids_are_not_of_the_future() -> Fault:
    """A tid that is given and lies in the future is replaced by that of the present.

    A copy of what was committed while a clock was fast has other tids than the original.
    """

    def begin(
        correct: Any, storage: TwoPhaseStorage, transaction: Any, tid: Tid = None, status: str = " "
    ) -> None:
        correct(storage, transaction, None if tid and tid > new_tid(z64) else tid, status)

    return around(TwoPhaseStorage, "tpc_begin", begin)


@double("storage.refuses-tids-of-the-past", also="storage.copy-over-later-transactions")
def tids_of_the_past_are_taken_for_later_ones() -> Fault:
    """A tid that is given and is not later than the last one is replaced by one that is.

    What was committed long ago comes on top of what was committed since.
    """

    def begin(
        correct: Any, storage: TwoPhaseStorage, transaction: Any, tid: Tid = None, status: str = " "
    ) -> None:
        last = storage.lastTransaction()
        later = p64(u64(last) + 1)
        correct(storage, transaction, later if tid is not None and tid <= last else tid, status)

    return around(TwoPhaseStorage, "tpc_begin", begin)


@double("storage.restores-a-revision", also="storage.copy-goes-on storage.restored-oids-are-taken")
def tids_leave_no_gaps() -> Fault:
    """A transaction that is restored gets the first tid that is free, and not the one it had.

    What replicas are asked about a transaction, they do not know.
    """
    copying: set[int] = set()

    def begin(
        correct: Any, storage: TwoPhaseStorage, transaction: Any, tid: Tid = None, status: str = " "
    ) -> None:
        last = u64(storage.lastTransaction())
        if tid is not None and not copying and last < u64(tid) < last + 1000:
            tid = p64(last + 1)
        correct(storage, transaction, tid, status)

    return together(_while_copying(copying), around(TwoPhaseStorage, "tpc_begin", begin))


@double("storage.restore-is-seen-at-once", also="storage.begins-with-a-tid")
def what_is_restored_is_seen_late() -> Fault:
    """A revision that was loaded once is loaded again where a later one was restored meanwhile.

    Whoever restores a replica reads old states from it.
    """
    loaded: dict[tuple[int, bytes], tuple[bytes, bytes]] = {}

    def load(correct: Any, storage: ReadableStorage, oid: bytes, version: str = "") -> Any:
        return loaded.setdefault((id(storage), oid), correct(storage, oid, version))

    return around(ReadableStorage, "load", load)


@double("storage.restore-keeps-the-past", also="storage.copy-has-deletions")
def what_is_restored_is_alone() -> Fault:
    """Before a restored revision there is nothing of an object.

    Snapshots that are older than the last bit of a replica can't be read.
    """
    restored: dict[bytes, bytes] = {}

    def restore(
        correct: Any, storage: TwoPhaseStorage, oid: bytes, serial: bytes, *more: Any
    ) -> None:
        restored[oid] = serial
        correct(storage, oid, serial, *more)

    def load_before(correct: Any, storage: ReadableStorage, oid: bytes, tid: bytes) -> Any:
        found = correct(storage, oid, tid)
        return None if found and found[1] < restored.get(oid, b"") else found

    return together(_restore(restore), around(ReadableStorage, "loadBefore", load_before))


@double("storage.restore-knows-no-conflicts")
def the_new_is_no_place_for_the_old() -> Fault:
    """What is restored where an object was stored here, twice, is a conflict.

    A replica that somebody has written to by mistake can't be mended.
    """
    copying: set[int] = set()
    restored: set[bytes] = set()

    def restore(
        correct: Any,
        storage: TwoPhaseStorage,
        oid: bytes,
        serial: bytes,
        data: Any,
        version: str,
        prev_txn: Tid,
        transaction: object,
    ) -> None:
        is_ours = not copying and oid not in restored
        if is_ours and len(storage._history.revisions(oid)) > 1:
            storage.store(oid, serial, data or b"", version, transaction)
        restored.add(oid)
        correct(storage, oid, serial, data, version, prev_txn, transaction)

    return together(_while_copying(copying), _restore(restore))


@double("storage.restores-an-end", also="storage.copy-has-deletions storage.copy-has-undos")
def nothing_is_an_empty_record() -> Fault:
    """That an object ceased to exist is restored as an empty record.

    In a replica, what was deleted can be loaded, and not be read.
    """

    def restore(
        correct: Any, storage: TwoPhaseStorage, oid: bytes, serial: bytes, data: Any, *more: Any
    ) -> None:
        correct(storage, oid, serial, b"" if data is None else data, *more)

    return _restore(restore)


def _hints(faulty: Any) -> Fault:
    """The fault that a hint is taken like this, of an oid, the tid of the hint, and the data.

    It is given the storage first, and gives the data to restore.
    """

    def restore(
        correct: Any,
        storage: TwoPhaseStorage,
        oid: bytes,
        serial: bytes,
        data: Any,
        version: str,
        prev_txn: Tid,
        transaction: object,
    ) -> None:
        if data is not None and prev_txn is not None:
            data = faulty(storage, oid, prev_txn, data)
        correct(storage, oid, serial, data, version, prev_txn, transaction)

    return _restore(restore)


@double("storage.restore-takes-hints")
def hints_are_believed() -> Fault:
    """A record has the data of the transaction that is hinted at, where these are as long.

    A replica shows an old state, and nobody notices.
    """

    def believed(storage: TwoPhaseStorage, oid: bytes, hint: bytes, data: bytes) -> bytes:
        try:
            found: bytes = storage.loadSerial(oid, hint)
        except POSKeyError:
            return data
        return found if len(found) == len(data) else data

    return _hints(believed)


@double("storage.restore-takes-dead-hints")
def dead_hints_are_errors() -> Fault:
    """A hint at a transaction that the storage does not have is an error.

    A replica that was packed takes no more transactions.
    """

    def looked_up(storage: TwoPhaseStorage, oid: bytes, hint: bytes, data: bytes) -> bytes:
        if storage._history.notes(hint, hint) is None:
            raise UndoError("there is no such transaction")
        return data

    return _hints(looked_up)


@double("storage.restore-needs-its-transaction")
def anybody_restores() -> Fault:
    """What is restored counts for the transaction that is running, whosever it is.

    The records of one transaction are committed with another one.
    """

    def restore(correct: Any, storage: TwoPhaseStorage, *arguments: Any) -> None:
        *others, transaction = arguments
        commit = storage._commit
        correct(storage, *others, transaction if commit is None else commit.meta)

    return _restore(restore)


@double("storage.restored-oids-are-taken", also="storage.copy-can-be-worked-with")
def restored_oids_are_free() -> Fault:
    """The oids of restored objects are handed out for new ones.

    New objects can't be stored, or, where they can, take the place of others.
    """

    def restore(correct: Any, storage: TwoPhaseStorage, *arguments: Any) -> None:
        last = storage._last_oid
        correct(storage, *arguments)
        storage._last_oid = last

    return _restore(restore)


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
        _while_copying(copying),
        _restore(restore),
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

    return together(_while_copying(copying), around(Commit, "put", put))


@double("storage.copy-has-deletions", also="storage.copy-has-undos")
def deletions_are_not_copied() -> Fault:
    """Records without data are not copied.

    In the copy, all garbage is there again.
    """
    copying: set[int] = set()

    def put(correct: Any, commit: Commit, record: Record) -> None:
        if not copying or record.data is not None:
            correct(commit, record)

    return together(_while_copying(copying), around(Commit, "put", put))


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
        _while_copying(copying), _restore(restore), around(TwoPhaseStorage, "store", store)
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

    return together(_while_copying(copying), _restore(restore))


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
