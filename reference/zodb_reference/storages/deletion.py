"""Deletion of single objects, for whoever finds out by other means than packing what is garbage."""

from zodb_reference.storages.history import Record
from zodb_reference.storages.twophase import TwoPhaseStorage, require_eight_bytes


class DeletableStorage(TwoPhaseStorage):
    """A storage from which objects can be deleted."""

    def deleteObject(self, oid: bytes, serial: bytes, transaction: object) -> None:
        """Let an object cease to exist, by a revision without data (STOR-43).

        This is a call of the first phase of the two-phase commit of `transaction`. What there was
        of the object can be loaded as the past, until it is packed; it exists again when somebody
        stores it with the tid of the deletion for serial (STOR-44).

        `serial` is the tid of the current revision, else `ConflictError`. Raises `POSKeyError`
        where there is no such object, and `VersionLockError` where a version holds it.
        """
        with self._lock:
            commit = self._require_begun(transaction, "deleteObject")
            require_eight_bytes("oid", oid)
            newest = self._existing(oid)
            self._require_not_held(commit, oid, "")
            if serial != newest.tid:
                raise self._errors.ConflictError(oid=oid, serials=(newest.tid, serial))
            commit.put(Record(oid, commit.tid, None))
            commit.resolved.discard(oid)
