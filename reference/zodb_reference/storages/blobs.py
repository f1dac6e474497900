"""Blobs in a storage: a record, and beside it a file with what is too large for records.

The record names the file, so that both are there in the same transactions, for the same readers,
and until the same pack. Where undo stores the data of an earlier revision again, the new one names
the same file.
"""

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import IO, Any

from zodb_reference.blobfiles import BlobFile, duplicate, new_file
from zodb_reference.metadata import TransactionMetaData
from zodb_reference.records import is_blob
from zodb_reference.storages.announcing import announce, keeps_blobs
from zodb_reference.storages.blobfolder import BlobFolder, blob_name
from zodb_reference.storages.history import Revision, just_after
from zodb_reference.storages.packing import PackableStorage, References
from zodb_reference.storages.restoring import RestorableStorage


class BlobStorage(PackableStorage, RestorableStorage):
    """A storage that keeps the contents of blobs in the folder `blobs`."""

    def __init__(self, *arguments: Any, blobs: BlobFolder, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._folder = blobs
        self._taken: set[str] = set()  # the contents that the running transaction has brought
        self._numbers = count()
        announce(self, self._errors, "IBlobStorageRestoreable")

    def storeBlob(
        self,
        oid: bytes,
        oldserial: bytes | None,
        data: bytes,
        blobfilename: str,
        version: str,
        transaction: object,
    ) -> None:
        """Add a record to the transaction like `store`, and a file with the content of the blob.

        The file belongs to the storage from then on, and is moved, or copied and removed. It must
        not be open. Where this raises, the file is where it was, and nothing was added to the
        transaction: whatever `store` raises, `OSError` where the file can't be taken, and
        `Unsupported` where a version is named, for there are no blobs in versions.
        """
        if version:
            raise self._errors.Unsupported(
                f"blobs can't be stored in version {version!r}, but in none: pass ''"
            )
        store = partial(self.store, oid, oldserial, data, "", transaction)
        self._store_with_content("storeBlob", store, oid, blobfilename, transaction)

    def restoreBlob(
        self,
        oid: bytes,
        serial: bytes,
        data: bytes,
        blobfilename: str,
        prev_txn: bytes | None,
        transaction: object,
    ) -> None:
        """Add a record like `restore`, and a file with the content, like `storeBlob` (STOR-63).

        The content belongs to the transaction under way, like the record, whatever `serial` is.
        """
        restore = partial(self.restore, oid, serial, data, "", prev_txn, transaction)
        self._store_with_content("restoreBlob", restore, oid, blobfilename, transaction)

    def loadBlob(self, oid: bytes, serial: bytes) -> str:
        """Return the path of the file with the content of a blob in the revision `serial`.

        It is there for reading alone, and until the revision is packed. `POSKeyError` if there is
        no such revision, or it is none of a blob.
        """
        with self._lock:
            return str(self._blob_path(oid, serial))

    def openCommittedBlobFile(self, oid: bytes, serial: bytes, blob: Any = None) -> IO[bytes]:
        """Return the file with the content of a blob in the revision `serial`, open for reading.

        It is an ordinary file, or, for a `blob`, one that tells that when it is closed. Once open
        it can be read to the end, whatever is packed. Raises what `loadBlob` raises.
        """
        with self._lock:
            path = self._blob_path(oid, serial)
            return path.open("rb") if blob is None else BlobFile(path, "r", blob)

    def temporaryDirectory(self) -> str:
        """Return the path of a folder for contents that are not stored yet.

        A file from there is taken over without being copied.
        """
        return self._folder.temporary()

    def tpc_vote(self, transaction: object) -> list[bytes]:
        """See `TwoPhaseStorage`; the contents are on the disk before the records are."""
        with self._lock:
            commit = self._require_current(transaction, "tpc_vote")
            if commit.prepared is None and self._taken:
                self._secure()
            return super().tpc_vote(transaction)

    def close(self) -> None:
        """See `TwoPhaseStorage`."""
        with self._lock:
            is_open = not self._closed_because
            super().close()
            if is_open:
                self._folder.close()

    # The steps of a commit

    def _store_with_content(
        self,
        method: str,
        store: Callable[[], object],
        oid: bytes,
        file: str,
        transaction: object,
    ) -> None:
        """Add a record by `store`, and a content to it; where this raises, neither."""
        with self._lock:
            commit = self._require_begun(transaction, method)
            before, was_resolved = commit.records.get(oid), oid in commit.resolved
        store()
        try:
            self._attach(method, oid, file, transaction)
        except BaseException:
            with self._lock:
                if before is None:
                    commit.records.pop(oid, None)
                else:
                    commit.records[oid] = before
                if not was_resolved:
                    commit.resolved.discard(oid)
            raise

    def _attach(self, method: str, oid: bytes, file: str, transaction: object) -> None:
        """Take over the content of the record that the transaction has for an object."""
        with self._lock:
            commit = self._require_begun(transaction, method)
            name = blob_name(oid, commit.tid, next(self._numbers))
            self._taken.add(name)
        self._folder.take(file, name)  # which may take long, without the lock
        with self._lock:
            if self._commit is not commit:  # it was aborted meanwhile
                self._folder.remove([name])
            self._require_begun(transaction, method)
            commit.records[oid] = tuple(
                one if one.version else one._replace(blob=name) for one in commit.records[oid]
            )

    def _secure(self) -> None:
        try:
            self._folder.secure(self._named_by_commit() & self._taken)
        except OSError as error:
            raise self._errors.StorageError(
                f"{self._name}: the contents of blobs can't be kept ({error}): free some space on"
                " the disk and try again"
            ) from error

    def _named_by_commit(self) -> set[str]:
        commit = self._commit
        records = commit.records.values() if commit else ()
        return {one.blob for each in records for one in each if one.blob}

    def _end_commit(self) -> None:
        """See `TwoPhaseStorage`; what has become nobody's goes.

        Where it is not known whether the transaction was kept, that is decided by who opens the
        storage again.
        """
        commit = self._commit
        if commit is not None and self._taken and not self._failed_because:
            is_kept = self._last_tid == commit.tid
            self._folder.remove(self._taken - (self._named_by_commit() if is_kept else set()))
        self._taken = set()
        super()._end_commit()

    def _restore_copy(
        self, other: Any, record: Any, source: bytes | None, meta: TransactionMetaData
    ) -> None:
        """See `RestorableStorage`; a content that the other has is copied as well."""
        path = None
        is_bytes = isinstance(record.data, bytes)
        if is_bytes and is_blob(self._untransform(record.data)) and keeps_blobs(other):
            with suppress(KeyError):  # it was lost there
                path = other.loadBlob(record.oid, record.tid)
        if path is None:
            super()._restore_copy(other, record, source, meta)
        else:
            content = new_file(self.temporaryDirectory())
            try:
                duplicate(Path(path), content)
                self.restoreBlob(record.oid, record.tid, record.data, str(content), source, meta)
            finally:
                content.unlink(missing_ok=True)

    # Other steps, with the lock held

    def _forget(self, upto: bytes, doomed: Mapping[bytes, Collection[Revision]]) -> None:
        """See `PackableStorage`; the contents go when the records are gone for good."""
        named = {oid: self._history.blobs(oid) for oid in doomed}
        super()._forget(upto, doomed)
        for oid, names in named.items():
            if names:
                self._folder.remove(names - self._history.blobs(oid))

    def _pack(self, upto: bytes, references: References | None) -> None:
        """See `PackableStorage`; what earlier crashes have left goes as well."""
        super()._pack(upto, references)
        found = self._folder.names()
        with self._lock:
            # In this order: what was found then belongs to one of these by now, or to nobody.
            owned = self._open_history().all_blobs() | self._taken
        self._folder.remove(found - owned)

    def _blob_path(self, oid: bytes, serial: bytes) -> Path:
        record = self._open_history().find(oid, just_after(serial), trunk=True)
        if record is not None and record.tid == serial and record.blob:
            path = self._folder.path_of(record.blob)
            if path.exists():
                return path
        raise self._errors.POSKeyError(oid, serial)
