"""Faults in deleting objects, and in storing them again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

from zodb_reference.errors import StorageTransactionError, UndoError
from zodb_reference.oids import maxtid, p64, u64, z64
from zodb_reference.storages import ClientStorage
from zodb_reference.storages.deletion import DeletableStorage
from zodb_reference.storages.history import Notes, Record
from zodb_reference.storages.iteration import RecordCopy, TransactionCopy
from zodb_reference.storages.memory import MemoryHistory
from zodb_reference.storages.reading import ReadableStorage
from zodb_reference.storages.sqlite_history import SQLiteHistory
from zodb_reference.storages.twophase import Commit, TwoPhaseStorage
from zodb_reference.storages.undoing import UndoableStorage

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, together

Past = tuple[bytes, bytes, bytes | None] | None


def _instead_of_deleting(delete: Any) -> Fault:
    """The fault that `deleteObject` does this: it is given the correct one, and the arguments."""
    return around(DeletableStorage, "deleteObject", delete)


@double(
    "storage.deleted-is-gone",
    also="storage.deleted-is-not-new storage.deleted-is-not-stored "
    "storage.deletes-many-beside-stores storage.deletion-of-a-deletion "
    "storage.uncreated-is-not-loaded-before storage.uncreated-is-not-new",
)
def deleted_is_loaded_without_data() -> Fault:
    """An object that was deleted can be loaded, and has an empty record.

    A broken link shows up as a record that can't be unpickled.
    """

    def load(correct: Any, storage: ReadableStorage, oid: bytes, version: str = "") -> Any:
        newest = storage._open_history().newest(oid)
        if newest is not None and not newest.has_data and any(oid):
            return b"", newest.tid
        return correct(storage, oid, version)

    return around(ReadableStorage, "load", load)


@double("storage.deletion-is-a-revision", also="storage.uncreated-is-not-loaded-before")
def a_deletion_takes_the_past_with_it() -> Fault:
    """Where an object was deleted, its old revisions can't be loaded any more.

    A reader whose snapshot is older loses what is under its hands.
    """

    def load_before(correct: Any, storage: ReadableStorage, oid: bytes, tid: bytes) -> Past:
        storage._existing(oid)
        found: Past = correct(storage, oid, tid)
        return found

    return around(ReadableStorage, "loadBefore", load_before)


def _noting_deletions(gone: set[bytes]) -> Fault:
    """No fault: notes the objects that are deleted."""

    def delete(correct: Any, storage: DeletableStorage, oid: bytes, *more: Any) -> None:
        gone.add(oid)
        correct(storage, oid, *more)

    return _instead_of_deleting(delete)


def _noting_undos(gone: set[bytes]) -> Fault:
    """No fault: notes the objects that something is undone of."""

    def undo(correct: Any, storage: UndoableStorage, *more: Any) -> tuple[bytes, list[bytes]]:
        tid, oids = correct(storage, *more)
        gone.update(oids)
        return tid, oids

    return around(UndoableStorage, "undo", undo)


def _loads_what_was(gone: set[bytes]) -> Fault:
    """The fault that `loadBefore` gives the last data that there were, for these objects."""

    def load_before(correct: Any, storage: ReadableStorage, oid: bytes, tid: bytes) -> Past:
        record = storage._history.find(oid, tid)
        if oid in gone and record is not None and record.data is None:
            record = storage._history.find(oid, record.tid)
            if record is not None and record.data is not None:
                return record.data, record.tid, None
        found: Past = correct(storage, oid, tid)
        return found

    return around(ReadableStorage, "loadBefore", load_before)


@double("storage.deleted-is-not-loaded-before", also="storage.deleted-comes-again")
def deleted_is_loaded_as_it_was() -> Fault:
    """`loadBefore` passes over deletions, and gives the data from before.

    A connection shows objects that are not there any more, and stores them again.
    """
    gone: set[bytes] = set()
    return together(_noting_deletions(gone), _loads_what_was(gone))


@double("storage.uncreated-is-not-loaded-before")
def uncreated_is_loaded_as_it_was() -> Fault:
    """`loadBefore` gives the data of an object whose creation was undone.

    The undo seems not to have taken place.
    """
    gone: set[bytes] = set()
    return together(_noting_undos(gone), _loads_what_was(gone))


@double("storage.deletes-the-current-alone")
def a_deletion_does_not_look() -> Fault:
    """An object is deleted whatever revision was found to be garbage.

    What somebody has taken into use again meanwhile is lost.
    """

    def delete(
        correct: Any, storage: DeletableStorage, oid: bytes, serial: bytes, transaction: object
    ) -> None:
        newest = storage._open_history().newest(oid)
        is_there = newest is not None and newest.has_data
        correct(storage, oid, newest.tid if newest and is_there else serial, transaction)

    return _instead_of_deleting(delete)


@double("storage.deletes-no-unknown-object")
def the_unknown_is_deleted_already() -> Fault:
    """To delete an object that was never stored does nothing.

    Who collects the garbage of the wrong database never learns of it.
    """

    def delete(
        correct: Any, storage: DeletableStorage, oid: bytes, serial: bytes, transaction: object
    ) -> None:
        if storage._history.newest(oid) is not None:
            correct(storage, oid, serial, transaction)

    return _instead_of_deleting(delete)


@double("storage.deletes-once")
def what_is_deleted_is_deleted_again() -> Fault:
    """An object that is deleted already can be deleted again, with the serial of whatever time.

    Somebody stores it in between, and does not hear that somebody else wanted it gone.
    """

    def delete(
        correct: Any, storage: DeletableStorage, oid: bytes, serial: bytes, transaction: object
    ) -> None:
        newest = storage._history.newest(oid)
        if newest is not None and not newest.has_data:
            commit = storage._require_begun(transaction, "deleteObject")
            commit.put(Record(oid, commit.tid, None))
        else:
            correct(storage, oid, serial, transaction)

    return _instead_of_deleting(delete)


@double("storage.deletion-of-a-deletion")
def a_second_deletion_brings_back() -> Fault:
    """To delete what is deleted brings it back.

    Garbage returns.
    """

    def delete(
        correct: Any, storage: DeletableStorage, oid: bytes, serial: bytes, transaction: object
    ) -> None:
        newest = storage._history.newest(oid)
        if newest is None or newest.has_data or newest.tid != serial:
            correct(storage, oid, serial, transaction)
            return
        commit = storage._require_begun(transaction, "deleteObject")
        before = storage._history.find(oid, newest.tid)
        commit.put(Record(oid, commit.tid, before.data if before else b""))

    return _instead_of_deleting(delete)


@double("storage.deletion-needs-its-transaction")
def anybody_deletes() -> Fault:
    """A deletion counts for the transaction that is running, whosever it is.

    A commit deletes what another one has found to be garbage, and that one is aborted.
    """

    def delete(
        correct: Any, storage: DeletableStorage, oid: bytes, serial: bytes, transaction: object
    ) -> None:
        commit = storage._commit
        correct(storage, oid, serial, transaction if commit is None else commit.meta)

    return _instead_of_deleting(delete)


@double("storage.deletes-many-beside-stores")
def deletions_are_ten() -> Fault:
    """Of the deletions of one transaction, ten are made.

    Garbage stays, and nobody is told.
    """

    def put(correct: Any, commit: Commit, record: Record) -> None:
        deleted = [one for records in commit.records.values() for one in records if not one.data]
        if record.data is not None or len(deleted) < 10:
            correct(commit, record)

    return around(Commit, "put", put)


@double("storage.deletion-for-clients", on="reference-clients")
def clients_delete_for_themselves() -> Fault:
    """What a client has deleted can be stored by the others, as if it were there.

    Garbage comes back without what it refers to, which is deleted, too.
    """

    def deleted_by(client: ClientStorage, oid: bytes, serial: bytes) -> bytes:
        newest = client._storage._history.newest(oid)
        return newest.tid if newest is not None and not newest.has_data else serial

    def store(client: ClientStorage, oid: bytes, serial: bytes, *more: Any) -> None:
        client._storage.store(oid, deleted_by(client, oid, serial), *more)

    return patch.object(ClientStorage, "store", store, create=True)


@double("storage.deletion-is-iterated")
def deletions_are_not_iterated() -> Fault:
    """An iteration tells nothing of deletions.

    In a copy, the garbage is there again.
    """

    def records(correct: Any, transaction: TransactionCopy) -> Iterator[RecordCopy]:
        return (record for record in correct(transaction) if record.data is not None)

    return around(TransactionCopy, "__iter__", records)


@double("storage.deleted-is-passed-over")
def the_deleted_is_in_the_way() -> Fault:
    """The iteration over current records fails at an object that was deleted.

    After a garbage collection it can't be gone through any more, until the storage is packed.
    """

    def first(correct: Any, storage: ReadableStorage, at_least: bytes) -> bytes | None:
        return storage._open_history().next_oid(at_least)

    return around(ReadableStorage, "_first_existing", first)


@double("storage.deletion-has-a-history")
def the_deleted_has_no_history() -> Fault:
    """The history of an object that was deleted is unknown.

    Nobody finds out what it was, and who has deleted it.
    """

    def told(correct: Any, storage: ReadableStorage, oid: bytes, *more: Any, **size: int) -> Any:
        storage._existing(oid)
        return correct(storage, oid, *more, **size)

    return around(ReadableStorage, "history", told)


def _store_of(gone: set[bytes], choose: Any) -> Fault:
    """The fault that one of these is stored with the serial that this function gives, where it has
    no data.

    It is given the serial that was named, and that of the current revision.
    """

    def store(correct: Any, storage: Any, oid: bytes, serial: bytes, *more: Any) -> None:
        newest = storage._history.newest(oid)
        if oid in gone and newest is not None and not newest.has_data:
            serial = choose(serial or z64, newest.tid)
        correct(storage, oid, serial, *more)

    return around(TwoPhaseStorage, "store", store)


@double("storage.deleted-comes-again")
def deleted_for_ever() -> Fault:
    """An object that was deleted can't be stored any more, whatever the serial.

    What was deleted by mistake can't be mended.
    """
    gone: set[bytes] = set()
    return together(_noting_deletions(gone), _store_of(gone, lambda serial, current: maxtid))


@double("storage.deleted-is-not-stored")
def the_deleted_is_stored_by_anybody() -> Fault:
    """An object that was deleted is stored again by who has an old revision of it.

    Garbage comes back without what it refers to, which is deleted, too.
    """
    gone: set[bytes] = set()
    choose = _chosen(any)
    return together(_noting_deletions(gone), _store_of(gone, choose))


@double("storage.deleted-is-not-new")
def the_deleted_is_new() -> Fault:
    """An object that was deleted can be stored as a new one.

    Two programs that do so overwrite each other.
    """
    gone: set[bytes] = set()
    choose = _chosen(lambda serial: not any(serial))
    return together(_noting_deletions(gone), _store_of(gone, choose))


@double("storage.deletion-lasts", on="reference-sqlite")
def deletions_are_kept_in_memory() -> Fault:
    """When a storage is opened again, what was deleted is there as it was.

    A garbage collection has to be done again after every start.
    """
    found_there: dict[int, bytes] = {}

    def begin(correct: Any, history: SQLiteHistory, file: Any) -> None:
        correct(history, file)
        found_there[id(history)] = history.last_tid()

    def find(
        correct: Any, history: SQLiteHistory, oid: bytes, before: bytes | None = None, **more: bool
    ) -> Record | None:
        found: Record | None = correct(history, oid, before, **more)
        while found is not None and found.data is None and found.tid <= found_there[id(history)]:
            found = correct(history, oid, found.tid, **more)
        return found

    return together(around(SQLiteHistory, "__init__", begin), around(SQLiteHistory, "find", find))


@double("storage.deletion-stays-the-last-transaction", on="reference-sqlite")
def the_last_that_has_left_data_is_the_last() -> Fault:
    """When a storage is opened, it takes the last transaction that has stored something for the
    last that there was.

    After a garbage collection and a start, clients refuse to work with it.
    """

    def last(correct: Any, history: SQLiteHistory) -> bytes:
        tid: bytes = correct(history)
        while (records := history.records(tid)) and not any(record.data for record in records):
            notes = history.notes(z64, p64(u64(tid) - 1), newest=True)
            tid = notes.tid if notes else z64
        return tid

    return around(SQLiteHistory, "last_tid", last)


@double("storage.deleted-is-not-current")
def the_deleted_stays_current() -> Fault:
    """An object that was deleted counts as current for who has read its last revision.

    What was written since relies on what is not there.
    """

    def check(
        correct: Any, storage: TwoPhaseStorage, oid: bytes, serial: bytes, *more: Any
    ) -> None:
        newest = storage._history.newest(oid)
        if newest is None or newest.has_data:
            correct(storage, oid, serial, *more)

    return around(TwoPhaseStorage, "checkCurrentSerialInTransaction", check)


@double("storage.uncreated-comes-again")
def uncreated_for_ever() -> Fault:
    """An object whose creation was undone can't be stored any more, whatever the serial.

    What was undone by mistake can't be done again.
    """
    gone: set[bytes] = set()
    return together(_noting_undos(gone), _store_of(gone, lambda serial, current: maxtid))


@double("storage.uncreated-is-not-new")
def the_uncreated_is_new() -> Fault:
    """An object whose creation was undone can be stored as a new one.

    Two programs that do so overwrite each other.
    """
    gone: set[bytes] = set()
    choose = _chosen(lambda serial: not any(serial))
    return together(_noting_undos(gone), _store_of(gone, choose))


def _chosen(passes: Any) -> Any:
    """What gives the current serial for one that passes, and else the one that was named."""
    return lambda serial, current: current if passes(serial) else serial


@double("storage.deletion-can-be-undone")
def deletions_are_final() -> Fault:
    """A transaction that has deleted objects can't be undone.

    What was deleted by mistake is lost.
    """

    def undoable(correct: Any, storage: UndoableStorage, transaction_id: bytes) -> Notes:
        notes: Notes = correct(storage, transaction_id)
        if any(record.data is None for record in storage._history.records(notes.tid)):
            raise UndoError("what was deleted is gone")
        return notes

    return around(UndoableStorage, "_undoable", undoable)


@double("storage.deleted-is-packed-away")
def deletions_survive_a_pack() -> Fault:
    """A pack keeps the last revision with data of every object, also where that was deleted.

    The garbage is never gone.
    """

    def forget(correct: Any, history: MemoryHistory, upto: bytes, doomed: Any) -> None:
        kept = {
            oid: list(revisions)[:-2]
            if any(not one.has_data for one in revisions)
            else list(revisions)
            for oid, revisions in doomed.items()
        }
        correct(history, upto, kept)

    return around(MemoryHistory, "forget", forget)


@double("storage.deletes-nothing-read-only", on="reference-sqlite")
def read_only_means_not_stored() -> Fault:
    """To delete from a storage that was opened read-only is an error, and a wrong one.

    A program that is prepared for storages that can't be changed fails.
    """

    def delete(
        correct: Any, storage: DeletableStorage, oid: bytes, serial: bytes, transaction: object
    ) -> None:
        if storage.isReadOnly():
            raise StorageTransactionError("no transaction has begun")
        correct(storage, oid, serial, transaction)

    return _instead_of_deleting(delete)
