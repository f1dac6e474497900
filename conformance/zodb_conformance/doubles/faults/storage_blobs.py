"""Faults in what a storage keeps of blobs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

from zodb_reference.errors import POSKeyError, ReadOnlyError, StorageTransactionError
from zodb_reference.oids import z64
from zodb_reference.storages import blobs
from zodb_reference.storages.blobfolder import BlobFolder
from zodb_reference.storages.blobs import BlobStorage
from zodb_reference.storages.clients import ClientStorage

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import (
    around,
    instead,
    passed_over_after_the_vote,
    together,
)

SQLITE = "reference-sqlite"


def changed(path: Path, held: bytes) -> None:
    """Change what is in a file that nobody may write."""
    path.chmod(0o644)
    path.write_bytes(held)


@double("storage.blob-announced")
def nobody_is_told_that_there_are_blobs() -> Fault:
    """A storage keeps blobs, and does not say so.

    No connection stores any in it.
    """
    return instead(blobs, "announce", lambda *_: None)


@double("storage.blob-with-record", also="storage.blob-not-writable")
def large_files_are_cut_off() -> Fault:
    """Of a file, the first 64 kilobytes are kept.

    Small files are whole, so that nobody notices until it is late.
    """

    def take(correct: Any, folder: BlobFolder, file: str, name: str) -> None:
        correct(folder, file, name)
        path = folder.path_of(name)
        changed(path, path.read_bytes()[: 1 << 16])

    return around(BlobFolder, "take", take)


@double("storage.blob-of-nothing")
def empty_files_are_missing() -> Fault:
    """An empty file is taken for one that is not there.

    An object that was just made, to be filled later, can't be loaded.
    """

    def path(correct: Any, storage: BlobStorage, oid: bytes, serial: bytes) -> Path:
        found: Path = correct(storage, oid, serial)
        if not found.stat().st_size:
            raise POSKeyError(oid, serial)
        return found

    return around(BlobStorage, "_blob_path", path)


@double("storage.blob-is-taken")
def files_are_copied_and_left() -> Fault:
    """The storage copies a file, and leaves it where it was.

    Every blob takes its room twice, until somebody looks at why the disk is full.
    """

    def take(correct: Any, folder: BlobFolder, file: str, name: str) -> None:
        held = Path(file).read_bytes()
        correct(folder, file, name)
        Path(file).write_bytes(held)

    return around(BlobFolder, "take", take)


@double("storage.blob-revisions", also="storage.blob-abort storage.blob-before-finish")
def one_file_for_each_object() -> Fault:
    """An object has one file, whatever revisions there are.

    A connection that shows an earlier state reads what has been written since.
    """
    return instead(blobs, "blob_name", lambda oid, tid, number: f"{oid.hex()}-{z64.hex()}")


@double("storage.blob-unknown", also="storage.blob-revisions")
def files_of_other_revisions_are_given() -> Fault:
    """For a revision that there is not, the file of the current one is given.

    Who has asked too late reads something else, and takes it for what it was.
    """

    def path(correct: Any, storage: BlobStorage, oid: bytes, serial: bytes) -> Path:
        newest = storage._history.newest(oid)
        return correct(storage, oid, newest.tid if newest else serial)  # type: ignore[no-any-return]

    return around(BlobStorage, "_blob_path", path)


@double("storage.blob-open-file")
def files_do_not_tell_that_they_are_closed() -> Fault:
    """The file that is opened for a blob does not know of it.

    A blob that was read once counts as open for ever, or as never open at all.
    """

    def opened(
        correct: Any, storage: BlobStorage, oid: bytes, serial: bytes, blob: Any = None
    ) -> Any:
        return correct(storage, oid, serial)

    return around(BlobStorage, "openCommittedBlobFile", opened)


@double("storage.blob-not-writable")
def committed_files_can_be_written() -> Fault:
    """A committed file keeps the permission to be written.

    A program that opens it in the wrong mode empties a revision that should never change.
    """

    def take(correct: Any, folder: BlobFolder, file: str, name: str) -> None:
        correct(folder, file, name)
        folder.path_of(name).chmod(0o644)

    return around(BlobFolder, "take", take)


@double("storage.blob-abort")
def an_abort_removes_what_was_there() -> Fault:
    """An abort removes all files of the objects that the transaction was to change.

    One conflict, and the blob is lost.
    """

    def end(correct: Any, storage: BlobStorage) -> None:
        commit = storage._commit
        correct(storage)
        if commit is not None and storage._last_tid != commit.tid:
            for oid in commit.records:
                storage._folder.remove(storage._history.blobs(oid))

    return around(BlobStorage, "_end_commit", end)


@double("storage.blob-conflict")
def the_last_blob_wins() -> Fault:
    """A blob is stored whatever revision it was made from.

    Of two people who change a document at once, one loses the work, and is not told.
    """

    def store(correct: Any, storage: BlobStorage, oid: bytes, serial: bytes, *others: Any) -> None:
        correct(storage, oid, storage._current_serial(oid), *others)

    return around(BlobStorage, "storeBlob", store)


@double("storage.blob-without-file", also="storage.blob-failed-is-left-out")
def missing_files_are_empty() -> Fault:
    """A file that is not there is stored as an empty one.

    What went wrong on the way to the storage is told by nobody.
    """

    def take(correct: Any, folder: BlobFolder, file: str, name: str) -> None:
        Path(file).touch()
        correct(folder, file, name)

    return around(BlobFolder, "take", take)


@double("storage.blob-failed-is-left-out")
def a_record_stays_without_its_file() -> Fault:
    """Where the file can't be taken, the record stays in the transaction.

    A program that catches the error, and goes on, commits an object that nobody can load.
    """

    def store(
        correct: Any,
        storage: BlobStorage,
        method: str,
        store: Callable[[], object],
        oid: bytes,
        file: str,
        transaction: object,
    ) -> None:
        store()
        storage._attach(method, oid, file, transaction)

    return around(BlobStorage, "_store_with_content", store)


@double("storage.blob-out-of-order", also="storage.blob-after-vote")
def blobs_of_strangers_are_dropped() -> Fault:
    """A blob of a transaction that has not begun is not stored, and nobody is told.

    The program goes on, and the content is lost.
    """

    def store(correct: Any, storage: BlobStorage, *arguments: Any) -> None:
        try:
            correct(storage, *arguments)
        except StorageTransactionError:
            return

    return around(BlobStorage, "storeBlob", store)


@double("storage.blob-stored-twice")
def the_first_file_stays() -> Fault:
    """Of two files that a transaction stores for one blob the first one is kept.

    What a program has corrected before the commit is as it was.
    """

    def take(correct: Any, folder: BlobFolder, file: str, name: str) -> None:
        place = folder.path_of(name)
        before = sorted(place.parent.glob(f"{name.rpartition('-')[0]}-*"))
        correct(folder, file, name)
        if before:
            changed(place, before[0].read_bytes())

    return around(BlobFolder, "take", take)


@double("storage.blob-before-finish", also="storage.blob-abort storage.blob-revisions")
def files_are_replaced_at_once() -> Fault:
    """The file takes the place of the current one when it is stored, not when it is committed.

    Others read what may never be committed.
    """

    def store(correct: Any, storage: BlobStorage, oid: bytes, *others: Any) -> None:
        newest = storage._history.newest(oid)
        correct(storage, oid, *others)
        if newest is not None and storage._commit is not None:
            (record,) = storage._commit.records[oid]
            new = storage._folder.path_of(record.blob)
            changed(storage._blob_path(oid, newest.tid), new.read_bytes())

    return around(BlobStorage, "storeBlob", store)


@double("storage.blob-after-vote")
def blobs_that_come_too_late_are_passed_over() -> Fault:
    """A `storeBlob` that comes after the vote does nothing, and says nothing.

    Whoever has given the file believes that it is stored.
    """
    return passed_over_after_the_vote(BlobStorage, "storeBlob")


@double("storage.blob-after-vote-spares", also="storage.blob-after-vote")
def files_that_come_too_late_replace_the_current() -> Fault:
    """The file of a `storeBlob` that comes after the vote is written over the one that is there.

    The call is refused, and what was committed is lost.
    """

    def store(correct: Any, storage: BlobStorage, *arguments: Any) -> None:
        commit, (oid, serial, _, file, *_) = storage._commit, arguments
        if commit is not None and commit.prepared is not None and commit.meta is arguments[-1]:
            changed(storage._blob_path(oid, serial), Path(file).read_bytes())
        correct(storage, *arguments)

    return around(BlobStorage, "storeBlob", store)


@double("storage.blob-durable", also="storage.blob-read-only", on=SQLITE)
def files_are_temporary() -> Fault:
    """The files go when the storage is closed.

    After the next start of the program there are records without files.
    """

    def close(correct: Any, storage: BlobStorage) -> None:
        correct(storage)
        shutil.rmtree(storage._folder._root(), ignore_errors=True)

    return around(BlobStorage, "close", close)


@double("storage.blob-read-only", on=SQLITE)
def read_only_takes_blobs() -> Fault:
    """A storage that was opened read-only takes blobs without a word, and keeps none.

    A program that was given the copy by mistake believes that its work is stored.
    """

    def silently(correct: Any, storage: BlobStorage, *arguments: Any) -> None:
        try:
            correct(storage, *arguments)
        except ReadOnlyError:
            return

    return around(BlobStorage, "storeBlob", silently)


@double("storage.blob-for-other-clients", also="storage.blob-durable", on="reference-clients")
def files_are_known_to_who_has_stored_them() -> Fault:
    """A client finds the files that it has stored itself, and none of the others'.

    Whoever did not write the blob can't load it.
    """

    def store(client: ClientStorage, oid: bytes, *arguments: Any) -> None:
        client._storage.storeBlob(oid, *arguments)
        vars(client).setdefault("stored_here", set()).add(oid)

    def load(client: ClientStorage, oid: bytes, serial: bytes) -> str:
        if oid not in vars(client).get("stored_here", ()):
            raise POSKeyError(oid, serial)
        return client._storage.loadBlob(oid, serial)

    return together(
        patch.object(ClientStorage, "storeBlob", store, create=True),
        patch.object(ClientStorage, "loadBlob", load, create=True),
    )
