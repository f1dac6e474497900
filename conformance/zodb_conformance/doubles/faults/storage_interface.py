"""Faults in what can be called on a storage."""

from __future__ import annotations

from typing import Any

from zodb_reference.storages import instances
from zodb_reference.storages.blobs import BlobStorage
from zodb_reference.storages.deletion import DeletableStorage
from zodb_reference.storages.instances import SnapshotStorage
from zodb_reference.storages.packing import PackableStorage
from zodb_reference.storages.reading import ReadableStorage
from zodb_reference.storages.restoring import RestorableStorage
from zodb_reference.storages.twophase import TwoPhaseStorage
from zodb_reference.storages.undoing import UndoableStorage

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import instead


@double("storage.interface")
def to_finish_takes_no_callback() -> Fault:
    """`tpc_finish` takes no function to call.

    Nobody who stands above the storage can be told of changes before others see them.
    """
    correct = TwoPhaseStorage.tpc_finish

    def finish(storage: TwoPhaseStorage, transaction: object) -> bytes:
        return correct(storage, transaction)

    return instead(TwoPhaseStorage, "tpc_finish", finish)


@double("storage.interface-of-checks")
def a_check_belongs_to_no_transaction() -> Fault:
    """Whether something is current can be asked for no transaction.

    The answer is out of date when the transaction is finished.
    """
    return instead(
        TwoPhaseStorage,
        "checkCurrentSerialInTransaction",
        lambda storage, oid, serial: None,
    )


@double("storage.interface-of-history")
def a_history_has_a_length() -> Fault:
    """The number of revisions to list is called another name.

    Programs that give it by the name that it always had fail.
    """
    correct = ReadableStorage.history
    return instead(
        ReadableStorage, "history", lambda storage, oid, length=1: correct(storage, oid, length)
    )


@double("storage.interface-of-packing")
def a_pack_asks_for_nothing() -> Fault:
    """`pack` takes nothing but the time.

    A storage that does not know what records mean can't tell what is garbage.
    """
    return instead(PackableStorage, "pack", lambda storage, time: None)


@double("storage.interface-of-undo")
def an_undo_log_has_no_filter() -> Fault:
    """`undoLog` takes no filter.

    A page that shows what one user has done fails.
    """
    correct = UndoableStorage.undoLog

    def undo_log(storage: UndoableStorage, first: int = 0, last: int = -20) -> Any:
        return correct(storage, first, last)

    return instead(UndoableStorage, "undoLog", undo_log)


@double("storage.interface-of-iteration")
def transactions_have_no_last_one() -> Fault:
    """`iterator` takes where to begin, and not where to end.

    A copy of a part fails.
    """
    correct = ReadableStorage.iterator
    return instead(ReadableStorage, "iterator", lambda storage, start=None: correct(storage, start))


@double("storage.interface-of-records")
def records_have_a_cookie() -> Fault:
    """What `record_iternext` is given is called another name.

    Programs that give it by the name that it always had fail.
    """
    correct = ReadableStorage.record_iternext
    return instead(
        ReadableStorage, "record_iternext", lambda storage, cookie=None: correct(storage, cookie)
    )


@double("storage.interface-of-deletion")
def a_deletion_needs_no_serial() -> Fault:
    """`deleteObject` takes no tid.

    What was changed since somebody took it for garbage is deleted all the same.
    """
    return instead(DeletableStorage, "deleteObject", lambda storage, oid, transaction: None)


@double("storage.interface-of-restoring")
def nothing_is_restored_from_hints() -> Fault:
    """`restore` takes no hint at an earlier transaction.

    The loop that copies storages fails at the first record.
    """
    correct = RestorableStorage.restore

    def restore(
        storage: RestorableStorage,
        oid: bytes,
        serial: bytes,
        data: bytes | None,
        version: str,
        transaction: object,
    ) -> None:
        correct(storage, oid, serial, data, version, None, transaction)

    return instead(RestorableStorage, "restore", restore)


@double("storage.interface-of-instances", on="reference-snapshots")
def everybody_has_to_insist() -> Fault:
    """`sync` of an instance can't be told whether to insist.

    A connection that wants to know of changes at little cost fails.
    """
    correct = SnapshotStorage.sync

    def sync(storage: SnapshotStorage) -> None:
        correct(storage)

    return instead(SnapshotStorage, "sync", sync)


@double("storage.instances-announced", on="reference-snapshots")
def nobody_is_told_of_instances() -> Fault:
    """A storage brings its own snapshots, and does not say so.

    A database keeps snapshots of its own over one that never moves.
    """
    return instead(instances, "announce", lambda *_: None)


@double("storage.interface-of-blobs")
def files_belong_to_no_blob() -> Fault:
    """`openCommittedBlobFile` takes no blob to which the file is to belong.

    Nobody knows any more that the blob is being read.
    """
    correct = BlobStorage.openCommittedBlobFile

    def open_file(storage: BlobStorage, oid: bytes, serial: bytes) -> Any:
        return correct(storage, oid, serial)

    return instead(BlobStorage, "openCommittedBlobFile", open_file)


@double("storage.interface-of-serving")
def there_is_no_tid_of_an_object() -> Fault:
    """There is no `getTid`.

    A server has to load an object to find out whether a client's copy is current.
    """

    def missing(self: Any) -> Any:
        raise AttributeError(f"{type(self).__name__!r} object has no attribute 'getTid'")

    return instead(ReadableStorage, "getTid", property(missing))
