"""What an implementer owes beyond `zodb_reference.interfaces` in the editions before today."""

from typing import Any

from zope.interface import Attribute

from zodb_reference.interfaces import IConnection, IDatabaseInAnyEdition


class IConnectionOf2005(IConnection):
    """A connection to which the database announces what others have changed."""

    def invalidate(tid: bytes, oids: Any) -> None:
        """Take it that the transaction `tid` has changed these objects; from any thread, open or
        closed.

        `oids` is a mapping, whose keys count, or a set. The objects are loaded again after the next
        boundary; until then the revisions from before `tid` are read.
        """


class IConnectionOf2006(IConnectionOf2005):
    """A connection that is in a version, or in the trunk, as long as it lives."""

    def getVersion() -> str:
        """Return the name of the version, "" for the trunk.

        Raises `ConnectionStateError` where the connection is not to be opened any more.
        """

    def modifiedInVersion(oid: bytes) -> str:
        """Return the name of the version that holds an object, "" where none does.

        For an object that the database does not know it is the connection's own version.
        """


class IDatabaseOf2006(IDatabaseInAnyEdition):
    """A database with versions: named sets of changes that only those who ask for them see.

    Over a storage without versions there are none: `open` refuses a version, commitVersion and
    abortVersion raise `NotImplementedError`, and every version counts as empty.
    """

    edition = Attribute("The edition that it follows, '2006-08-16'.")

    def open(
        version: str = "", mvcc: bool = True, transaction_manager: Any = None, synch: bool = True
    ) -> IConnectionOf2006:
        """Return an open connection in a version, bound to the manager given or to the thread's.

        Without `mvcc` it reads nothing but current revisions, and raises `ReadConflictError` for
        what has changed since the transaction began; the commit fails then. Without `synch` it
        learns only of the ends of transactions in which it has changed something.
        """

    def commitVersion(source: str, destination: str = "", txn: Any = None) -> None:
        """Move the changes in a version to another one, or to the trunk, when `txn`, or else the
        thread's current transaction, is committed.

        Raises `VersionCommitError` for what is no version, and where both are the same.
        """

    def abortVersion(version: str, txn: Any = None) -> None:
        """Give up the changes in a version, when `txn`, or else the thread's current transaction,
        is committed; what was created in it is gone.

        Raises `VersionError` for what is no version.
        """

    def versions(max: int | None = None) -> Any:
        """Return the names of the versions that hold objects, at most `max` of them."""

    def versionEmpty(version: str) -> bool:
        """Tell whether a version holds no object; `VersionError` for what is no version."""

    def modifiedInVersion(oid: bytes) -> str:
        """Return the name of the version that holds an object, "" where none does.

        Raises a `KeyError` where there is no such object.
        """

    def supportsVersions() -> bool:
        """Tell whether the storage has versions."""

    def history(oid: bytes, version: Any = None, size: int = 1) -> list[dict[str, Any]]:
        """Return dictionaries of the last revisions of an object, newest first, as of today.

        With `version`, those in the trunk and in that version. Each tells its own as `version`.
        """

    def removeVersionPool(version: str) -> None:
        """Discard the connections in a version: closed ones now, open ones when they are closed."""

    def getVersionPoolSize() -> int:
        """Return how many connections in one version are expected, and kept, at most."""

    def setVersionPoolSize(size: int) -> None:
        """Change that."""

    def getVersionCacheSize() -> int:
        """Return to how many objects the cache of a connection in a version is reduced."""

    def setVersionCacheSize(size: int) -> None:
        """Change that, for all of them."""
