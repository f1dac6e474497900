"""The view that one connection has of a storage: a snapshot that moves at transaction boundaries.

A storage that keeps a snapshot for each of its users (the ecosystem's IMVCCStorage, told by
`poll_invalidations`) is asked for an instance, and `Snapshot` passes on what that says. For any
other, a `SharedStorage` logs what was committed, and each `SharedSnapshot` reads the revisions up
to a point of its own.

The errors of a storage become those of this package here.
"""

import tempfile
from collections.abc import Collection, Iterable, Mapping
from typing import IO, Any

from zodb_reference.errors import (
    ConnectionStateError,
    ReadConflictError,
    Unsupported,
    own_errors,
)
from zodb_reference.invalidation import EVERYONE, InvalidationLog, News
from zodb_reference.metadata import TransactionMetaData
from zodb_reference.oids import maxtid, oid_repr, p64, tid_repr, u64, z64
from zodb_reference.records import own_references
from zodb_reference.storages.announcing import keeps_blobs


class Snapshot:
    """A view through a storage instance that keeps the snapshot itself.

    `version` is the version in which it is, "" for the trunk.
    """

    version = ""

    def __init__(self, storage: Any) -> None:
        self._storage = storage
        self._own: dict[bytes, bytes] = {}  # what this connection has committed since advance()

    @property
    def storage(self) -> Any:
        """The storage, or its instance that keeps the snapshot."""
        return self._storage

    def advance(self) -> Mapping[bytes, bytes] | None:
        """Move the snapshot to the newest state.

        Return the oids that were changed since the last time, each with the tid of the change or,
        where that is not known, with `maxtid`; return None where they cannot be enumerated and
        everything may have changed (ISO-35).
        """
        with own_errors:
            changed: Iterable[bytes] | None = self._storage.poll_invalidations()
        own, self._own = self._own, {}
        return None if changed is None else {**own, **dict.fromkeys(changed, maxtid)}

    def load(self, oid: bytes) -> tuple[bytes, bytes]:
        """Return record and serial of an object, as of the snapshot.

        Raises `POSKeyError` where there is no such object, and `ReadConflictError` where it was
        created later (LIFE-34).
        """
        with own_errors:
            record, serial = self._storage.load(oid)
        return record, serial

    def prefetch(self, oids: Collection[bytes]) -> None:
        """Let the storage know which objects are about to be loaded, if it can use that."""
        prefetch = getattr(self._storage, "prefetch", None)
        if prefetch is not None:
            with own_errors:
                prefetch(oids)

    def load_serial(self, oid: bytes, tid: bytes) -> bytes:
        """Return the record that the transaction `tid` wrote; `POSKeyError` where it wrote none."""
        with own_errors:
            record: bytes = self._storage.loadSerial(oid, tid)
        return record

    def sync(self) -> None:
        """Ask a storage that learns of commits from elsewhere to catch up (ISO-20)."""
        with own_errors:
            self._storage.sync(True)

    def complete(self) -> None:
        """Tell the storage that the transaction is over (STOR-37)."""
        after_completion = getattr(self._storage, "afterCompletion", None)
        if after_completion is not None:
            with own_errors:
                after_completion()

    def release(self) -> None:
        """Give up the view; it is not used any more."""
        self._storage.release()

    def new_oid(self) -> bytes:
        """Return an oid that was never used; `ReadOnlyError` where the storage takes no changes."""
        with own_errors:
            oid: bytes = self._storage.new_oid()
        return oid

    def is_read_only(self) -> bool:
        """Tell whether the storage takes no changes."""
        return bool(self._storage.isReadOnly())

    def require_changeable(self) -> None:
        """Raise `ReadOnlyHistoryError` where nothing can be stored, whatever the storage takes."""

    def sort_key(self) -> str:
        """Return what orders storages in a two-phase commit."""
        return str(self._storage.sortKey())

    def begin(self, meta: TransactionMetaData) -> None:
        """Begin the storage's transaction; wait until the one of another connection has ended."""
        with own_errors:
            self._storage.tpc_begin(meta)

    def date(self, meta: TransactionMetaData, at_least: bytes = z64) -> bytes | None:
        """Return the tid of the storage's transaction, which is `at_least` from then on.

        Return None where the storage does not let it be chosen (`tpc_date` of those of this package
        does), or does not tell it before the end.
        """
        date = getattr(self._storage, "tpc_date", None)
        if date is None:
            return None
        with own_errors:
            tid: bytes = date(meta, at_least)
        return tid

    def store(self, oid: bytes, serial: bytes, record: bytes, meta: TransactionMetaData) -> None:
        """Store a record that was made from the revision `serial`, `z64` for a new object."""
        with own_errors:
            self._storage.store(oid, serial, record, self.version, meta)

    def store_blob(
        self, oid: bytes, serial: bytes, record: bytes, file: str, meta: TransactionMetaData
    ) -> None:
        """Store a record like `store`, and the file with the content, which goes to the storage."""
        self.require_blobs()
        with own_errors:
            self._storage.storeBlob(oid, serial, record, file, self.version, meta)

    def require_blobs(self) -> None:
        """Raise `Unsupported` where the storage keeps no contents of blobs (SAVE-31)."""
        if not keeps_blobs(self._storage):
            raise Unsupported(
                f"{self._storage!r} keeps no blobs: choose a storage that does, or store the"
                " content in an ordinary object"
            )

    def blob_path(self, oid: bytes, serial: bytes) -> str:
        """Return the path of the content of a blob; `POSKeyError` where there is none."""
        with own_errors:
            path: str = self._storage.loadBlob(oid, serial)
        return path

    def open_blob(self, oid: bytes, serial: bytes, blob: Any = None) -> IO[bytes]:
        """Return the content of a blob, open for reading: for `blob`, or as an ordinary file."""
        with own_errors:
            file: IO[bytes] = self._storage.openCommittedBlobFile(oid, serial, blob)
        return file

    def temporary_directory(self) -> str:
        """Return the path of a folder for contents that are not stored yet."""
        if not keeps_blobs(self._storage):
            return tempfile.gettempdir()
        with own_errors:
            folder: str = self._storage.temporaryDirectory()
        return folder

    def undo(self, ident: bytes, meta: TransactionMetaData) -> Collection[bytes]:
        """Undo the transaction that the storage's undo log lists as `ident`.

        Return the oids of what is changed by that.
        """
        with own_errors:
            undone: tuple[bytes, Collection[bytes]] | None = self._storage.undo(ident, meta)
        return undone[1] if undone else ()

    def check_current(self, oid: bytes, serial: bytes, meta: TransactionMetaData) -> None:
        """Make the transaction fail unless `serial` is the current revision of the object."""
        with own_errors:
            self._storage.checkCurrentSerialInTransaction(oid, serial, meta)

    def vote(self, meta: TransactionMetaData) -> Collection[bytes]:
        """Make sure that the transaction can be finished.

        Return the oids of the records that the storage merged with those of other transactions.
        """
        with own_errors:
            resolved: Collection[bytes] | None = self._storage.tpc_vote(meta)
        return resolved or ()

    def finish(self, meta: TransactionMetaData, written: Collection[bytes]) -> bytes:
        """Make the transaction, which has written these oids, durable and visible; return its tid.

        The snapshot is not moved by that.
        """
        tid = self.finish_with(meta, [News(written)])
        self._own.update(dict.fromkeys(written, tid))
        return tid

    def finish_with(self, meta: TransactionMetaData, news: Collection[News]) -> bytes:
        """Make the transaction durable and visible; the storage announces it to its instances."""
        with own_errors:
            tid: bytes = self._storage.tpc_finish(meta)
        return tid

    def abort(self, meta: TransactionMetaData) -> None:
        """Forget the transaction; nothing happens where it has not begun, or has ended."""
        with own_errors:
            self._storage.tpc_abort(meta)


