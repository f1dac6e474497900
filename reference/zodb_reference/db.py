"""The database: a storage, and the connections to it."""

import logging
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from types import MappingProxyType
from typing import Any, ClassVar

from persistent.mapping import PersistentMapping
from transaction import TransactionManager
from zope.interface import implementer

from zodb_reference.broken import find_global
from zodb_reference.connections import Connection
from zodb_reference.editions import rules_of
from zodb_reference.errors import ConflictError, ConnectionStateError, own_errors
from zodb_reference.halves import HalfCommit, half_commits
from zodb_reference.interfaces import IDatabase
from zodb_reference.oids import z64
from zodb_reference.pool import FOR_EVER, ConnectionPool, Limits
from zodb_reference.records import own_references
from zodb_reference.reports import Reports
from zodb_reference.revisions import Revisions
from zodb_reference.settings import Settings
from zodb_reference.snapshot import last_transaction
from zodb_reference.storages import MemoryStorage, SQLiteStorage
from zodb_reference.views import (
    CURRENT,
    Kind,
    SnapshotFactory,
    View,
    historical_view,
    snapshots_of,
)

logger = logging.getLogger(__name__)


@implementer(IDatabase)
class DB(Settings, Reports, Revisions):
    """An object database.

    `storage` is where the records are kept: None for memory, a path for a file, or any storage that
    speaks the ecosystem's storage protocol. A storage made here is closed with the database, and so
    is one that was given.

    `databases` is the collection that the database enters under `database_name`, any text, and
    leaves when it is closed. `ValueError` is raised where the name is taken, or where the databases
    of the collection follow another edition (XREF-1 to 3). Without `xrefs` no object may come to
    refer to objects of other databases, save weakly; references that there are can be read, and
    others may refer to objects of this one (XREF-32 to 34).

    `edition` names the edition of the specification to obey; `ValueError` names those that exist.

    `pool_size` is how many connections are expected at most; as many are kept when they are closed,
    each for `pool_timeout` seconds. `cache_size` (objects) and `cache_size_bytes` (0: not limited)
    are what the cache of a connection is reduced to between transactions. The options whose names
    begin with `historical_` say the same of connections to the past, of those to each moment apart.

    A record of `large_record_size` bytes or more is warned of. `class_factory` finds the classes
    that records name, like the method `classFactory`, in its place.

    The root exists once this has returned (LIFE-38).
    """

    connection_class = Connection
    _of_editions: ClassVar[dict[str, type["DB"]]] = {}
    _more_limits: Mapping[Kind, Limits] = MappingProxyType({})  # of other kinds of connections

    def __init_subclass__(cls, editions: Iterable[str] = (), **options: Any) -> None:
        """Take a subclass that says so for the databases of editions: `class C(DB, editions=)`."""
        super().__init_subclass__(**options)
        for edition in editions:
            DB._of_editions[edition] = cls

    def __new__(
        cls,
        storage: Any = None,  # noqa: ARG004 - this and others are for __init__
        *,
        edition: str = "current",
        **options: Any,  # noqa: ARG004
    ) -> "DB":
        """Make a database of the class that the edition has, if `DB` itself is asked for one."""
        return super().__new__(cls._of_editions.get(edition, cls) if cls is DB else cls)

    def __init__(
        self,
        storage: Any = None,
        *,
        databases: MutableMapping[str, Any] | None = None,
        database_name: str = "unnamed",
        xrefs: bool = True,
        edition: str = "current",
        pool_size: int = 7,
        pool_timeout: float = FOR_EVER,
        cache_size: int = 400,
        cache_size_bytes: int = 0,
        historical_pool_size: int = 3,
        historical_timeout: float = 300,
        historical_cache_size: int = 1000,
        historical_cache_size_bytes: int = 0,
        large_record_size: int = 1 << 24,
        class_factory: Callable[[Any, str, str], Any] | None = None,
    ) -> None:
        self.rules = rules_of(edition)
        self.edition = edition
        self.databases = {} if databases is None else databases
        self.database_name = database_name
        self._require_place_in_collection()
        self.xrefs = xrefs
        self.large_record_size = large_record_size
        self.references = own_references
        if class_factory is not None:
            self.classFactory = class_factory  # type: ignore[assignment, method-assign]
        self._pool = ConnectionPool(
            {
                Kind.CURRENT: Limits(pool_size, pool_timeout, cache_size, cache_size_bytes),
                Kind.HISTORICAL: Limits(
                    historical_pool_size,
                    historical_timeout,
                    historical_cache_size,
                    historical_cache_size_bytes,
                ),
                **self._more_limits,
            }
        )
        self.storage = self._open_storage(storage)
        self._new_snapshot = self._snapshots_of(self.storage)
        self._closed = False
        try:
            self._make_sure_of_root()
            self._enter_collection()
        except BaseException:
            if self.storage is not storage:
                self.storage.close()
            raise

    # For programs

    def open(
        self,
        transaction_manager: Any = None,
        at: bytes | datetime | None = None,
        before: bytes | datetime | None = None,
    ) -> Connection:
        """Return an open connection (CONN-2).

        It is bound to `transaction_manager`, or to the calling thread's where that is None.

        With `at` or `before`, a tid or a moment (UTC where it has no time zone), it is a historical
        connection: it shows the state just after the one, or just before the other, as long as it
        lives, and stores nothing (CONN-40 to 45). The `before` of the connection is the tid before
        which it shows everything. Those that it opens to other databases show the same point; what
        was committed to several at once has one tid, if their storages are of this package.

        Raises `ConnectionStateError` once the database is closed; `ValueError` where both points
        are given, for what is neither a tid nor a moment, and for a point after the last
        transaction; `TypeError` for what is no transaction manager, and for the name of a version,
        which there are none of any more: "" alone is let through, with a `DeprecationWarning`
        (VER-28).

        With a manager in explicit mode, load nothing before its begin(): a connection that was used
        before may still show its last transaction then, and any other refuses (CONN-47).
        """
        if isinstance(transaction_manager, str):
            if transaction_manager:
                raise TypeError(
                    f"there is no version {transaction_manager!r}, nor any other: the first"
                    " argument is a transaction manager"
                )
            warnings.warn(
                "the first argument is a transaction manager; leave out the empty string",
                DeprecationWarning,
                stacklevel=2,
            )
            transaction_manager = None
        view = CURRENT
        if at is not None or before is not None:
            if not self.rules.shows_the_past:
                raise TypeError(f"`at` and `before` are not known in the edition {self.edition}")
            view = historical_view(at, before, self.lastTransaction())
        return self._open_view(view, transaction_manager)

    @contextmanager
    def transaction(self, note: str | None = None) -> Iterator[Connection]:
        """Run a block in a transaction of its own, described by `note` (CONN-55).

        The block gets a connection. The transaction is committed where the block ends, aborted
        where it raises; the connection is closed in both cases. Raises `ConnectionStateError` where
        the database was closed meanwhile, and the changes are lost.
        """
        manager = TransactionManager()
        connection = self.open(transaction_manager=manager)
        try:
            manager.begin().note(note)
            try:
                yield connection
                manager.commit()
                if connection.lost_changes:
                    raise ConnectionStateError(
                        f"the database {self.database_name!r} was closed before the block ended,"
                        " and its changes are lost; close it when all work is done"
                    )
            except BaseException:
                manager.abort()
                raise
        finally:
            connection.close()

    def open_then_close_db_when_connection_closes(self) -> Connection:
        """Return an open connection; when it is closed, so is the database (CONN-56)."""
        connection = self.open()
        connection.onCloseCallback(self.close)
        return connection

    def close(self) -> None:
        """Abort what is under way in its connections, close them, and close the storage (CONN-52).

        The connections to other databases that are in a group with them are closed as well: objects
        of the one may refer to objects of the other. All others stay as they are, and meet a
        `KeyError` where they need this database. Its name is free, also for the same storage opened
        again. Later calls do nothing.

        What another thread is doing is left to that thread. Its connections can't be used any more,
        and it closes them; the commit of what it has changed fails with `ConnectionStateError`.
        """
        if self._closed:
            return
        with ExitStack() as stack:  # an interrupt keeps nothing else from being closed
            stack.callback(self.storage.close)
            self._closed = True
            if self.is_in_collection():
                del self.databases[self.database_name]
            for connection in self._pool.everyone():
                stack.callback(self._shut_down, connection)

    def half_commits(self, since: bytes | None = None) -> list[HalfCommit]:
        """Return the commits that some databases of the collection have and others have not.

        Two-phase commit cannot exclude them: a disk may fail, or the process be killed, after one
        database has finished and before the next has. All databases that are open in the collection
        are asked. With `since`, only commits are looked at that one of them has from that tid on.

        To repair one, make the same changes where it is missing, or undo it where it is; in a
        transaction to which the `repaired_by` of the half commit was applied, so that it is told no
        more. Do this while nobody commits, best at the start of the program: a commit that is just
        being finished looks the same. And do it before packing: what a database is packed over may
        have been removed from it, and is not told to be missing there.

        Raises `StorageError` where the storage of one of them has no `iterator`.
        """
        self.require_open()
        return half_commits(self.databases, since)

    def classFactory(self, connection: Connection, module: str, name: str) -> Any:
        """Return what `name` is in `module`, or a placeholder where it is not there (SER-11)."""
        return find_global(module, name)

    def invalidateCache(self) -> None:
        """Take it that any object may have changed, in every connection; see there (CONN-26).

        What historical connections show has not changed (CONN-43).
        """
        for connection in self._pool.everyone():
            if connection.before is None:
                connection.invalidateCache()

    def lastTransaction(self) -> bytes:
        """Return the tid of the last transaction, whoever has committed it."""
        self.require_open()
        return last_transaction(self.storage)

    def new_oid(self) -> bytes:
        """Return an oid that was never used."""
        oid: bytes = self.storage.new_oid()
        return oid

    def getName(self) -> str:
        """Return the name of the storage."""
        return str(self.storage.getName())

    def getSize(self) -> int:
        """Return about how many bytes the storage takes."""
        return int(self.storage.getSize())

    def objectCount(self) -> int:
        """Return about how many objects there are."""
        return len(self.storage)

    # For connections and their groups

    def is_open(self) -> bool:
        """Tell whether the database is neither closed nor about to be."""
        return not self._closed

    def require_open(self) -> None:
        """Raise `ConnectionStateError` once the database is closed, or about to be."""
        if self._closed:
            raise ConnectionStateError(f"the database {self.database_name!r} is closed")

    def is_in_collection(self) -> bool:
        """Tell whether the collection has this very database under its name."""
        return self.databases.get(self.database_name) is self

    def take_connection(self, view: View = CURRENT, *, lone: bool = False) -> Connection:
        """Return a closed connection to open, from the pool or a new one; with `lone`, no group."""
        self._discard(self._pool.surplus())
        while (connection := self._pool.take(view, lone=lone)) is not None:
            if connection.group.is_whole():
                return connection
            connection.group.dissolve()
        connection = self.connection_class(self, self._new_snapshot(view), view)
        self._pool.add(connection)
        return connection

    def give_back(self, connection: Connection) -> None:
        """Take back a connection that was closed, with its group."""
        whole = connection.group.is_whole()
        self._discard(self._pool.give_back(connection) if whole else [connection])

    def forget(self, connection: Connection) -> None:
        """Give up a connection that is not opened again; a second call does nothing."""
        if self._pool.forget(connection):
            connection.release()

    # What these consist of

    def _open_view(self, view: View, transaction_manager: Any, **options: Any) -> Connection:
        """Open a connection that shows `view`, and all that are opened with it."""
        self.require_open()
        if transaction_manager is not None and not hasattr(transaction_manager, "registerSynch"):
            raise TypeError(
                f"{transaction_manager!r} is no transaction manager; make one for each thread, or"
                " leave it out to have the thread's own"
            )
        connection = self.take_connection(view)
        connection.group.open(transaction_manager, **options)
        return connection

    def _shut_down(self, connection: Connection) -> None:
        try:
            connection.group.shut_down(connection)
        except Exception:
            logger.exception("%r could not be closed with its database", connection)

    def _require_place_in_collection(self) -> None:
        """Refuse what could not enter the collection, before anything is opened."""
        if not isinstance(self.database_name, str):
            raise TypeError(f"the name of a database is text, not {self.database_name!r}")
        if self.database_name in self.databases:
            raise self._name_is_taken()
        for other in [*self.databases.values()]:  # which other threads may change
            if getattr(other, "edition", self.edition) != self.edition:
                raise ValueError(
                    f"the collection follows the edition {other.edition!r}, and a database of"
                    f" {self.edition!r} cannot enter it; open all with the same edition"
                )

    def _enter_collection(self) -> None:
        if self.databases.setdefault(self.database_name, self) is not self:
            raise self._name_is_taken()  # by another thread, meanwhile

    def _name_is_taken(self) -> ValueError:
        return ValueError(
            f"there is a database with the name {self.database_name!r} in the collection already;"
            " give each a database_name of its own"
        )

    def _open_storage(self, storage: Any) -> Any:
        if storage is None:
            return MemoryStorage()
        if isinstance(storage, str | os.PathLike):
            return SQLiteStorage(storage)
        if not hasattr(storage, "tpc_begin"):
            raise TypeError(f"{storage!r} is neither a storage, nor a path as text or PathLike")
        return storage

    def _snapshots_of(self, storage: Any) -> SnapshotFactory:
        """Return what makes the snapshots of connections."""
        return snapshots_of(storage)

    def _make_sure_of_root(self) -> None:
        """Create the root where there is none (LIFE-38, LIFE-39)."""
        try:
            self._make_root(z64)
        except ConflictError as conflict:
            # Another user of the storage has created it in this moment; or its creation was undone,
            # and it has to be made from the revision that says so.
            if conflict.serials is not None and self._has_no_root_since(conflict.serials[0]):
                self._make_root(conflict.serials[0])

    def _has_no_root_since(self, serial: bytes) -> bool:
        """Tell whether the revision `serial` of the root says that there is none."""
        try:
            with own_errors:
                self.storage.loadSerial(z64, serial)
        except KeyError:
            return True
        return False

    def _make_root(self, serial: bytes) -> None:
        """Create the root from the revision `serial`, unless it is there."""
        with self.transaction("initial database creation") as connection:
            try:
                connection.get(z64)
            except KeyError:
                root = PersistentMapping()
                connection.add_as(z64, root)
                root._p_serial = serial


def connection(*arguments: Any, **options: Any) -> Connection:
    """Return a connection to a database that is opened for it, and closed with it (CONN-56).

    The arguments are those of `DB`; the connection is bound to the calling thread's manager.
    """
    return DB(*arguments, **options).open_then_close_db_when_connection_closes()
