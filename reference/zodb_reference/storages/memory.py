"""A storage that keeps its history in memory, as long as it lives."""

from bisect import bisect_left, bisect_right
from itertools import chain, count
from operator import attrgetter
from types import ModuleType

from zodb_reference import errors as default_errors
from zodb_reference.oids import z64
from zodb_reference.storages.history import Notes, Record, Transaction
from zodb_reference.storages.twophase import TwoPhaseStorage

_tid = attrgetter("tid")
_numbers = count(1)


class MemoryHistory:
    """All transactions in a list, and the revisions of each object in a list, by tid."""

    def __init__(self) -> None:
        self._transactions: list[Transaction] = []
        self._revisions: dict[bytes, list[Record]] = {}
        self._last_oid = z64

    def last_tid(self) -> bytes:
        """See `History`."""
        return self._transactions[-1].tid if self._transactions else z64

    def last_oid(self) -> bytes:
        """See `History`."""
        return self._last_oid

    def current_tid(self, oid: bytes) -> bytes | None:
        """See `History`."""
        newest = self.find(oid)
        return newest.tid if newest else None

    def find(self, oid: bytes, before: bytes | None = None) -> Record | None:
        """See `History`."""
        revisions = self._revisions.get(oid, [])
        end = len(revisions) if before is None else bisect_left(revisions, before, key=_tid)
        return revisions[end - 1] if end else None

    def next_tid(self, oid: bytes, tid: bytes) -> bytes | None:
        """See `History`."""
        revisions = self._revisions.get(oid, [])
        later = bisect_right(revisions, tid, key=_tid)
        return revisions[later].tid if later < len(revisions) else None

    def read(self, oid: bytes, tid: bytes) -> bytes | None:
        """See `History`."""
        revisions = self._revisions.get(oid, [])
        place = bisect_left(revisions, tid, key=_tid)
        found = place < len(revisions) and revisions[place].tid == tid
        return revisions[place].data if found else None

    def notes(self, at_least: bytes, at_most: bytes) -> Notes | None:
        """See `History`."""
        place = bisect_left(self._transactions, at_least, key=_tid)
        if place == len(self._transactions) or self._transactions[place].tid > at_most:
            return None
        return self._transactions[place]

    def records(self, tid: bytes) -> tuple[Record, ...]:
        """See `History`."""
        return self._transactions[bisect_left(self._transactions, tid, key=_tid)].records

    def count(self) -> int:
        """See `History`."""
        return len(self._revisions)

    def size(self) -> int:
        """See `History`."""
        return sum(len(record.data) for record in chain(*self._revisions.values()))

    def prepare(self, transaction: Transaction) -> None:
        """See `History`; whatever memory holds already, it can keep."""

    def publish(self, transaction: Transaction) -> None:
        """See `History`; the transaction comes last, so that it is complete once it is there."""
        for record in transaction.records:
            if self.current_tid(record.oid) != record.tid:
                self._revisions.setdefault(record.oid, []).append(record)
            self._last_oid = max(self._last_oid, record.oid)
        if self.last_tid() != transaction.tid:
            self._transactions.append(transaction)

    def close(self) -> None:
        """See `History`."""


class MemoryStorage(TwoPhaseStorage):
    """A storage in memory: every revision is kept, nothing outlives the object.

    `name` is what `getName` tells. `errors` is the module whose exceptions are raised:
    `ZODB.POSException` where the storage stands under ZODB's DB.
    """

    def __init__(self, name: str = "memory", *, errors: ModuleType = default_errors) -> None:
        # A name alone would not order two databases that take part in one transaction (STOR-30).
        super().__init__(MemoryHistory(), name, f"{name}-{next(_numbers):08}", errors=errors)