class SharedStorage:
    """A storage without snapshots of its own, in use by several connections.

    It is what the storage knows as its wrapper (`registerDB`): the storage tells it what happened
    outside of this process, and asks it about records.
    """

    def __init__(self, storage: Any) -> None:
        self.storage = storage
        self.log = InvalidationLog()
        register = getattr(storage, "registerDB", None)
        if register is not None:
            register(self)

    def invalidate(self, tid: bytes, oids: Iterable[bytes], version: str = "") -> None:
        """Learn of a commit that came from elsewhere."""
        self.log.append(tid, News(frozenset(oids), {version} if version else EVERYONE))

    def invalidateCache(self) -> None:
        """Learn that there were commits which cannot be enumerated."""
        self.log.append(z64, News(None))

    def references(self, record: bytes, oids: list[bytes] | None = None) -> list[bytes]:
        """Return the oids that `record` refers to strongly, within the database."""
        return own_references(record, oids)

    def transform_record_data(self, record: bytes) -> bytes:
        """Return the record as it is: nothing is transformed at this level."""
        return record

    def untransform_record_data(self, record: bytes) -> bytes:
        """Return the record as it is: nothing is transformed at this level."""
        return record


class SharedSnapshot(Snapshot):
    """A view of a shared storage: the last revisions up to the point where it was moved to."""

    def __init__(self, shared: SharedStorage) -> None:
        super().__init__(shared.storage)
        self._shared = shared
        self._position = 0
        self._point = z64
        self._before: bytes | None = None  # the tid after the point, once there is one

    def advance(self) -> Mapping[bytes, bytes] | None:
        """Move the point to the last transaction; return what was changed up to there.

        A storage announces a commit before it reports it as its last transaction (ISO-33), so what
        is in the log by now covers the new point.
        """
        with own_errors:
            last = self._storage.lastTransaction()
        self._point = max(self._point, last)
        self._before = p64(u64(self._point) + 1)
        log = self._shared.log
        changed, self._position = log.read(self._position, self._point, self.version)
        return changed

    def load(self, oid: bytes) -> tuple[bytes, bytes]:
        """Return record and serial of the last revision up to the point (ISO-2)."""
        before = self._require_before()
        with own_errors:
            found = self._storage.loadBefore(oid, before)
        if found is None:
            raise ReadConflictError(
                f"object {oid_repr(oid)} was created, or its revision removed, after the state of"
                f" {tid_repr(self._point)} that this transaction sees"
            )
        record, serial, _ = found
        return record, serial

    def prefetch(self, oids: Collection[bytes]) -> None:
        """Let the storage know what is about to be loaded, and as of when, if it can use that."""
        prefetch = getattr(self._storage, "prefetch", None)
        if prefetch is not None and self._before is not None:
            with own_errors:
                prefetch(oids, self._before)

    def _require_before(self) -> bytes:
        """Return the tid after the point; `ConnectionStateError` where there is none yet."""
        if self._before is None:
            raise ConnectionStateError(
                "nothing can be loaded before a transaction has begun; with an explicit"
                " transaction manager, call its begin() first"
            )
        return self._before

    def sync(self) -> None:
        """Ask a storage that learns of commits from elsewhere to catch up (ISO-20)."""
        sync = getattr(self._storage, "sync", None)
        if sync is not None:
            with own_errors:
                sync()

    def release(self) -> None:
        """Do nothing: the storage does not know of the view."""

    def finish(self, meta: TransactionMetaData, written: Collection[bytes]) -> bytes:
        """Make the transaction durable and visible, and announce it to all connections."""
        return self.finish_with(meta, [self.news_of(frozenset(written))])

    def news_of(self, written: Collection[bytes]) -> News:
        """Return what the other connections are told when this one has written these oids."""
        return News(written)

    def finish_with(self, meta: TransactionMetaData, news: Collection[News]) -> bytes:
        """Make the transaction durable and visible, and announce these news."""

        def announce(tid: bytes) -> None:
            for each in news:
                self._shared.log.append(tid, each)

        with own_errors:
            try:
                tid: bytes = self._storage.tpc_finish(meta, announce)
            except BaseException:
                # It may be there all the same, and not have been announced.
                self._shared.invalidateCache()
                raise
        return tid


def last_transaction(storage: Any) -> bytes:
    """Return the tid of the last transaction in `storage`, `z64` where there is none.

    A storage with snapshots of its own may tell the last one that it has seen: a new instance sees
    them all.
    """
    with own_errors:
        if not hasattr(storage, "poll_invalidations"):
            tid: bytes = storage.lastTransaction()
        else:
            instance = storage.new_instance()
            try:
                instance.poll_invalidations()
                tid = instance.lastTransaction()
            finally:
                instance.release()
    return tid
