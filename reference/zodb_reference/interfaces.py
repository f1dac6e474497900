"""What an implementer of connections and databases owes, as `zope.interface` knows it.

`zope.interface.verify.verifyObject(IConnection, connection)` tells what is missing, or takes other
arguments, in an implementation of one's own; it asks an open connection as well as a closed one or
one to the past. What the methods do is told here in short; the clauses of the specification say it
in full and check it. `Connection` and `DB` add to each what theirs does beyond that.

The interfaces of the edition of 2006 are those of their base classes here, with versions.
"""

from typing import Any

from persistent.interfaces import IPersistentDataManager
from transaction.interfaces import ISavepointDataManager, ISynchronizer
from zope.interface import Attribute, Interface


class IConnection(IPersistentDataManager, ISavepointDataManager, ISynchronizer):
    """A connection: one consistent state of one database, for one thread at a time.

    A program gets it from the database's `open`, never by a call of the class. As the jar of its
    objects it loads their states and learns of their changes; as a participant of transactions it
    commits these or forgets them; as a synchronizer it moves to the newest state between two
    transactions. What the three interfaces that it extends ask for is owed as well.

    Closed, it loads and changes nothing until it is opened again: such calls raise
    `ConnectionStateError`. Objects in its cache stay, for whoever uses it next.
    """

    opened = Attribute("When it was opened, in seconds since the epoch; None while it is closed.")
    before = Attribute(
        "The tid before which it shows everything, for good; None where it shows the present."
    )
    connections = Attribute(
        "The connections of its group, itself included, by the names of their databases; one"
        " mapping for all of them."
    )

    # For programs

    def root() -> Any:
        """Return the object with the oid zero, a `PersistentMapping`.

        As an attribute, `root.name` is short for `root()["name"]`, with an `AttributeError` where
        there is no such item.
        """

    def get(oid: bytes) -> Any:
        """Return the object with this oid, always the same one; a ghost where it was not loaded.

        Raises a `KeyError` where there is no such object in the state that is shown, and
        `ReadConflictError` where it was created later.
        """

    def add(obj: Any) -> None:
        """Give an unsaved persistent object an oid at once; it is stored at commit, reachable or
        not.

        An own object is left alone. Raises `TypeError` for what is not persistent,
        `InvalidObjectReference` for an object of another connection, `ReadOnlyError` where nothing
        new can be stored.
        """

    def close() -> None:
        """Call the callbacks, then give the connection back to its database, with its group.

        The debug information is cleared and the cache reduced; no object is freed. Raises
        `ConnectionStateError` while one of the group has changes, and closes none then. Nothing
        happens if it is closed.
        """

    def db() -> Any:
        """Return the database, also while closed."""

    def sync() -> None:
        """Abort the current transaction, and show the newest state that can be had."""

    def isReadOnly() -> bool:
        """Tell whether nothing can be stored: by the storage, or since it shows the past."""

    def cacheGC() -> None:
        """Make ghosts of the objects used least recently, down to the size of the cache, in the
        whole group; of changed ones never.
        """

    def cacheMinimize() -> None:
        """Make ghosts of all objects without changes, in the whole group; some may refuse."""

    def cacheFullSweep() -> None:
        """Go through the whole cache, whatever its size, and make ghosts where that is possible."""

    def onCloseCallback(callback: Any) -> None:
        """Have `callback()` called by the next close(), once for each time that this was called.

        It is called while the connection is open. Where it fails, this is logged; the other
        callbacks are called, and the connection is closed.
        """

    def get_connection(database_name: str) -> Any:
        """Return the group's connection to another database of the collection, always the same.

        One that is opened for this has the same manager, and shows the same moment of the past.
        Raises `KeyError` where there is no database of this name.
        """

    def exportFile(oid: bytes, f: Any = None) -> Any:
        """Write an object and all that is reachable from it to a file, and return the file."""

    def importFile(f: Any, clue: str = "") -> Any:
        """Make new objects of what was exported, and return the first; a savepoint comes before."""

    # For those who look closer

    def getDebugInfo() -> tuple[Any, ...]:
        """Return all items that were given to setDebugInfo since it was opened."""

    def setDebugInfo(*items: Any) -> None:
        """Add items to the debug information."""

    def getTransferCounts(clear: bool = False) -> tuple[int, int]:
        """Return how many objects were loaded, and stored; with `clear`, count from 0 again."""

    def invalidateCache() -> None:
        """Take it that any object may have changed, from any thread, open or closed.

        All are loaded again after the next boundary; until then loading raises `ReadConflictError`,
        and committing changes `ConflictError`.
        """

    def exchange(old: Any, new: Any) -> None:
        """Put an unsaved object in the place of `old`: it has its oid and jar from now on, counts
        as changed, and is what `get` returns. An abort undoes that.
        """

    def prefetch(*wanted: Any) -> None:
        """Hint that objects, given as such or by oids or in iterables, are about to be loaded.

        No result may depend on it; where the storage cannot make use of it, nothing happens.
        """

    def readCurrent(obj: Any) -> None:
        """Have the commit fail if `obj` was, or is until then, changed by somebody else."""

    def new_oid() -> bytes:
        """Return an oid that was never used; `ReadOnlyError` where nothing new can be stored."""


