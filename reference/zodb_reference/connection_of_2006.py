"""The connections of the edition of 2006: in a version, without mvcc, without synch."""

import contextlib
from typing import Any

import transaction
from transaction.interfaces import TransactionError
from zope.interface import implementer

from zodb_reference.connection_of_2005 import ConnectionOf2005
from zodb_reference.current_reads import OlderSharedSnapshot, OlderSnapshot
from zodb_reference.errors import ConnectionStateError, POSKeyError, ReadConflictError
from zodb_reference.older_interfaces import IConnectionOf2006


@implementer(IConnectionOf2006)
class ConnectionOf2006(ConnectionOf2005):
    """A connection in a version, or in the trunk, that may read current revisions only.

    In a version it always does. Then what has changed since the transaction began cannot be read;
    and once the program has tried to, the transaction cannot be committed (ISO-15, ISO-16, VER-22).

    Without synch the manager does not tell it of boundaries: only a transaction that it has joined
    does, at its end (ISO-18).
    """

    _snapshot: OlderSnapshot | OlderSharedSnapshot
    _has_synch = True
    _is_given_up = False
    _attended: Any = None  # the transaction that tells of its end, without synch
    _has_joined = False  # whether it has joined that one
    _failed: Any = None  # the transaction in which something could not be read
    _unread = b""  # what that was

    # For programs

    def getVersion(self) -> str:
        """Return the name of the version that it is in, "" for the trunk (VER-2).

        That is the same for life. Raises `ConnectionStateError` where the connection was given up,
        and is not opened again.
        """
        if self._is_given_up:
            raise ConnectionStateError(
                f"{self!r} was given up when it was closed, and is in no version any more; open a"
                " new connection"
            )
        return self.view.version

    def modifiedInVersion(self, oid: bytes) -> str:
        """Return the name of the version that holds an object, "" where none does (VER-11).

        For an oid that the database does not know, as that of a new object, it is the connection's
        own version. Raises what `getVersion` does in that case.
        """
        try:
            version: str = self._db.modifiedInVersion(oid)
        except POSKeyError:
            return self.getVersion()
        return version

    def sync(self) -> None:
        """Abort the current transaction, and show the newest state; also without synch (ISO-18)."""
        super().sync()
        if not self._has_synch:
            self.newTransaction(None)

    def readCurrent(self, obj: Any) -> None:
        """Make the commit fail if another transaction changes `obj` first (CONN-32).

        Raises `InvalidObjectReference` for an object that is not of this connection.
        """
        if not self._has_synch:
            self._attend(self.transaction_manager.get())
        super().readCurrent(obj)

    # For the database

    def open(
        self, transaction_manager: Any = None, *, mvcc: bool = True, synch: bool = True
    ) -> None:
        """Begin to be used, with `transaction_manager` or else with that of the calling thread.

        Without synch, and without a manager, it is that of whichever thread has changed something.
        """
        self.options = {"mvcc": mvcc, "synch": synch}
        self._snapshot.reads_current = bool(self.view.version) or not mvcc
        self._has_synch = synch
        if transaction_manager is None and not synch:
            transaction_manager = transaction.manager
        super().open(transaction_manager)

    def leave(self) -> None:
        """Stop to be used, until it is opened again."""
        self._attended = self._failed = None
        super().leave()

    def release(self) -> None:
        """Give up what the storage keeps for this connection, which is not opened again."""
        self._is_given_up = True
        super().release()

    # A participant

    def tpc_begin(self, transaction: Any) -> None:
        """Begin to commit, unless something could not be read in the transaction (ISO-16)."""
        self._require_all_read(transaction)
        super().tpc_begin(transaction)

    def tpc_vote(self, transaction: Any) -> None:
        """Make sure that the commit can be finished."""
        super().tpc_vote(transaction)
        self._require_all_read(transaction)  # an object may have tried since, in its __getstate__

    # A synchronizer

    def beforeCompletion(self, transaction: Any) -> None:
        """Take part in a commit that must fail, also where a rollback has let it leave."""
        if self._failed is transaction:
            with contextlib.suppress(TransactionError):  # it has failed already, and is aborted
                self._join()
        super().beforeCompletion(transaction)

    # What these consist of

    def _follow(self, transaction_manager: Any) -> None:
        if self._has_synch:
            super()._follow(transaction_manager)
        elif self._explicit:
            self._pass_boundary()  # it is not told where a transaction begins

    def _unfollow(self, transaction_manager: Any) -> None:
        if self._has_synch:
            super()._unfollow(transaction_manager)

    def _pass_boundary(self) -> None:
        self._failed = None
        super()._pass_boundary()

    def _join(self) -> None:
        if self._has_synch or self._joined is not None:
            super()._join()
            return
        # In this order: wherever this is interrupted, it is told of the end if it has joined.
        self._attend(self.transaction_manager.get())
        had_joined, self._has_joined = self._has_joined, True
        try:
            super()._join()
        except Exception:
            self._has_joined = had_joined
            raise

    def _attend(self, current: Any) -> None:
        """Have a transaction itself tell of its commit and end, as the manager does not."""
        if self._attended is current:
            return
        self._read_current.clear()
        current.addBeforeCommitHook(self.beforeCompletion, (current,))
        current.addAfterCommitHook(lambda _: self._after_end_of(current))
        current.addAfterAbortHook(self._after_end_of, (current,))
        self._attended, self._has_joined = current, False

    def _after_end_of(self, current: Any) -> None:
        # It may have been closed since, where a rollback has let it leave the transaction.
        if self._attended is current and self._has_joined:
            self.afterCompletion(current)

    def _load_class(self, oid: bytes) -> bytes:
        # The object can tell by its class that it may be read, whatever has become of its state.
        is_saved = self._scratch is not None and self._scratch.load(oid)
        if not self._snapshot.reads_current or is_saved or self._announced.is_everything():
            return super()._load_class(oid)
        return self._snapshot.load_current(oid)[0]

    def _load_committed(self, oid: bytes) -> tuple[bytes, bytes]:
        if not self._snapshot.reads_current:
            return super()._load_committed(oid)
        try:
            if self._announced.before(oid) is not None:
                raise ReadConflictError("the object was announced to have changed", oid=oid)
            return super()._load_committed(oid)
        except ReadConflictError:
            if self._is_independent(oid):
                return self._snapshot.load_current(oid)
            self._fail(oid)
            raise

    def _is_independent(self, oid: bytes) -> bool:
        """Tell whether an object says that its current revision may be read (ISO-17)."""
        obj = self.objects.find(oid)
        if isinstance(obj, type):  # what it has is for its instances
            return False
        independent = getattr(obj, "_p_independent", None)
        return independent is not None and bool(independent())

    def _fail(self, oid: bytes) -> None:
        """Keep the transaction under way from being committed."""
        with contextlib.suppress(TransactionError):  # there is none, or it has failed already
            self._join()
            self._failed, self._unread = self._joined, oid

    def _require_all_read(self, transaction: Any) -> None:
        if self._failed is transaction:
            raise ReadConflictError(
                "the transaction has tried to read an object that has changed since it began, and"
                " may have gone on without it; abort, and begin again",
                oid=self._unread,
            )
