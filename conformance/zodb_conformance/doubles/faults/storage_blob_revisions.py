"""Faults in what becomes of blobs when their revisions are packed, undone, or copied."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zodb_reference.blobfiles import BlobFile
from zodb_reference.errors import ConflictError, POSKeyError, ReadOnlyError
from zodb_reference.oids import z64
from zodb_reference.storages import undoing
from zodb_reference.storages.blobfolder import BlobFolder
from zodb_reference.storages.blobs import BlobStorage
from zodb_reference.storages.history import just_after
from zodb_reference.storages.restoring import RestorableStorage
from zodb_reference.storages.states import again

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import (
    around,
    instead,
    passed_over_after_the_vote,
    together,
)


def contents_found_anyhow() -> Fault:
    """The fault that a file is found without its record."""

    def path(correct: Any, storage: BlobStorage, oid: bytes, serial: bytes) -> Path:
        try:
            found: Path = correct(storage, oid, serial)
        except POSKeyError:
            place = storage._folder.path_of(f"{oid.hex()}-{serial.hex()}-0")
            left = sorted(place.parent.glob(f"{oid.hex()}-{serial.hex()}-*"))
            if not left:
                raise
            return left[0]
        return found

    return around(BlobStorage, "_blob_path", path)


@double(
    "storage.blob-packed",
    also="storage.blob-pack-keeps-later storage.blob-packed-is-gone storage.blob-undone-and-packed",
)
def packing_removes_all_files_of_an_object() -> Fault:
    """Where a pack removes a revision, it removes all files of the object.

    Every blob that was ever changed is lost.
    """

    def forget(correct: Any, storage: BlobStorage, upto: bytes, doomed: Any) -> None:
        names = {name for oid in doomed for name in storage._history.blobs(oid)}
        correct(storage, upto, doomed)
        storage._folder.remove(names)

    return around(BlobStorage, "_forget", forget)


@double("storage.blob-pack-keeps-later")
def packing_keeps_the_last_file_alone() -> Fault:
    """Of an object that is packed, the file of the current revision is kept alone.

    What came after the time to which it was packed can't be undone any more, or shown.
    """

    def forget(correct: Any, storage: BlobStorage, upto: bytes, doomed: Any) -> None:
        correct(storage, upto, doomed)
        for oid in doomed:
            newest = storage._history.find(oid)
            kept = {newest.blob} if newest else set()
            storage._folder.remove(storage._history.blobs(oid) - kept)

    return around(BlobStorage, "_forget", forget)


@double("storage.blob-garbage")
def packing_takes_files_of_others_for_garbage() -> Fault:
    """A pack with garbage removes the files of all objects of which it has removed nothing.

    What nobody has changed for long is lost.
    """

    def forget(correct: Any, storage: BlobStorage, upto: bytes, doomed: Any) -> None:
        correct(storage, upto, doomed)
        oid = storage._history.next_oid(z64)
        while oid is not None and doomed:
            if oid not in doomed:
                storage._folder.remove(storage._history.blobs(oid))
            oid = storage._history.next_oid(just_after(oid))

    return around(BlobStorage, "_forget", forget)


@double(
    "storage.blob-packed-is-gone", also="storage.blob-garbage-is-gone storage.blob-restored-abort"
)
def files_outlive_their_revisions() -> Fault:
    """The files of revisions that a pack has removed stay, and are given to who asks.

    What was to be forgotten is kept, in a place where nobody looks for it.
    """
    kept = instead(BlobFolder, "remove", lambda folder, names: None)
    return together(kept, contents_found_anyhow())


@double("storage.blob-garbage-is-gone")
def files_outlive_what_was_garbage() -> Fault:
    """The files of objects that were collected as garbage stay, and are given to who asks.

    What nobody leads to fills the disk.
    """

    def forget(correct: Any, storage: BlobStorage, upto: bytes, doomed: Any) -> None:
        named = {oid: storage._history.blobs(oid) for oid in doomed}
        super(BlobStorage, storage)._forget(upto, doomed)
        for oid, names in named.items():
            if storage._history.newest(oid) is not None:
                storage._folder.remove(names - storage._history.blobs(oid))

    return together(
        around(BlobStorage, "_forget", forget),
        instead(BlobFolder, "names", lambda folder: set()),
        contents_found_anyhow(),
    )


@double("storage.blob-open-while-packed")
def packing_empties_files() -> Fault:
    """A pack empties the files that it removes.

    Who is just sending one to somebody sends half of it.
    """

    def remove(correct: Any, folder: BlobFolder, names: Any) -> None:
        for name in names:
            path = folder.path_of(name)
            path.chmod(0o644)
            path.write_bytes(b"")
        correct(folder, names)

    return around(BlobFolder, "remove", remove)


@double("storage.blob-opening-against-pack")
def files_are_opened_by_their_names() -> Fault:
    """A file is opened by the name that `loadBlob` gives, without regard to who packs meanwhile.

    The program meets an error that tells it of a path, which it has never seen.
    """

    def opened(storage: BlobStorage, oid: bytes, serial: bytes, blob: Any = None) -> Any:
        path = Path(storage.loadBlob(oid, serial))
        return path.open("rb") if blob is None else BlobFile(path, "r", blob)

    return instead(BlobStorage, "openCommittedBlobFile", opened)


@double("storage.blob-undone", also="storage.blob-creation-undone storage.blob-undone-and-packed")
def undo_brings_records_alone() -> Fault:
    """An undo brings the record of a blob back, and not its file.

    The object is there, and can't be loaded.
    """

    def brought(*arguments: Any) -> Any:
        return again(*arguments)._replace(blob="")

    return instead(undoing, "again", brought)


@double("storage.blob-undo-of-one-of-several")
def undo_looks_at_records_alone() -> Fault:
    """Whether a blob was changed since is told by its record, and all of those are alike.

    An undo of an early change takes all later ones back as well, and does not say so.
    """

    def same(one: Any, other: Any) -> bool:
        return bool((one and one.data) == (other and other.data))

    return instead(undoing, "same_data", same)


@double("storage.blob-creation-undone", also="storage.blob-copied-to-its-end")
def files_outlive_the_undo_of_their_creation() -> Fault:
    """The revision that says that a blob is gone still has its file.

    What was taken back can be read by who knows the tid.
    """

    def path(correct: Any, storage: BlobStorage, oid: bytes, serial: bytes) -> Path:
        record = storage._history.find(oid)
        if record is not None and record.tid == serial and record.data is None:
            (name,) = storage._history.blobs(oid)
            return storage._folder.path_of(name)
        return correct(storage, oid, serial)  # type: ignore[no-any-return]

    return around(BlobStorage, "_blob_path", path)


@double("storage.blob-undone-and-packed")
def packing_looks_at_revisions_alone() -> Fault:
    """A pack removes the files of the revisions that it removes, though others have them as well.

    What undo has brought back is lost with the next pack.
    """

    def forget(correct: Any, storage: BlobStorage, upto: bytes, doomed: Any) -> None:
        names = {
            name
            for oid, revisions in doomed.items()
            for name in storage._history.blobs(oid)
            if any(one.tid.hex() in name for one in revisions)
        }
        correct(storage, upto, doomed)
        storage._folder.remove(names)

    return around(BlobStorage, "_forget", forget)


@double("storage.blob-restored", also="storage.blob-copied storage.blob-restored-anyway")
def restoring_leaves_files_out() -> Fault:
    """`restoreBlob` restores the record, and leaves the file where it was.

    A copy of a database has all objects, and nothing in them.
    """

    def restore(
        correct: Any,
        storage: BlobStorage,
        oid: bytes,
        serial: bytes,
        data: bytes,
        file: str,
        prev_txn: bytes | None,
        transaction: object,
    ) -> None:
        storage.restore(oid, serial, data, "", prev_txn, transaction)

    return around(BlobStorage, "restoreBlob", restore)


@double("storage.blob-restored-anyway", also="storage.blob-copied storage.blob-restored-abort")
def what_is_restored_can_be_in_conflict() -> Fault:
    """`restoreBlob` refuses a revision of an object that there is already.

    A copy of a database can't be continued.
    """

    def restore(correct: Any, storage: BlobStorage, oid: bytes, *others: Any) -> None:
        if storage._history.newest(oid) is not None:
            raise ConflictError(oid=oid)
        correct(storage, oid, *others)

    return around(BlobStorage, "restoreBlob", restore)


@double("storage.blob-copied")
def copies_have_no_files() -> Fault:
    """`copyTransactionsFrom` copies the records of blobs without their files.

    Who moves to another storage finds out when the old one is gone.
    """
    return instead(BlobStorage, "_restore_copy", RestorableStorage._restore_copy)


@double("storage.blob-copied-to-its-end")
def copies_go_on_beyond_the_end() -> Fault:
    """`copyTransactionsFrom` leaves out that a blob has ceased to exist.

    What was taken back is there again in the copy.
    """

    def copy(correct: Any, storage: BlobStorage, other: Any, record: Any, *more: Any) -> None:
        if record.data is not None or not storage._history.blobs(record.oid):
            correct(storage, other, record, *more)

    return around(BlobStorage, "_restore_copy", copy)


@double("storage.blob-restored-in-its-transaction")
def what_is_restored_joins_whatever_is_there() -> Fault:
    """`restoreBlob` belongs to the transaction that is being committed, whichever it is given.

    Who copies into a storage that is in use changes what somebody else commits.
    """

    def restore(correct: Any, storage: BlobStorage, *arguments: Any) -> None:
        commit = storage._commit
        correct(storage, *arguments[:-1], commit.meta if commit else arguments[-1])

    return around(BlobStorage, "restoreBlob", restore)


@double("storage.blob-restored-abort")
def files_outlive_an_abort() -> Fault:
    """The files of a transaction that was aborted stay, and are given to who asks for their tid.

    A copy that has failed half way shows contents without objects.
    """

    def end(correct: Any, storage: BlobStorage) -> None:
        storage._taken = set()
        correct(storage)

    return together(around(BlobStorage, "_end_commit", end), contents_found_anyhow())


@double("storage.blob-restored-after-vote")
def blobs_that_are_restored_too_late_are_passed_over() -> Fault:
    """A `restoreBlob` that comes after the vote does nothing, and says nothing.

    A copy lacks what nobody knows to be missing.
    """
    return passed_over_after_the_vote(BlobStorage, "restoreBlob")


@double("storage.blob-restored-read-only", on="reference-sqlite")
def read_only_restores_blobs() -> Fault:
    """A storage that was opened read-only restores blobs without a word, and keeps none.

    A program believes that the copy is complete.
    """

    def silently(correct: Any, storage: BlobStorage, *arguments: Any) -> None:
        try:
            correct(storage, *arguments)
        except ReadOnlyError:
            return

    return around(BlobStorage, "restoreBlob", silently)
