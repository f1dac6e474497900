"""The part that a connection plays in transactions: it takes part in them, and follows them.

A transaction knows it by two interfaces: as a participant, which is led through the phases of a
commit or told to abort, and as a synchronizer, which is told of the boundaries between
transactions.
"""

from typing import Any

from transaction.interfaces import ISavepointDataManager, ISynchronizer
from zope.interface import implementer

from zodb_reference.announcements import Announcements
from zodb_reference.changes import Changes
from zodb_reference.committing import Commit
from zodb_reference.databasework import pending_work
from zodb_reference.errors import (
    ConflictError,
    ConnectionStateError,
    ReadConflictError,
    StorageTransactionError,
)
from zodb_reference.identity import IdentityMap
from zodb_reference.joint import joint_of
from zodb_reference.oids import maxtid
from zodb_reference.snapshot import Snapshot


@implementer(ISavepointDataManager, ISynchronizer)
class Participant(Changes):
    """The base of `Jar`: how its changes are committed, and how it learns of those of others."""

    commit_class = Commit

    def __init__(self, db: Any, snapshot: Snapshot, objects: IdentityMap) -> None:
        super().__init__(db, objects)
        self._snapshot = snapshot
        self._read_current: dict[bytes, bytes] = {}  # the serials that readCurrent has seen
        self._commit: Commit | None = None
        self._announced = Announcements()
        self._is_opening = False  # whether the manager is just being told of this connection
        self._catching_up = False  # whether objects and snapshot may not fit together
        self._stored = 0

    # A participant

    def sortKey(self) -> str:
        """Return what orders the participants of a transaction (TXN-2)."""
        return f"{self._snapshot.sort_key()}:{id(self)}"

    def abort(self, transaction: Any) -> None:
        """Forget all changes of this transaction, and its commit if one is under way."""
        # A transaction that has failed calls this again at its end, which may come after the
        # connection was closed and opened for another one.
        if self._goes_on(transaction):
            self._finish(transaction)
            return
        if transaction is self._joined:
            self._require_undisturbed()
        try:
            self._abort_commit(transaction)
        finally:
            if transaction is self._joined:
                self._do_undisturbed(self._discard_changes)

    def tpc_begin(self, transaction: Any) -> None:
        """Begin to commit.

        Raises `ConnectionStateError` while it is committing already: an object that is asked for
        its state may commit.
        """
        self._require_undisturbed()
        if self._commit is not None:
            raise ConnectionStateError(f"{self!r} is committing already")
        self.new_objects.pass_savepoint()
        self._commit = self.commit_class(
            self, transaction, self._snapshot, self.objects, self._registered
        )
        # In this order: whoever closes the database sees the commit, or is seen here.
        self._db.require_open()
        self._commit.begin()

    def commit(self, transaction: Any) -> None:
        """Store the changes, and check what was marked by readCurrent."""
        commit = self._require_commit(transaction)
        commit.date()
        commit.store_changes()
        if self._scratch is not None:
            commit.store_saved(self._scratch)
        commit.check_current(self._read_current)

    def tpc_vote(self, transaction: Any) -> None:
        """Make sure that the commit can be finished."""
        commit = self._require_commit(transaction)
        commit.vote()
        self._require_valid_cache()

    def tpc_finish(self, transaction: Any) -> None:
        """Make the commit durable and visible."""
        self._require_commit(transaction)
        joint_of(transaction).begin_finish()
        self._finish(transaction)

    def tpc_abort(self, transaction: Any) -> None:
        """Give up the commit and forget all changes; in any phase, also without one (TXN-4)."""
        self.abort(transaction)

    # What others know of changes, and tell of them

    def is_committing(self) -> bool:
        """Tell whether a commit is under way, perhaps in another thread."""
        return self._commit is not None

    def invalidateCache(self) -> None:
        """Take it that any object may have changed, in ways that nobody can list (CONN-26).

        All are loaded again after the next boundary. Until then nothing is loaded, since it need
        not fit what was read before, and no changes are committed (CONN-27). It may be called from
        any thread, and while the connection is closed: it can be used as soon as it is opened.
        """
        self._announced.add_everything()

    # A synchronizer

    def beforeCompletion(self, transaction: Any) -> None:
        """Have checked what readCurrent has marked, where others of the group have changes.

        A connection with changes takes part in the commit by itself, and one that has marks alone
        joins for that purpose (CONN-35); unless its database takes part, to undo something.
        """
        if not self._read_current or self._joined is transaction:
            return
        work = pending_work(transaction, self._db)
        if work is not None:
            work.check(self._read_current)
        elif any(
            each._joined is transaction or pending_work(transaction, each._db)
            for each in self.connections.values()
        ):
            self._join()

    def newTransaction(self, transaction: Any) -> None:
        """Move to the newest state, with what the storage may learn from elsewhere (ISO-20).

        There is none where the database is closed, and the manager works on without it.
        """
        self._finish_aborts_before(transaction)
        if not self._db.is_open():
            return
        if not self._is_opening or self._db.rules.openings_sync_storage:
            self._snapshot.sync()
        self._pass_boundary()

    def afterCompletion(self, transaction: Any) -> None:
        """Move to the newest state, which programs see that go on without beginning."""
        self.abort(transaction)  # nothing is left to do unless an interrupt has cut it short
        if not self._db.is_open():
            return
        self._snapshot.complete()
        if not self._db.rules.openings_sync_storage:
            self._snapshot.sync()
        self._pass_boundary()
        self.objects.reduce()

    # What these consist of

    def _pass_boundary(self) -> None:
        """Move the snapshot, and discard what others have changed meanwhile (ISO-2 to 5).

        What they have changed is told once. So everything is discarded where the last time was
        interrupted.
        """
        self._read_current.clear()
        interrupted, self._catching_up = self._catching_up, True
        announced = self._announced.take()
        changes = self._snapshot.advance()
        if announced and changes is not None:
            changes = {**changes, **dict.fromkeys(announced, maxtid)}
        try:
            self.objects.catch_up(None if interrupted or announced is None else changes)
        except Exception:  # of a persistent class, which comes last
            self._catching_up = False
            raise
        self._catching_up = False
        self.objects.invalidate(self._refused)
        self._refused.clear()

    def _load_committed(self, oid: bytes) -> tuple[bytes, bytes]:
        """Return record and serial of an object as the snapshot shows it.

        Raises `ReadConflictError` where anything may have changed that was read before (CONN-27).
        """
        if self._announced.is_everything():
            raise ReadConflictError(
                "any object may have changed since the transaction began, and what is loaded now"
                " need not fit what was read before; abort, and begin again",
                oid=oid,
            )
        return self._snapshot.load(oid)

    def _require_valid_cache(self) -> None:
        """Raise `ConflictError` where anything may have changed that was read (CONN-27)."""
        if self._announced.is_everything():
            raise ConflictError(
                "any object may have changed since the transaction began, by invalidateCache();"
                " abort, and begin again"
            )

    def _goes_on(self, transaction: Any) -> bool:
        """Tell whether the commit of this transaction is finished, whoever has failed."""
        commit = self._commit
        return (
            commit is not None
            and commit.transaction is transaction
            and joint_of(transaction).must_go_on(self)
        )

    def _finish(self, transaction: Any) -> None:
        """Finish the commit; also again, where an interrupt has come in between."""
        commit, joint = self._require_commit(transaction), joint_of(transaction)
        try:
            commit.finish()
        except Exception:
            if commit.serial is None:
                joint.fail(self)
            raise
        joint.finish(self)
        self._stored += len(commit.written.keys() | commit.copied)
        if commit.serial is None:  # the storage has it, and nobody knows under which one
            self._discard_changes()
        self._end_savepoints()
        self._joined = self._commit = self._changing_thread = None
        self._registered = []

    def _abort_commit(self, transaction: Any) -> None:
        """Make the storage forget the commit of this transaction, if there is one."""
        commit = self._commit
        if commit is None or commit.transaction is not transaction:
            return
        try:
            commit.abort()
        except Exception:
            self._commit = None  # it was refused, and would be again; an interrupt leaves it
            raise
        self._commit = None

    def _finish_aborts_before(self, transaction: Any) -> None:
        """Go on with what an interrupt has kept from being aborted."""
        for earlier in (self._commit and self._commit.transaction, self._joined):
            if earlier is not None and earlier is not transaction:
                self.abort(earlier)

    def _require_before_vote(self) -> None:
        if self._commit is not None and self._commit.voted:
            raise ConnectionStateError(
                "the changes of this transaction have been voted on; objects can be changed again"
                " when it has ended"
            )

    def _require_commit(self, transaction: Any) -> Commit:
        if self._commit is None or self._commit.transaction is not transaction:
            raise StorageTransactionError(f"{self!r} has not begun to commit {transaction!r}")
        return self._commit