class IDatabaseInAnyEdition(Interface):
    """A database: a storage, and the connections to it. What all editions have in common.

    It is used from any thread. Once closed it opens nothing.
    """

    storage = Attribute("The storage below.")
    databases = Attribute("The collection: all databases that know each other, by their names.")
    database_name = Attribute("Its name in the collection, any text; 'unnamed' by default.")

    def close() -> None:
        """Close the database, then its storage; later calls do nothing.

        Connections of others are not disturbed, unless they are in a group with one of its own.
        """

    # The storage's

    def lastTransaction() -> bytes:
        """Return the tid of the last transaction."""

    def getName() -> str:
        """Return the name of the storage, for people."""

    def getSize() -> int:
        """Return about how many bytes the storage takes."""

    def objectCount() -> int:
        """Return about how many objects there are."""

    def pack(t: float | None = None, days: float = 0) -> None:
        """Remove what was not current `days` days before `t` (seconds since the epoch, or now)."""

    def supportsUndo() -> bool:
        """Tell whether transactions can be undone."""

    def undoLog(first: int = 0, last: int = -20, filter: Any = None) -> Any:
        """Return what may be undone, newest first: dictionaries with `id`, `time`, `user_name` and
        `description`. Where nothing can be undone the answer is empty.
        """

    def undoInfo(first: int = 0, last: int = -20, specification: Any = None) -> Any:
        """Return those of `undoLog` that have all items of `specification`."""

    def undo(id: bytes, txn: Any = None) -> None:
        """Undo the transaction that the log lists as `id`, when `txn`, or else the thread's current
        one, is committed.

        All connections see it after their next boundary. Raises `NotImplementedError` where nothing
        can be undone; the commit raises `UndoError` where something is in the way.
        """

    def undoMultiple(ids: Any, txn: Any = None) -> None:
        """Undo several transactions in one, given from the newest to the oldest."""

    # Sizes of the pool and of caches

    def getPoolSize() -> int:
        """Return how many connections are expected, and how many closed ones kept, at most."""

    def setPoolSize(size: int) -> None:
        """Change that; those closed first are discarded where there are too many."""

    def getCacheSize() -> int:
        """Return to how many objects the cache of a connection is reduced."""

    def setCacheSize(size: int) -> None:
        """Change that, for all connections."""

    def getCacheSizeBytes() -> int:
        """Return to how many bytes the cache of a connection is reduced; 0 for no limit."""

    def setCacheSizeBytes(size: int) -> None:
        """Change that, for all connections."""

    # All connections

    def cacheMinimize() -> None:
        """Make ghosts of all objects without changes, in every connection."""

    def cacheFullSweep() -> None:
        """Do what `IConnection.cacheFullSweep` does, in every connection."""

    def invalidateCache() -> None:
        """Do what `IConnection.invalidateCache` does, to every connection."""

    def connectionDebugInfo() -> list[dict[str, Any]]:
        """Return a dictionary for each connection: `opened`, `info`, and what it shows."""

    def cacheDetail() -> list[tuple[str, int]]:
        """Return how many objects of each class there are in the caches."""

    def cacheExtremeDetail() -> list[dict[str, Any]]:
        """Return a dictionary for each object: `conn_no`, `oid`, `id`, `klass`, `rc`, `state`."""

    def cacheSize() -> int:
        """Return how many objects that are no ghosts there are in the caches."""

    def cacheDetailSize() -> list[dict[str, Any]]:
        """Return `connection`, `size`, and `ngsize` without ghosts, for each connection."""

    def cacheLastGCTime() -> float:
        """Return when a cache was last reduced, in seconds since the epoch; 0 for never."""

    def getActivityMonitor() -> Any:
        """Return what is told of each connection that is closed; None by default."""

    def setActivityMonitor(monitor: Any) -> None:
        """Have `monitor.closedConnection(connection)` called when a connection is being closed."""

    # For connections

    def classFactory(connection: Any, module: str, name: str) -> Any:
        """Return the class, or whatever else a record names, for a connection."""


