"""Faults in what becomes of blobs, as scripts drive a storage."""

from __future__ import annotations

import os
from typing import IO, Any

from zodb_reference.errors import POSKeyError
from zodb_reference.storages.blobs import BlobStorage

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around


@double("protocol.store-blob", checks="walk.storage-blobs")
def a_change_of_a_blob_changes_its_record() -> Fault:
    """A blob that is stored again gets a new record, with the file of the one before.

    Who corrects a document reads the mistake again.
    """

    def attach(correct: Any, storage: Any, method: str, oid: bytes, *args: Any) -> None:
        correct(storage, method, oid, *args)
        before, commit = storage._history.find(oid), storage._commit
        if before is not None and before.blob:
            commit.records[oid] = tuple(
                each._replace(blob=before.blob) for each in commit.records[oid]
            )

    return around(BlobStorage, "_attach", attach)


@double("protocol.load-blob", checks="walk.storage-blobs")
def the_first_file_of_a_blob_is_loaded() -> Fault:
    """`loadBlob` gives the file of the oldest revision, whichever is asked for.

    Who opens a blob through the connection sees it as it was in the beginning.
    """

    def load(correct: Any, storage: BlobStorage, oid: bytes, serial: bytes) -> Any:
        correct(storage, oid, serial)
        for each in reversed(storage.history(oid, size=99)):
            try:
                return correct(storage, oid, each["tid"])
            except POSKeyError:
                continue
        raise AssertionError("one of them is the one that was asked for")

    return around(BlobStorage, "loadBlob", load)


@double("protocol.open-blob", checks="walk.storage-blobs")
def the_last_file_of_a_blob_is_opened() -> Fault:
    """`openCommittedBlobFile` gives the file of the current revision, whichever is asked for.

    Who looks at the past sees records of the past, and files of today.
    """

    def opened(correct: Any, storage: BlobStorage, oid: bytes, serial: bytes, *args: Any) -> Any:
        file: IO[bytes] = correct(storage, oid, serial, *args)
        try:
            newer: IO[bytes] = correct(storage, oid, storage.history(oid)[0]["tid"], *args)
        except POSKeyError:
            return file
        file.close()
        return newer

    return around(BlobStorage, "openCommittedBlobFile", opened)


@double("protocol.blob-missing", checks="walk.storage-blobs")
def what_has_no_file_has_an_empty_one() -> Fault:
    """For what is no blob `loadBlob` gives the name of an empty file.

    What was lost is taken for what was never written.
    """

    def load(correct: Any, *args: Any) -> Any:
        try:
            return correct(*args)
        except POSKeyError:
            return os.devnull

    return around(BlobStorage, "loadBlob", load)
