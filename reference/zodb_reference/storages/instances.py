"""A storage that keeps the snapshots of its users itself, as those on database servers do.

Each user has an instance, which goes on to show one state until it is told to look for changes
(STOR-35). The storage says so by the interface `IMVCCStorage`. Under a database there is one
instance for each connection, and the first one for what belongs to none.
"""

from collections.abc import Callable
from typing import Any

from zope.interface import directlyProvides, providedBy

from zodb_reference.oids import maxtid
from zodb_reference.storages.announcing import announce
from zodb_reference.storages.history import MetaData, just_after
from zodb_reference.storages.versioning import VersionedStorage


class SnapshotStorage:
    """A view of `storage`, another one of this package, for one thread at a time.

    What reads objects shows them as they were when the instance was made, or looked last:
    `poll_invalidations` and `sync` look. All that it does not name concerns the storage itself, in
    its newest state: the log of transactions, packing, undo, and what is committed (STOR-36).

    The first instance, which a program makes, shows the newest state as long as nobody has asked it
    for changes, and can be used without regard to any others. To it belongs the storage: closing it
    closes both. The others come of `new_instance`.

    Raises `ValueError` for a storage that has versions: a snapshot is one of the trunk.
    """

    def __init__(self, storage: VersionedStorage) -> None:
        if storage.supportsVersions():
            raise ValueError(f"{storage!r} has versions: open it without, to have snapshots of it")
        self._storage = storage
        self._is_first = True
        self._point: bytes | None = None  # the last transaction that shows, None for all
        self._told = storage.lastTransaction()
        self._own: list[bytes] = []  # the tids of what was committed here since it was last asked
        self._begun: object = None
        directlyProvides(self, providedBy(storage))
        announce(self, storage.errors, "IMVCCStorage")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._storage!r}>"

    def __len__(self) -> int:
        """Return the number of objects. Beware: an empty storage is falsy."""
        return len(self._storage)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._storage, name)

    def new_instance(self) -> "SnapshotStorage":
        """Return another instance, which shows the newest state."""
        other = type(self)(self._storage)
        other._is_first = False
        other._point = other._told
        return other

    def release(self) -> None:
        """Give the instance up, and with it a transaction that has begun here."""
        self._storage.tpc_abort(self._begun)

    def close(self) -> None:
        """Close the storage, if it belongs to this instance; else do what `release` does."""
        if self._is_first:
            self._storage.close()
        else:
            self.release()

    def isReadOnly(self) -> bool:
        """Tell whether every change is refused."""
        return self._storage.isReadOnly()

    def new_oid(self) -> bytes:
        """Return an oid that no instance has returned before."""
        return self._storage.new_oid()

    def poll_invalidations(self) -> list[bytes] | None:
        """Move to the newest state; return the oids of what others wrote since the last call.

        Or since the instance was made. None where they can't be told any more, since the storage
        was packed up to a later transaction: everything may have changed then (ISO-35).
        """
        self._point, oids = self._storage.changes_since(self._told)
        self._told = self._point
        own, self._own = self._own, []
        if oids is None:
            return None
        return list(dict.fromkeys(oid for tid in oids if tid not in own for oid in oids[tid]))

    def sync(self, force: bool = True) -> None:
        """Move to the newest state; `poll_invalidations` tells what that has changed, even so.

        Nothing happens without `force`: who goes on to ask for the changes has no need of it.
        """
        if force:
            self._point = self._storage.lastTransaction()

    def afterCompletion(self) -> None:
        """Give the snapshot up: the newest state shows, until the next snapshot is asked for."""
        self._point = None

    def lastTransaction(self) -> bytes:
        """Return the tid of the last transaction that shows here, or was committed here."""
        if self._point is None:
            return self._storage.lastTransaction()
        return max([self._point, *self._own])

    def load(self, oid: bytes, version: str = "") -> tuple[bytes, bytes]:
        """Return data and tid of the revision that shows here.

        `POSKeyError` if there is no such object; `ReadConflictError` if it was created later, or
        packing has removed the revision; and what the storage raises for a version.
        """
        if version:
            return self._storage.load(oid, version)
        found = self.loadBefore(oid, maxtid)
        if found is not None:
            return found[0], found[1]
        self._storage.load(oid)  # raises an error where there is nothing now either
        raise self._storage.errors.ReadConflictError(oid=oid)

    def getTid(self, oid: bytes) -> bytes:
        """Return the tid of the revision that shows here; raises what `load` does."""
        return self.load(oid)[1]

    def loadBefore(self, oid: bytes, tid: bytes) -> tuple[bytes, bytes, bytes | None] | None:
        """Return what the storage does, without what is later than the state that shows here."""
        if self._point is None:
            return self._storage.loadBefore(oid, tid)
        found = self._storage.loadBefore(oid, min(tid, just_after(self._point)))
        if found is None or found[2] is None or found[2] <= self._point:
            return found
        return found[0], found[1], None

    def tpc_begin(self, transaction: MetaData, tid: bytes | None = None, status: str = " ") -> None:
        """See `TwoPhaseStorage`; the instances take turns."""
        self._storage.tpc_begin(transaction, tid, status)
        self._begun = transaction

    def tpc_finish(
        self, transaction: object, callback: Callable[[bytes], object] | None = None
    ) -> bytes:
        """See `TwoPhaseStorage`; what was committed shows here when the instance looks again."""
        tid = self._storage.tpc_finish(transaction, callback)
        self._own.append(tid)
        self._begun = None
        return tid

    def tpc_abort(self, transaction: object) -> None:
        """See `TwoPhaseStorage`; what stood for the transaction may stand for another one then."""
        self._storage.tpc_abort(transaction)
        if self._begun is transaction:
            self._begun = None
