"""The part that a connection plays in transactions: it takes part in them, and follows them.

A transaction knows it by two interfaces: as a participant, which is led through the phases of a
commit or told to abort, and as a synchronizer, which is told of the boundaries between
transactions.
"""

import logging
from typing import Any

from transaction.interfaces import IDataManager, ISynchronizer
from zope.interface import implementer

from zodb_reference.committing import Commit
from zodb_reference.errors import ConnectionStateError, StorageTransactionError
from zodb_reference.identity import IdentityMap
from zodb_reference.snapshot import Snapshot

logger = logging.getLogger(__name__)


@implementer(IDataManager, ISynchronizer)
class Participant:
    """The base of `Connection`: what it has changed, and how that is committed or aborted."""

    commit_class = Commit

    def __init__(self, db: Any, snapshot: Snapshot, objects: IdentityMap) -> None:
        self.transaction_manager: Any = None
        self.objects = objects
        self._db = db
        self._snapshot = snapshot
        self._joined: Any = None  # the transaction with changes of this connection
        self._registered: list[Any] = []  # what it has changed or added, in this order
        self._refused: set[bytes] = set()  # what may have changed in memory all the same
        self._read_current: dict[bytes, bytes] = {}  # the serials that readCurrent has seen
        self._commit: Commit | None = None
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
        try:
            self._abort_commit(transaction)
        finally:
            if transaction is self._joined:
                self._discard_changes()

    def tpc_begin(self, transaction: Any) -> None:
        """Begin to commit."""
        self._commit = self.commit_class(
            self, transaction, self._snapshot, self.objects, self._registered
        )
        # In this order: whoever closes the database sees the commit, or is seen here.
        self._db.require_open()
        self._commit.begin()

    def commit(self, transaction: Any) -> None:
        """Store the changes, and check what was marked by readCurrent."""
        commit = self._require_commit(transaction)
        commit.store_changes()
        commit.check_current(self._read_current)

    def tpc_vote(self, transaction: Any) -> None:
        """Make sure that the commit can be finished."""
        self._require_commit(transaction).vote()

    def tpc_finish(self, transaction: Any) -> None:
        """Make the commit durable and visible."""
        commit = self._require_commit(transaction)
        commit.finish()
        self._stored += len(commit.written)
        self._joined = self._commit = None
        self._registered = []

    def tpc_abort(self, transaction: Any) -> None:
        """Give up the commit and forget all changes; in any phase, also without one (TXN-4)."""
        self.abort(transaction)

    # A synchronizer

    def beforeCompletion(self, transaction: Any) -> None:
        """Do nothing: the connection takes part in the commit by itself."""

    def newTransaction(self, transaction: Any) -> None:
        """Move to the newest state, with what the storage may learn from elsewhere (ISO-20)."""
        self._finish_aborts_before(transaction)
        self._snapshot.sync()
        self._pass_boundary()

    def afterCompletion(self, transaction: Any) -> None:
        """Move to the newest state, which programs see that go on without beginning."""
        self.abort(transaction)  # nothing is left to do unless an interrupt has cut it short
        self._snapshot.complete()
        self._pass_boundary()
        self.objects.cache.incrgc()

    # What these consist of

    def _pass_boundary(self) -> None:
        """Move the snapshot, and discard what others have changed meanwhile (ISO-2 to 5).

        What they have changed is told once. So everything is discarded where the last time was
        interrupted.
        """
        self._read_current.clear()
        interrupted, self._catching_up = self._catching_up, True
        changes = self._snapshot.advance()
        try:
            self.objects.catch_up(None if interrupted else changes)
        except Exception:  # of a persistent class, which comes last
            self._catching_up = False
            raise
        self._catching_up = False
        self.objects.invalidate(self._refused)
        self._refused.clear()

    def _join(self) -> None:
        """Join the manager's transaction at the first change (CONN-37, CONN-38)."""
        if self._joined is None:
            current = self.transaction_manager.get()
            current.join(self)
            self._joined = current

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

    def _discard_changes(self) -> None:
        """Disown the new objects, and make ghosts of the changed ones (LIFE-11, ISO-11).

        Where it is interrupted, what is still to be done is told by what it has not yet removed.
        """
        self.objects.disown_new()
        while self._registered:
            obj = self._registered[-1]
            try:
                if obj._p_jar is self:
                    obj._p_invalidate()
            except Exception:  # a persistent class, which loads its state
                logger.exception("%r could not be restored", obj)
            self._registered.pop()
        self._joined = None

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
