"""The view of a connection to the past, over storages of every kind."""

from collections.abc import Collection, Mapping
from typing import Any

from zodb_reference.errors import POSKeyError, ReadOnlyError, ReadOnlyHistoryError, own_errors
from zodb_reference.metadata import TransactionMetaData
from zodb_reference.oids import p64, tid_repr, u64, z64
from zodb_reference.snapshot import Snapshot, last_transaction


class HistoricalSnapshot(Snapshot):
    """A view of a storage as it was before the tid `before`, which never moves (CONN-43).

    `storage` is one that several connections share, or an instance with a snapshot of its own,
    which is not asked for. Nothing can be stored through it.
    """

    def __init__(self, storage: Any, before: bytes) -> None:
        super().__init__(storage)
        self._before = before

    def advance(self) -> Mapping[bytes, bytes]:
        """Stay, so that nothing has changed."""
        return {}

    def load(self, oid: bytes) -> tuple[bytes, bytes]:
        """Return record and serial of the last revision before the point.

        Raises `POSKeyError` where there was no such object, or it was packed away. A note of the
        error says so where the storage was packed since then.
        """
        with own_errors:
            found = self._storage.loadBefore(oid, self._before)
        if found is None:
            error = POSKeyError(oid)
            if self._is_packed():
                error.add_note(
                    "the storage was packed to a later time than this connection shows, the state"
                    f" before {tid_repr(self._before)}: what was there then may be gone"
                )
            raise error
        record, serial, _ = found
        return record, serial

    def prefetch(self, oids: Collection[bytes]) -> None:
        """Do nothing: a storage with snapshots of its own would prepare for the present."""

    def sync(self) -> None:
        """Do nothing: there is nothing to catch up with."""

    def release(self) -> None:
        """Give up the instance, where the snapshot has one."""
        release = getattr(self._storage, "release", None)
        if release is not None:
            release()

    def new_oid(self) -> bytes:
        """Refuse: no object can be added to the past (CONN-39)."""
        raise ReadOnlyError(self._refusal())

    def is_read_only(self) -> bool:
        """Tell that it takes no changes (CONN-9)."""
        return True

    def require_changeable(self) -> None:
        """Refuse to change the past (CONN-42)."""
        raise ReadOnlyHistoryError(self._refusal())

    def begin(self, meta: TransactionMetaData) -> None:
        """Do nothing: where all changes were reset meanwhile there is nothing to refuse."""

    def date(self, meta: TransactionMetaData, at_least: bytes = z64) -> None:
        """Do nothing: what stores nothing has no tid."""

    def store(self, oid: bytes, serial: bytes, record: bytes, meta: TransactionMetaData) -> None:
        """Refuse what was changed while the commit was under way."""
        self.require_changeable()

    def check_current(self, oid: bytes, serial: bytes, meta: TransactionMetaData) -> None:
        """Refuse to say that the past is the present."""
        self.require_changeable()

    def vote(self, meta: TransactionMetaData) -> Collection[bytes]:
        """Agree to store nothing."""
        return ()

    def finish(self, meta: TransactionMetaData, written: Collection[bytes]) -> bytes:
        """Finish a transaction that has stored nothing, and gets no tid."""
        return z64

    def abort(self, meta: TransactionMetaData) -> None:
        """Do nothing: the storage knows nothing of the transaction."""

    def _is_packed(self) -> bool:
        """Tell whether the storage was packed to a later time, as far as its iterator tells it."""
        iterator = getattr(self._storage, "iterator", None)
        if iterator is None:
            return False
        with own_errors:
            transactions = iterator(self._before)
            try:
                first = next(iter(transactions), None)
            finally:
                getattr(transactions, "close", lambda: None)()  # it may hold a file
        return first is not None and first.status == "p"

    def _refusal(self) -> str:
        return (
            f"this connection shows the state before {tid_repr(self._before)}, which cannot be"
            " changed; abort, and change objects through a connection that was opened without"
            " `at` and `before`"
        )


def settled(storage: Any, before: bytes) -> bytes:
    """Return `before`, or an earlier tid up to which nothing more can be committed.

    A point that is later than the last transaction, as it may be in another database than the one
    that was opened, must not let through what is committed from now on.
    """
    return min(before, p64(u64(last_transaction(storage)) + 1))
