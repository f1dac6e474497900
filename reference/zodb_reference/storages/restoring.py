"""Restoring: transactions that another storage has committed are to be here as they were there."""

import logging
from contextlib import suppress
from typing import Any

from persistent.timestamp import TimeStamp

from zodb_reference.metadata import TransactionMetaData
from zodb_reference.oids import tid_repr
from zodb_reference.storages.history import Record, just_after
from zodb_reference.storages.twophase import TwoPhaseStorage, require_bytes, require_eight_bytes

logger = logging.getLogger(__name__)


class RestorableStorage(TwoPhaseStorage):
    """A storage to which the transactions of another one can be copied."""

    def restore(
        self,
        oid: bytes,
        serial: bytes,
        data: bytes | None,
        version: str,
        prev_txn: bytes | None,
        transaction: object,
    ) -> None:
        """Add a record as it was committed elsewhere, whatever there is of the object (STOR-40).

        This is a call of the first phase of the two-phase commit of `transaction`, which was begun
        with the tid that it had. The record belongs to that, so that `serial`, the tid that it had
        itself, tells nothing more. `data` is None where the object ceased to exist. `prev_txn`
        names an earlier transaction whose data this may share; it is a hint, and is forgotten
        where that has other data, or none.
        """
        with self._lock:
            commit = self._require_begun(transaction, "restore")
            self._check_version(version)
            require_eight_bytes("oid", oid)
            require_eight_bytes("serial", serial)
            if data is None:
                record = Record(oid, commit.tid, None)
            else:
                require_bytes("data", data)
                shared = prev_txn if self._has_data(oid, prev_txn, data) else None
                record = Record(oid, commit.tid, data, shared, version)
            commit.put(record)
            commit.resolved.discard(oid)
            self._last_oid = max(self._last_oid, oid)

    def _has_data(self, oid: bytes, tid: bytes | None, data: bytes) -> bool:
        """Tell whether the transaction `tid` has left the object with these data."""
        if tid is None:
            return False
        found = (self._history.find(oid, just_after(tid), trunk=trunk) for trunk in (False, True))
        return any(one is not None and one.tid == tid and one.data == data for one in found)

    def copyTransactionsFrom(self, other: Any) -> None:
        """Add all transactions of `other` behind those that are here, in their order (STOR-41).

        They keep tid, status, user, description, extension and records. Where a tid is not later
        than that of the transaction before it, which no storage should have, it becomes a little
        later than that, and a warning is logged.

        `other` has an `iterator` of transactions, as storages have. All of them have to be later
        than those that are here, else `ValueError`: they would undo changes that came after them.
        Where it fails, the transactions up to there have been copied.
        """
        shifted: dict[bytes, bytes] = {}
        before = None
        transactions = other.iterator()
        try:
            for transaction in transactions:
                tid = transaction.tid
                if before is not None and tid <= before:
                    tid = TimeStamp(tid).laterThan(TimeStamp(before)).raw()
                    shifted[transaction.tid] = tid
                    logger.warning(
                        "transaction %s of %s comes after a later one: it is copied as %s",
                        tid_repr(transaction.tid),
                        other,
                        tid_repr(tid),
                    )
                before = tid
                self._copy(other, transaction, tid, shifted)
        finally:
            with suppress(AttributeError):  # only some have files to close
                transactions.close()

    def _copy(self, other: Any, transaction: Any, tid: bytes, shifted: dict[bytes, bytes]) -> None:
        """Commit a copy of a transaction of `other`; the tids in `shifted` are others here."""
        meta = _meta_of(transaction)
        self.tpc_begin(meta, tid, transaction.status)
        try:
            for record in transaction:
                source = shifted.get(record.data_txn, record.data_txn)
                self._restore_copy(other, record, source, meta)
            self.tpc_vote(meta)
            self.tpc_finish(meta)
        finally:
            self.tpc_abort(meta)

    def _restore_copy(
        self, other: Any, record: Any, source: bytes | None, meta: TransactionMetaData
    ) -> None:
        """Add a copy of a record of another storage."""
        # Of versions only some storages know.
        version = getattr(record, "version", "")
        self.restore(record.oid, record.tid, record.data, version, source, meta)


def _meta_of(transaction: Any) -> TransactionMetaData:
    """Return the meta data for a copy; storages that never pickle an extension tell it as it is."""
    try:
        meta = TransactionMetaData()
        meta.extension_bytes = transaction.extension_bytes
    except AttributeError:
        meta = TransactionMetaData(extension=transaction.extension)
    meta.user, meta.description = transaction.user, transaction.description
    return meta
