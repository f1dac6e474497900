"""The database of the edition of 2006: versions, and openings without mvcc and synch."""

import os
from collections.abc import Collection
from functools import partial
from typing import Any

from zope.interface import implementer_only

from zodb_reference.connection_of_2006 import ConnectionOf2006
from zodb_reference.connections import Connection
from zodb_reference.current_reads import has_versions
from zodb_reference.databasework import Task
from zodb_reference.db_of_2005 import DBOf2005
from zodb_reference.errors import VersionCommitError, VersionError, own_errors
from zodb_reference.invalidation import EVERYONE, News
from zodb_reference.metadata import TransactionMetaData
from zodb_reference.older_interfaces import IDatabaseOf2006
from zodb_reference.pool import FOR_EVER, Limits
from zodb_reference.revisions import in_text
from zodb_reference.snapshot import Snapshot
from zodb_reference.storages import MemoryStorage, SQLiteStorage
from zodb_reference.storages.reading import is_name
from zodb_reference.views import Kind, View

#: Options of `DB` that this edition does not know.
_UNKNOWN = ("pool_timeout", "historical_")


@implementer_only(IDatabaseOf2006)
class DBOf2006(DBOf2005, editions=("2006-08-16",)):
    """A database with versions; see `DB`.

    A version is a named set of changes that are committed, and not part of what everybody sees, the
    trunk. A storage that is made here has versions; one that is given has them if it was made so.

    Of connections in one version `version_pool_size` are expected at most, and as many are kept
    when they are closed; none when the version ends, if all are closed by then. The cache of each
    is reduced to `version_cache_size` objects. The method `connectionDebugInfo` tells for each
    connection the `version` beside.
    """

    connection_class = ConnectionOf2006

    def __init__(
        self,
        storage: Any = None,
        *,
        version_pool_size: int = 3,
        version_cache_size: int = 100,
        **options: Any,
    ) -> None:
        unknown = sorted(name for name in options if name.startswith(_UNKNOWN))
        if unknown:
            raise TypeError(
                f"{', '.join(unknown)}: there is no such option in the edition of 2006-08-16"
            )
        limits = Limits(version_pool_size, FOR_EVER, version_cache_size, 0)
        self._more_limits = {Kind.VERSION: limits}
        super().__init__(storage, **options)

    # For programs

    def open(  # type: ignore[override]
        self,
        version: str = "",
        mvcc: bool = True,
        transaction_manager: Any = None,
        synch: bool = True,
    ) -> Connection:
        """Return an open connection (CONN-2).

        It shows the data of `version` over that of the trunk, and commits to that version; "" is
        the trunk. It is bound to `transaction_manager`, or to the calling thread's where that is
        None.

        Without `mvcc` it never reads what is not current any more: to read what has changed since
        the transaction began fails with `ReadConflictError`, and so does the commit then (ISO-15,
        ISO-16). In a version it is always so (VER-22).

        Without `synch` it is not told where the manager's transactions begin and end, and moves to
        the newest state when it is opened, at the end of the transactions in which it has changed
        something, and by its sync() (ISO-18). Where no manager is given, it follows whichever
        thread uses it.

        Raises `TypeError` for arguments of other types, `ValueError` for a version where the
        storage has none (VER-27), and `ConnectionStateError` once the database is closed.
        """
        if not isinstance(version, str):
            raise TypeError(
                f"the name of a version is text, not {version!r}; a transaction manager is given as"
                " transaction_manager=..."
            )
        for name, value in [("mvcc", mvcc), ("synch", synch)]:
            if not isinstance(value, int):
                raise TypeError(f"{name} is True or False, not {value!r}")
        return self._open_view(
            View(version), transaction_manager, mvcc=bool(mvcc), synch=bool(synch)
        )

    def supportsVersions(self) -> bool:
        """Tell whether the storage has versions."""
        return has_versions(self.storage)

    def versions(self, max: int | None = None) -> Collection[str]:  # noqa: A002 - a public name
        """Return the names of the versions that hold objects, `max` of them at most (VER-13)."""
        if not self._asks_versions():
            return ()
        with own_errors:
            names: Collection[str] = self.storage.versions(max)
        return names

    def versionEmpty(self, version: str) -> bool:
        """Tell whether a version holds no objects (VER-12); `VersionError` for ""."""
        if not self._asks_versions():
            return True
        with own_errors:
            return bool(self.storage.versionEmpty(version))

    def modifiedInVersion(self, oid: bytes) -> str:
        """Return the name of the version that holds an object, "" where none does (VER-10).

        Raises `POSKeyError` where there is no such object.
        """
        if not self._asks_versions():
            return ""
        with own_errors:
            version: str = self.storage.modifiedInVersion(oid)
        return version

    def history(  # type: ignore[override]
        self, oid: bytes, version: str | int | None = None, size: int = 1
    ) -> list[dict[str, Any]]:
        """Return dictionaries of the last revisions of an object, at most `size`, newest first.

        They are those in the trunk and in `version`, or all where that is None, and each tells its
        own as `version` (VER-24); see `DB.history` for the rest. A number in the place of the
        version is the size.
        """
        if isinstance(version, int):
            return self.history(oid, size=version)
        if not self._asks_versions():
            return super().history(oid, size)
        with own_errors:
            return in_text(self.storage.history(oid, version, size))

    def commitVersion(self, source: str, destination: str = "", txn: Any = None) -> None:
        """Have the changes in the version `source` made in `destination`, "" for the trunk.

        That happens when the transaction `txn`, or else the thread's current one, is committed
        (VER-18). The version `source` holds no objects then (VER-14).

        Raises `VersionCommitError` where `source` is no version, or both are the same (VER-15), and
        `NotImplementedError` where the storage has no versions (VER-27).
        """
        self._require_versions()
        if not (is_name(source) and (destination == "" or is_name(destination))):
            raise VersionCommitError(
                f"{source!r} cannot be committed to {destination!r}: both are names of versions,"
                ' and the second may be "" for the trunk'
            )
        if source == destination:
            raise VersionCommitError(f"the version {source!r} cannot be committed to itself")

        def end(snapshot: Snapshot, meta: TransactionMetaData) -> News:
            with own_errors:
                _, oids = snapshot.storage.commitVersion(source, destination, meta)
            return News(frozenset(oids), {source, destination} if destination else EVERYONE)

        self._have_done(Task(end, partial(self._leave_version, source)), txn)

    def abortVersion(self, version: str, txn: Any = None) -> None:
        """Have the changes in a version given up (VER-17).

        That happens when the transaction `txn`, or else the thread's current one, is committed
        (VER-18). The version holds no objects then.

        Raises `VersionError` for what is no version, and `NotImplementedError` where the storage
        has none (VER-27).
        """
        self._require_versions()
        if not is_name(version):
            raise VersionError(f"{version!r} cannot be aborted: it is not the name of a version")

        def end(snapshot: Snapshot, meta: TransactionMetaData) -> News:
            with own_errors:
                _, oids = snapshot.storage.abortVersion(version, meta)
            return News(frozenset(oids), {version}, renews=True)

        self._have_done(Task(end, partial(self._leave_version, version)), txn)

    def removeVersionPool(self, version: str) -> None:
        """Keep no connection in a version; those that are open are given up when closed (VER-3).

        Nothing happens where there is no connection in it. Raises `VersionError` for what is no
        version.
        """
        if not is_name(version):
            raise VersionError(f"{version!r} is not the name of a version, and has no pool as such")
        self._discard(self._pool.drop(View(version)))

    def getVersionPoolSize(self) -> int:
        """Return how many connections in one version are expected at most."""
        return self._pool.limits[Kind.VERSION].pool_size

    def setVersionPoolSize(self, size: int) -> None:
        """Expect at most `size` connections in one version; as many are kept when closed."""
        self._change(Kind.VERSION, pool_size=size)

    def getVersionCacheSize(self) -> int:
        """Return to how many objects the cache of a connection in a version is reduced."""
        return self._pool.limits[Kind.VERSION].cache_size

    def setVersionCacheSize(self, size: int) -> None:
        """Reduce the cache of each connection in a version to `size` objects from now on."""
        self._change(Kind.VERSION, cache_size=size)

    # What these consist of

    def _asks_versions(self) -> bool:
        """Tell whether there are versions to ask for; the database has to be open."""
        self.require_open()
        return self.supportsVersions()

    def _leave_version(self, version: str) -> None:
        """Give up the connections in a version that has ended, if nobody uses one of them.

        There may be any number of versions over time, and few names are used again.
        """
        self._discard(self._pool.drop_unused(View(version)))

    def _require_versions(self) -> None:
        if not self._asks_versions():
            raise NotImplementedError(f"{self.storage!r} has no versions that could be ended")

    def _debug_info(self, connection: Connection, now: float) -> dict[str, Any]:
        return {**super()._debug_info(connection, now), "version": connection.view.version}

    def _open_storage(self, storage: Any) -> Any:
        if storage is None:
            return MemoryStorage(versions=True)
        if isinstance(storage, str | os.PathLike):
            return SQLiteStorage(storage, versions=True)
        return super()._open_storage(storage)
