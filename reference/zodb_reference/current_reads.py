"""The snapshots of the editions before today's, through which current revisions can be read.

Such a snapshot `reads_current` where its connection was opened without mvcc, or is in a version: it
gives the current revision of an object then, or refuses if that is not the one with which the
transaction has begun (ISO-15, VER-22). Otherwise it gives the revision from before the transaction,
as today's do. What was created later it gives in both cases (LIFE-34), as long as that is not
changed: what was read once stays as it was read (ISO-1).
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from zodb_reference.errors import ConflictError, POSKeyError, ReadConflictError, own_errors
from zodb_reference.invalidation import EVERYONE, Fate, News
from zodb_reference.metadata import TransactionMetaData
from zodb_reference.oids import tid_repr, z64
from zodb_reference.snapshot import SharedSnapshot, SharedStorage, Snapshot
from zodb_reference.views import CURRENT, SnapshotFactory, View


class OlderSnapshot(Snapshot):
    """A view through a storage instance that keeps the snapshot itself.

    Current revisions are read through a second instance, which is moved before each: what the first
    one shows must not change within a transaction. `new_instance` makes them.
    """

    def __init__(self, new_instance: Callable[[], Any]) -> None:
        super().__init__(new_instance())
        self.reads_current = False
        self._new_instance = new_instance
        self._newest: Snapshot | None = None
        self._newer: dict[bytes, bytes] = {}  # the serials of what was read and created since

    def advance(self) -> Mapping[bytes, bytes] | None:
        """Move the snapshot to the newest state; see `Snapshot.advance`."""
        self._newer.clear()
        return super().advance()

    def load(self, oid: bytes) -> tuple[bytes, bytes]:
        """Return record and serial of an object.

        Raises `POSKeyError` where there is no such object, `ReadConflictError` where the current
        revision is to be read, and is not that of the snapshot any more.
        """
        try:
            seen = super().load(oid)
        except (ReadConflictError, POSKeyError):
            found = self.load_current(oid)  # if it was created since
            if self._newer.setdefault(oid, found[1]) != found[1]:
                raise _has_changed(oid) from None
            return found
        if self.reads_current:
            try:
                _, serial = self.load_current(oid)
            except POSKeyError:
                serial = None
            if serial != seen[1]:
                raise _has_changed(oid)
        return seen

    def load_current(self, oid: bytes) -> tuple[bytes, bytes]:
        """Return record and serial of the current revision; `POSKeyError` where there is none."""
        if self._newest is None:
            self._newest = Snapshot(self._new_instance())
        self._newest.advance()
        return self._newest.load(oid)

    def complete(self) -> None:
        """Tell the storage that the transaction is over (STOR-37)."""
        super().complete()
        if self._newest is not None:
            self._newest.complete()

    def release(self) -> None:
        """Give up the view; it is not used any more."""
        super().release()
        if self._newest is not None:
            self._newest.release()


class OlderSharedSnapshot(SharedSnapshot):
    """A view of a shared storage, for a connection in `version`, or in the trunk.

    Whether an object has changed is told by what was announced since the last boundary, and not by
    its serial, which a commit in another version changes as well (VER-7, VER-19). A storage
    announces a commit before it shows it (ISO-33); so this is asked after an object was loaded.
    """

    def __init__(self, shared: SharedStorage, version: str) -> None:
        super().__init__(shared)
        self.version = version
        self.reads_current = False
        self._created: set[bytes] = set()
        self._stored: set[bytes] = set()
        self._referred: set[bytes] = set()  # what is referred to strongly, in a version

    def load(self, oid: bytes) -> tuple[bytes, bytes]:
        """Return record and serial of an object.

        Raises `POSKeyError` where there is no such object, `ReadConflictError` where the revision
        that is to be read is not the current one any more, or is gone.
        """
        if self.reads_current:
            self._require_before()
        else:
            try:
                return super().load(oid)
            except ReadConflictError:
                if self._fate(oid) is Fate.CHANGED:
                    raise
        try:
            found = self.load_current(oid)
        except POSKeyError:
            found = None
        if self._fate(oid) is Fate.CHANGED:
            raise _has_changed(oid)
        if found is None:
            raise POSKeyError(oid)
        return found

    def load_current(self, oid: bytes) -> tuple[bytes, bytes]:
        """Return record and serial of the current revision; `POSKeyError` where there is none."""
        with own_errors:
            record, serial = self._storage.load(oid, self.version)
        return record, serial

    def begin(self, meta: TransactionMetaData) -> None:
        """Begin the storage's transaction; wait until the one of another connection has ended."""
        for found in self._created, self._stored, self._referred:
            found.clear()
        super().begin(meta)

    def store(self, oid: bytes, serial: bytes, record: bytes, meta: TransactionMetaData) -> None:
        """Store a record that was made from the revision `serial`, `z64` for a new object."""
        if serial == z64:
            self._created.add(oid)
        self._stored.add(oid)
        if self.version:
            self._referred.update(self._shared.references(record))
        super().store(oid, serial, record, meta)

    def vote(self, meta: TransactionMetaData) -> Collection[bytes]:
        """Make sure that the commit can be finished; see `Snapshot.vote`.

        Raises `ConflictError` or `POSKeyError` where a reference would be stored to what has gone
        with a version: it has no record for anybody (LIFE-12).
        """
        self._require_referents()
        return super().vote(meta)

    def check_current(self, oid: bytes, serial: bytes, meta: TransactionMetaData) -> None:
        """Make the transaction fail unless `serial` is current in the version, or in the trunk."""
        if not self.version:
            super().check_current(oid, serial, meta)
            return
        with own_errors:
            self._storage.checkCurrentSerialInTransaction(oid, serial, meta, self.version)

    def news_of(self, written: Collection[bytes]) -> News:
        """Return what the other connections are told: those of the version, or all (VER-19)."""
        audience = {self.version} if self.version else EVERYONE
        return News(written, audience, frozenset(self._created))

    def _require_referents(self) -> None:
        for oid in self._referred - self._stored:
            try:
                self.load_current(oid)
            except POSKeyError:
                if self._fate(oid) is Fate.UNTOUCHED:
                    raise
                raise ConflictError(
                    "an object that is referred to does not exist any more, since the version in"
                    " which it was created has ended; abort, and begin again",
                    oid=oid,
                ) from None

    def _fate(self, oid: bytes) -> Fate:
        return self._shared.log.fate(oid, self._position, self.version)


