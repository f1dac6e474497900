"""The connection: what a program loads its objects from, and commits their changes through.

It plays several parts, each known to somebody else by the names of its methods: the program's
access to one snapshot, which is here; the jar of the objects (`zodb_reference.jar`); and a
participant of transactions (`zodb_reference.participant`).
"""

import contextlib
import logging
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any, ClassVar

import transaction
from persistent import Persistent
from transaction.interfaces import NoTransaction
from zope.interface import implementer

from zodb_reference.errors import ConnectionStateError
from zodb_reference.exporting import exported, require_export
from zodb_reference.groups import Group
from zodb_reference.identity import IdentityMap
from zodb_reference.interfaces import IConnection
from zodb_reference.jar import Jar
from zodb_reference.joint import is_other_thread
from zodb_reference.persistentclass import is_persistent_class
from zodb_reference.root import RootConvenience
from zodb_reference.snapshot import Snapshot
from zodb_reference.views import CURRENT, View

logger = logging.getLogger(__name__)


@implementer(IConnection)
class Connection(Jar):
    """A connection to one database; programs get it from `DB.open` (CONN-1).

    It must be used by one thread at a time. `transaction_manager` is the manager that it was opened
    with, and `opened` the time when that was, in seconds since the epoch; both are None while it is
    closed. `connections` maps the names of databases to the connections of its group, itself
    included, and is the same mapping in all of them (XREF-4).

    `view` is what it shows as long as it lives, and `options` what it was opened with this time,
    besides the manager; the connections that it opens to other databases are given both.
    """

    connections: dict[str, "Connection"]
    identity_class = IdentityMap
    #: How often all caches were dropped.
    cache_generation: ClassVar[int] = 0

    def __init__(self, db: Any, snapshot: Snapshot, view: View = CURRENT) -> None:
        super().__init__(db, snapshot, self.identity_class(self))
        self.view = view
        self.options: dict[str, Any] = {}
        self.enter(Group(self))
        self.lost_changes = False  # whether the database has closed over changes
        self._explicit = False
        self._on_close: list[Callable[[], object]] = []
        self._debug_info: tuple[Any, ...] = ()
        self._using_thread: threading.Thread | None = None
        self._idle = threading.RLock()  # held by who does something with the cache of a closed one
        self._due: Callable[[IdentityMap], None] | None = None  # what to do at the next boundary
        self._cache_generation = Connection.cache_generation

    # For programs

    @property
    def root(self) -> RootConvenience:
        """The root: `root()` is the mapping, and `root.name` is short for `root()["name"]`.

        It is looked for when it is used, and not before: a closed connection has it as well, and
        raises `ConnectionStateError` then.
        """
        return RootConvenience(self)

    def get(self, oid: bytes) -> Any:
        """Return the object with this oid, as a ghost where it was not loaded yet.

        Raises `ConnectionStateError` on a closed connection, `POSKeyError` where there is no such
        object, `ReadConflictError` where it was created after the snapshot (LIFE-32 to 34).
        """
        self._require_open()
        if not isinstance(oid, bytes):
            raise TypeError(f"an oid is eight bytes, not {oid!r}")
        found = self.objects.find(oid)
        if found is None:
            found = self.reader.ghost(self._load_class(oid))
            self.objects.add_ghost(oid, found)
        return found

    __getitem__ = get

    def add(self, obj: Any) -> None:
        """Give an unsaved object an oid at once; it is stored at commit, reachable or not.

        An object that this connection owns already is left alone. Raises `ConnectionStateError` on
        a closed connection, `TypeError` for what is not persistent, `InvalidObjectReference` for an
        object of another connection; the object is not touched then (LIFE-4 to 9).
        """
        self._require_open()
        self._require_before_vote()
        if getattr(obj, "_p_jar", None) is self and obj._p_oid is not None:
            return
        self._require_unsaved(obj)
        self.add_as(self.new_oid(), obj)

    def close(self) -> None:
        """Give the connection back to the database's pool, with its group (XREF-9).

        Nothing happens if it is closed. The callbacks are called first, each once. Raises
        `ConnectionStateError` while a connection of the group has changes that are neither
        committed nor aborted; none of them is closed then (CONN-13, CONN-14).
        """
        self.group.close(self)

    def onCloseCallback(self, callback: Callable[[], object]) -> None:
        """Have `callback` called, without arguments, by the next close()."""
        self._on_close.append(callback)

    @property
    def before(self) -> bytes | None:
        """The tid before which everything is shown by a historical connection, else None."""
        return self.view.before

    def db(self) -> Any:
        """Return the database, also from a closed connection."""
        return self._db

    def get_connection(self, database_name: str) -> "Connection":
        """Return the group's connection to the database of this name (XREF-5 to 8).

        It is the same as long as the group is open, and opened where there is none yet, with the
        transaction manager of this one. Raises `KeyError` where the collection has no database of
        this name, `ConnectionStateError` on a closed connection.
        """
        if database_name == self._db.database_name:
            return self
        self._require_open()
        connection: Connection = self.group.get_connection(self, database_name)
        return connection

    def isReadOnly(self) -> bool:
        """Tell whether the storage takes no changes, or this is a historical connection (CONN-9).

        Raises `ConnectionStateError` on a closed connection.
        """
        self._require_open()
        return self._snapshot.is_read_only()

    def sync(self) -> None:
        """Abort the current transaction, show the newest state, and reduce the cache (CONN-21)."""
        self._require_open()
        if self._explicit:
            with contextlib.suppress(NoTransaction):
                self.transaction_manager.abort()
        self.transaction_manager.begin()
        self.objects.reduce()

    def exportFile(self, oid: bytes, f: IO[bytes] | str | None = None) -> IO[bytes]:
        """Write an object, and all that strong references lead to from there, to a file.

        They are written as this transaction has found them, or a savepoint has left them; changes
        since then are not in the file (XEXP-2). `f` is a file, or the path of one to make, or None
        for a temporary one. It is returned, open, with its position at the end.

        Raises `POSKeyError` where an object is not there. References to objects of other databases
        are written as they are; `importFile` refuses them.
        """
        self._require_open()
        self._load(oid)  # without the object, a file that is there keeps what it has
        file = _opened(f)
        try:
            file.writelines(exported(oid, self._load, self._open_content))
        except BaseException:
            if file is not f:
                file.close()
            raise
        return file

    def importFile(self, f: IO[bytes] | str, clue: str = "") -> Any:
        """Make new objects of what was exported to a file, and return the first one.

        They belong to this database as if they had been added: they are stored when the transaction
        is committed, whether they are reachable or not. None is returned for an export without
        objects. A savepoint is made first (SAVE-22). `f` is a path, or a file at the beginning of
        the export; `clue` is added to the transaction's description.

        Raises `ExportError` for a file that is damaged, or has references to what is not in it, and
        `StateLoadError` where the first object cannot be made from its record. Nothing was imported
        then, and the transaction goes on.
        """
        if isinstance(f, str):
            with Path(f).open("rb") as file:
                return self.importFile(file, clue)
        self._require_open()
        self._require_before_vote()
        require_export(f)
        first = self.take_in(f)
        if clue:
            self.transaction_manager.get().note(clue)
        return first

    def prefetch(self, *wanted: Any) -> None:
        """Hint that objects are about to be loaded; this changes no result (CONN-58).

        Each of `wanted` is an oid, an object of this connection, or an iterable of such. Only the
        storage can make something of it, and is told if it has a `prefetch`. Raises
        `ConnectionStateError` on a closed connection, `TypeError` for anything else.
        """
        self._require_open()
        self._snapshot.prefetch(self._oids_of(wanted))

    def cacheGC(self) -> None:
        """Make ghosts of the objects used least recently, down to the size of the cache.

        The other connections of the group do the same (CONN-24).
        """
        for connection in self.group.sharing_cache_calls(self):
            connection.objects.reduce()

    def cacheMinimize(self) -> None:
        """Make ghosts of all objects without changes, in the whole group (CONN-24)."""
        for connection in self.group.sharing_cache_calls(self):
            connection.objects.minimize()

    def cacheFullSweep(self) -> None:
        """Go through the whole cache, and make ghosts of all objects without changes (CONN-25).

        Unlike cacheGC() it does not stop at the size of the cache. The other connections of the
        group do the same.
        """
        for connection in self.group.sharing_cache_calls(self):
            connection.objects.sweep()

    def getTransferCounts(self, clear: bool = False) -> tuple[int, int]:
        """Return how many objects were loaded, and stored; start again from 0 with `clear`."""
        counts = self._loaded, self._stored
        if clear:
            self._loaded = self._stored = 0
        return counts

    def setDebugInfo(self, *items: Any) -> None:
        """Add items to the information that is kept until the connection is closed."""
        self._debug_info += items

    def getDebugInfo(self) -> tuple[Any, ...]:
        """Return all items that were given to setDebugInfo."""
        return self._debug_info

    # For the transaction

    def commit(self, transaction: Any) -> None:
        """Store the changes, and check what was marked by readCurrent."""
        if self.will_store():
            self._snapshot.require_changeable()
        super().commit(transaction)

    # For the database

    def open(self, transaction_manager: Any = None) -> None:
        """Begin to be used, with `transaction_manager` or else with that of the calling thread."""
        if transaction_manager is None:
            # The manager behind the thread's, so that another thread may close the connection.
            transaction_manager = transaction.manager.manager
        self._using_thread = threading.current_thread()
        self.transaction_manager = transaction_manager
        with self._idle:
            pass  # whoever has found it closed is done with its cache
        self._explicit = bool(getattr(transaction_manager, "explicit", False))
        self.opened = time.time()
        if self._cache_generation != Connection.cache_generation:
            self._cache_generation = Connection.cache_generation
            self.objects.start_again()
        try:
            if not self._explicit:
                self._pass_boundary()  # programs may read before they begin a transaction
            self._follow(transaction_manager)
            # In this order: whoever closes the database sees this one as open, or is seen here.
            self._db.require_open()
        except BaseException:
            self.transaction_manager = transaction_manager  # also where closing it came in between
            self.leave()
            raise

    def do_with_cache(self, work: Callable[[IdentityMap], None]) -> None:
        """Do something to the cache: now, or at the next boundary where another thread uses it.

        An object that is just about to be changed must not become a
        ghost: it would have nothing but the change then, and be stored like that.
        """
        self._due = work
        with self._idle:
            if not self.is_used_elsewhere():
                self._do_what_is_due()

    def release(self) -> None:
        """Give up what is kept for this connection, which is not opened again.

        That is what the storage keeps, and the cache: the program may hold the connection, or an
        object that knows it, for much longer (CONN-5).
        """
        self._snapshot.release()
        self.objects.start_again()

    # For its group

    def enter(self, group: Group) -> None:
        """Become a member of `group`."""
        self.group = group
        self.connections = group.connections

    @property
    def database(self) -> Any:
        """The database, also of a closed connection."""
        return self._db

    @property
    def joined(self) -> Any:
        """The transaction that has changes of this connection, or None."""
        return self._joined

    def is_in_use(self) -> bool:
        """Tell whether it was opened, and has not left since; see `shut`."""
        return self.transaction_manager is not None

    def is_used_elsewhere(self) -> bool:
        """Tell whether another thread was the last one that has opened it, or passed a boundary."""
        return self.is_in_use() and is_other_thread(self._using_thread)

    def shut(self) -> None:
        """Refuse to be used from now on, because a database of the group is closed.

        This is called while another thread uses the connection, so it touches nothing else.
        """
        self.opened = None

    def require_unchanged(self) -> None:
        """Raise `ConnectionStateError` while there are changes."""
        if self._joined is not None:
            raise ConnectionStateError(
                f"{self!r} has changes; commit or abort the transaction before it is closed, and"
                " its group with it"
            )

    def call_on_close(self) -> None:
        """Call the callbacks; one that fails is logged and keeps none of the others from it."""
        callbacks, self._on_close = self._on_close, []
        for callback in callbacks:
            try:
                callback()
            except Exception:
                logger.exception("the close callback %r failed", callback)

    def leave(self) -> None:
        """Stop to be used, until it is opened again."""
        self._debug_info = ()
        self.objects.reduce()
        self._unfollow(self.transaction_manager)
        self.transaction_manager = self.opened = None
        self._snapshot.complete()

    # What these consist of

    def _open_content(self, oid: bytes, serial: bytes) -> IO[bytes]:
        saved = self.saved_blob(oid)
        return self.open_blob(oid, serial) if saved is None else saved.open("rb")

    def _oids_of(self, wanted: Iterable[Any]) -> list[bytes]:
        """Return the oids of what a program names by oids and objects, also in iterables."""
        oids = []
        for each in wanted:
            if isinstance(each, bytes):
                oids.append(each)
            elif isinstance(each, Persistent) or is_persistent_class(each):
                if each._p_jar is self:
                    oids.append(each._p_oid)
            elif isinstance(each, Iterable) and not isinstance(each, str):
                oids += self._oids_of(each)
            else:
                raise TypeError(f"{each!r} is neither an oid nor a persistent object")
        return oids

    def _pass_boundary(self) -> None:
        self._using_thread = threading.current_thread()
        super()._pass_boundary()
        self._do_what_is_due()

    def _do_what_is_due(self) -> None:
        """Do to the cache what another thread has asked for."""
        due, self._due = self._due, None
        if due is not None:
            due(self.objects)

    def _follow(self, transaction_manager: Any) -> None:
        """Have the manager tell of the boundaries between its transactions."""
        self._is_opening = True
        try:
            transaction_manager.registerSynch(self)
        finally:
            self._is_opening = False

    def _unfollow(self, transaction_manager: Any) -> None:
        """Have the manager tell no more."""
        # A program may have cleared the manager's synchronizers.
        with contextlib.suppress(KeyError):
            transaction_manager.unregisterSynch(self)


def resetCaches() -> None:
    """Have every connection, to whatever database, drop its cache when it is next opened (CONN-48).

    Then all objects are made anew, of the classes that their modules have by now. Objects that a
    program still holds are found by no connection any more, and cannot be changed.
    """
    Connection.cache_generation += 1


def _opened(f: IO[bytes] | str | None) -> IO[bytes]:
    if f is None:
        return tempfile.TemporaryFile()
    return Path(f).open("w+b") if isinstance(f, str) else f
