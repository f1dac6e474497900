"""Faults in what a storage of changes makes of blobs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zodb_reference.errors import POSKeyError
from zodb_reference.storages.blobfolder import BlobFolder
from zodb_reference.storages.blobs import BlobStorage
from zodb_reference.storages.history import Record
from zodb_reference.storages.layered import LayeredBlobFolder, LayeredHistory, LayeredStorage
from zodb_reference.storages.twophase import TwoPhaseStorage

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, instead, together


@double(
    "storage.layered-blobs-fall-through",
    also="storage.layered-blobs-stay-above storage.layered-blob-aborts"
    " storage.layered-blob-conflicts storage.layered-blob-packing storage.layered-blobs-are-undone",
)
def layered_blobs_are_those_above() -> Fault:
    """A storage of changes shows the records of the base, and of its blobs nothing else.

    The objects are there, and hold nothing.
    """

    def record(history: Any, oid: bytes, data: bytes, tid: bytes) -> Record:
        return Record(oid, tid, data)

    return instead(LayeredHistory, "_record_below", record)


def overwritten(base: Any, oid: bytes, content: bytes) -> None:
    """Write another content into the file that a base has for a blob, if it has one."""
    try:
        path = Path(base.loadBlob(oid, base.load(oid)[1]))
    except KeyError:
        return
    path.chmod(0o644)
    path.write_bytes(content)


@double(
    "storage.layered-blobs-stay-above",
    also="storage.layered-blob-aborts storage.layered-blob-packing"
    " storage.layered-blobs-are-undone",
)
def layered_blobs_are_written_below() -> Fault:
    """The contents that are committed above are written into the files of the base, too.

    The data that must not suffer do.
    """

    def publish(correct: Any, history: Any, transaction: Any) -> None:
        correct(history, transaction)
        for record in transaction.records:
            overwritten(history._base, record.oid, b"overwritten")

    return around(LayeredHistory, "publish", publish)


@double("storage.layered-blob-aborts", also="storage.layered-blob-conflicts")
def layered_blobs_are_hidden_by_attempts() -> Fault:
    """A blob of the base that was to be changed above can't be read there any more.

    An abort takes away what it was to save.
    """
    hidden: set[bytes] = set()

    def abort(correct: Any, storage: Any, transaction: Any) -> None:
        if isinstance(storage, LayeredStorage) and storage._commit is not None:
            hidden.update(storage._commit.records)
        correct(storage, transaction)

    def path(correct: Any, storage: Any, oid: bytes, serial: bytes) -> Path:
        if oid in hidden and not storage._layers.revisions(oid):
            raise POSKeyError(oid, serial)
        return correct(storage, oid, serial)  # type: ignore[no-any-return]

    return together(
        around(TwoPhaseStorage, "tpc_abort", abort), around(LayeredStorage, "_blob_path", path)
    )


@double("storage.layered-blob-conflicts")
def layered_blobs_have_no_conflicts_with_the_base() -> Fault:
    """Whether a blob was changed since it was read is not asked of the base.

    A change there is lost above, as the first change of a blob always fits.
    """

    def store_blob(correct: Any, storage: Any, oid: bytes, serial: Any, *what: Any) -> None:
        if isinstance(storage, LayeredStorage) and not storage._layers.revisions(oid):
            serial = storage._current_serial(oid)
        correct(storage, oid, serial, *what)

    return around(BlobStorage, "storeBlob", store_blob)


@double("storage.layered-blob-packing", also="storage.layered-blobs-are-undone")
def layered_packing_removes_files_of_the_base() -> Fault:
    """A pack of a storage of changes removes the files of the base that were changed above.

    The data that must not suffer do.
    """

    def pack(correct: Any, storage: Any, *arguments: Any, **options: Any) -> None:
        correct(storage, *arguments, **options)
        for oid in storage._layers._oids:
            try:
                path = Path(storage.base.loadBlob(oid, storage.base.load(oid)[1]))
            except KeyError:
                continue
            path.unlink()

    return around(LayeredStorage, "pack", pack)


@double("storage.layered-blobs-are-undone")
def layered_files_belong_to_their_revisions() -> Fault:
    """A pack removes the files of the revisions that it removes, though they are those of the base.

    What an undo had shown again is lost there.
    """
    return instead(LayeredBlobFolder, "remove", BlobFolder.remove)