def revision_before(storage: Any, oid: bytes, tid: bytes) -> tuple[bytes, bytes]:
    """Return record and serial of the last revision before `tid`.

    Raises `ReadConflictError` where there is none, and `POSKeyError` where there is no such object.
    """
    with own_errors:
        found = storage.loadBefore(oid, tid)
    if found is None:
        raise ReadConflictError(
            f"the object has changed at {tid_repr(tid)}, and the revision from before is not there;"
            " abort, and begin again",
            oid=oid,
        )
    record, serial, _ = found
    return record, serial


def has_versions(storage: Any) -> bool:
    """Tell whether a storage keeps versions."""
    return bool(hasattr(storage, "supportsVersions") and storage.supportsVersions())


def older_snapshots_of(storage: Any) -> SnapshotFactory:
    """Return what makes a view of `storage` for a connection, of the kind that fits the storage.

    It raises `ValueError` for a view of a version where the storage has none (VER-27).
    """
    shared = None if hasattr(storage, "poll_invalidations") else SharedStorage(storage)

    def new_snapshot(view: View = CURRENT) -> Snapshot:
        if view.version and not has_versions(storage):
            raise ValueError(
                f"{storage!r} has no versions, so none can be opened, and {view.version!r} cannot;"
                " give the database a storage that was made with versions=True"
            )
        if shared is None:
            return OlderSnapshot(storage.new_instance)
        return OlderSharedSnapshot(shared, view.version)

    return new_snapshot


def _has_changed(oid: bytes) -> ReadConflictError:
    return ReadConflictError(
        "the object has changed since the transaction began, and connections without mvcc, or in a"
        " version, read current revisions only; abort, and begin again",
        oid=oid,
    )