class IDatabase(IDatabaseInAnyEdition):
    """A database of today: with connections to the past, and without versions."""

    def open(transaction_manager: Any = None, at: Any = None, before: Any = None) -> IConnection:
        """Return an open connection, bound to the manager given or to that of the thread.

        `at` and `before`, of which only one can be given, are tids or moments (UTC where they have
        no time zone): the connection shows the state just after the one or just before the other,
        for good, and stores nothing. Raises `ValueError` for a point after the last transaction.
        """

    def transaction(note: str | None = None) -> Any:
        """Return a context manager that gives a connection, with a manager of its own.

        It commits where the block ends, aborts where it raises, and closes the connection then. The
        transaction is described by `note`.
        """

    def open_then_close_db_when_connection_closes() -> IConnection:
        """Return an open connection, and close the database as soon as that is closed."""

    def history(oid: bytes, size: int = 1) -> list[dict[str, Any]]:
        """Return dictionaries of the last revisions of an object, newest first: `time`, `tid`,
        `user_name`, `description` and `size`, and what else was noted with the transaction.
        """

    def getHistoricalPoolSize() -> int:
        """Return how many connections to one moment of the past are expected, and kept, at most."""

    def setHistoricalPoolSize(size: int) -> None:
        """Change that."""

    def getHistoricalTimeout() -> float:
        """Return for how many seconds a closed connection to the past is kept."""

    def setHistoricalTimeout(timeout: float) -> None:
        """Change that."""

    def getHistoricalCacheSize() -> int:
        """Return to how many objects the cache of a connection to the past is reduced."""

    def setHistoricalCacheSize(size: int) -> None:
        """Change that, for all of them."""

    def getHistoricalCacheSizeBytes() -> int:
        """Return to how many bytes the cache of a connection to the past is reduced; 0 for all."""

    def setHistoricalCacheSizeBytes(size: int) -> None:
        """Change that, for all of them."""


class IBlob(Interface):
    """A persistent object whose content is a file, for what is too large to be loaded as a whole.

    It is opened either by any number of readers or by one writer. What was written belongs to the
    transaction, like a change of any other object.
    """

    def open(mode: str = "r") -> Any:
        """Return the content as a file in binary mode, to read (r) or change it (w, r+, a).

        With c it is an ordinary file to read what was committed, which outlives the transaction and
        the connection; `BlobError` where there is something else by now.
        """

    def committed() -> str:
        """Return the path of a file with what was committed; `BlobError` as for `open("c")`."""

    def consumeFile(filename: str) -> None:
        """Take over a file, which must not be open, as the new content."""


class IMultiCommitStorage(Interface):
    """A storage that tells the tid of a transaction when it is finished, and not before."""

    def store(
        oid: bytes, serial: bytes | None, data: bytes, version: str, transaction: Any
    ) -> None:
        """Add a record to the transaction; nothing is known of its tid."""

    def tpc_vote(transaction: Any) -> Any:
        """Return the oids of the objects whose conflicts were resolved, or None."""

    def tpc_finish(transaction: Any, callback: Any = None) -> bytes:
        """Make the transaction permanent and visible, and return its tid."""


class IBlobStorage(Interface):
    """A storage that keeps files with the contents of blobs, beside their records."""

    def storeBlob(
        oid: bytes,
        oldserial: bytes | None,
        data: bytes,
        blobfilename: str,
        version: str,
        transaction: Any,
    ) -> None:
        """Store a record as `store` does, and take over the file with its content."""

    def loadBlob(oid: bytes, serial: bytes) -> str:
        """Return the path of the content in a revision; `POSKeyError` where there is none."""

    def openCommittedBlobFile(oid: bytes, serial: bytes, blob: Any = None) -> Any:
        """Return the content in a revision as a file: a `BlobFile` of `blob`, if that is given."""

    def temporaryDirectory() -> str:
        """Return the path of a folder for contents that are not stored yet."""


class IBlobStorageRestoreable(IBlobStorage):
    """A storage of blobs into which transactions of another one can be copied."""

    def restoreBlob(
        oid: bytes,
        serial: bytes,
        data: bytes,
        blobfilename: str,
        prev_txn: bytes | None,
        transaction: Any,
    ) -> None:
        """Store a revision of another storage as `restore` does, and take over its content."""


class IMVCCStorage(Interface):
    """A storage that keeps the snapshots of its users itself: each has an instance."""

    def new_instance() -> Any:
        """Return another instance, which shows the newest state."""

    def release() -> None:
        """Give the instance up."""

    def poll_invalidations() -> Any:
        """Show the newest state, and return the oids of what has changed since the last time; None
        where that is not known.
        """

    def sync(force: bool = True) -> None:
        """See to it that the next look shows all that is there by now."""
