"""Faults in restoring what another storage has committed."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

from zodb_reference.errors import POSKeyError, UndoError
from zodb_reference.oids import new_tid, p64, u64, z64
from zodb_reference.storages import ClientStorage
from zodb_reference.storages.history import just_after
from zodb_reference.storages.reading import ReadableStorage
from zodb_reference.storages.restoring import RestorableStorage
from zodb_reference.storages.twophase import TwoPhaseStorage

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, together

Tid = bytes | None


def restoring_by(faulty: Any) -> Fault:
    """The fault that `restore` does this: it is given the correct one, and the arguments."""
    return around(RestorableStorage, "restore", faulty)


def while_copying(storages: set[int]) -> Fault:
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

    return together(while_copying(copying), around(TwoPhaseStorage, "tpc_begin", begin))


@double("storage.restore-is-seen-at-once", also="storage.begins-with-a-tid")
def what_is_restored_is_seen_late() -> Fault:
    """A revision that was loaded once is loaded again where a later one was restored meanwhile.

    Whoever restores a replica reads old states from it.
    """
    loaded: dict[tuple[int, bytes], tuple[bytes, bytes]] = {}

    def load(correct: Any, storage: ReadableStorage, oid: bytes, version: str = "") -> Any:
        return loaded.setdefault((id(storage), oid), correct(storage, oid, version))

    return around(ReadableStorage, "load", load)


@double("storage.restore-is-seen-by-clients", on="reference-clients")
def clients_read_what_they_have() -> Fault:
    """A client goes on to load what it has loaded before, whatever others have restored since.

    It tells of the transaction, and shows the states from before.
    """
    loaded: dict[tuple[int, bytes], tuple[bytes, bytes]] = {}

    def load(client: ClientStorage, oid: bytes, version: str = "") -> tuple[bytes, bytes]:
        return loaded.setdefault((id(client), oid), client._storage.load(oid, version))

    def begin(correct: Any, client: ClientStorage, *args: Any, **options: Any) -> None:
        for known in list(loaded):
            if known[0] == id(client):
                del loaded[known]
        correct(client, *args, **options)

    return together(
        patch.object(ClientStorage, "load", load, create=True),
        around(ClientStorage, "tpc_begin", begin),
    )


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

    return together(restoring_by(restore), around(ReadableStorage, "loadBefore", load_before))


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

    return together(while_copying(copying), restoring_by(restore))


@double("storage.restores-an-end", also="storage.copy-has-deletions storage.copy-has-undos")
def nothing_is_an_empty_record() -> Fault:
    """That an object ceased to exist is restored as an empty record.

    In a replica, what was deleted can be loaded, and not be read.
    """

    def restore(
        correct: Any, storage: TwoPhaseStorage, oid: bytes, serial: bytes, data: Any, *more: Any
    ) -> None:
        correct(storage, oid, serial, b"" if data is None else data, *more)

    return restoring_by(restore)


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

    return restoring_by(restore)


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


@double("storage.restore-takes-hints")
def what_is_shared_is_believed() -> Fault:
    """A record has the data of the transaction that is hinted at, where these are those of an
    earlier one.

    The data that are in the hands of the storage are thrown away.
    """

    def believed(storage: TwoPhaseStorage, oid: bytes, hint: bytes, data: bytes) -> Any:
        found = storage._history.find(oid, just_after(hint), trunk=True)
        if found is None or found.tid != hint or found.data_txn is None:
            return data
        return found.data

    return _hints(believed)


@double("storage.restore-takes-hints")
def an_end_is_believed() -> Fault:
    """An object has no record where it had none after the transaction that is hinted at.

    What was brought back elsewhere does not exist in a copy.
    """

    def believed(storage: TwoPhaseStorage, oid: bytes, hint: bytes, data: bytes) -> Any:
        found = storage._history.find(oid, just_after(hint), trunk=True)
        return None if found is not None and (found.tid, found.data) == (hint, None) else data

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

    return restoring_by(restore)


@double("storage.restored-oids-are-taken", also="storage.copy-can-be-worked-with")
def restored_oids_are_free() -> Fault:
    """The oids of restored objects are handed out for new ones.

    New objects can't be stored, or, where they can, take the place of others.
    """

    def restore(correct: Any, storage: TwoPhaseStorage, *arguments: Any) -> None:
        last = storage._last_oid
        correct(storage, *arguments)
        storage._last_oid = last

    return restoring_by(restore)


@double("storage.restore-returns-nothing")
def restore_returns_the_tid() -> Fault:
    """`restore` returns the tid of the transaction, as `store` did long ago.

    Who copies takes it for a conflict that was resolved.
    """

    def restore(correct: Any, storage: Any, oid: bytes, serial: bytes, *what: Any) -> bytes:
        correct(storage, oid, serial, *what)
        return serial

    return around(RestorableStorage, "restore", restore)
