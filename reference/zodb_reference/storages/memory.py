"""A storage that keeps its history in memory, as long as it lives."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import chain, count
from operator import attrgetter
from types import ModuleType

from zodb_reference import errors as default_errors
from zodb_reference.oids import z64
from zodb_reference.storages.blobfolder import TemporaryBlobFolder
from zodb_reference.storages.blobs import BlobStorage
from zodb_reference.storages.deletion import DeletableStorage
from zodb_reference.storages.history import Notes, Record, Revision, Transaction
from zodb_reference.storages.packing import PackableStorage
from zodb_reference.storages.restoring import RestorableStorage
from zodb_reference.storages.undoing import UndoableStorage
from zodb_reference.storages.versioning import VersionedStorage

_tid = attrgetter("tid")
_numbers = count(1)


class MemoryHistory:
    """All transactions in a list, and the records of each object in two lists, by tid."""

    def __init__(self) -> None:
        self._transactions: list[Transaction] = []
        self._revisions: dict[bytes, list[Record]] = {}
        self._overlays: dict[bytes, list[Record]] = {}  # the records of versions
        self._oids: list[bytes] = []
        self._last_tid = z64
        self._last_oid = z64
        self._packed = z64

    def last_tid(self) -> bytes:
        """See `History`."""
        return self._last_tid

    def last_oid(self) -> bytes:
        """See `History`."""
        return self._last_oid

    def packed(self) -> bytes:
        """See `History`."""
        return self._packed

    def newest(self, oid: bytes) -> Revision | None:
        """See `History`."""
        record = self.find(oid)
        return revision_of(record) if record else None

    def find(
        self, oid: bytes, before: bytes | None = None, *, trunk: bool = False
    ) -> Record | None:
        """See `History`."""
        found = newest_of(self._revisions.get(oid, ()), before)
        overlay = None if trunk else newest_of(self._overlays.get(oid, ()), before)
        if overlay is None or (found is not None and found.tid > overlay.tid):
            return found
        return overlay

    def next_tid(self, oid: bytes, tid: bytes) -> bytes | None:
        """See `History`."""
        revisions = self._revisions.get(oid, [])
        later = bisect_right(revisions, tid, key=_tid)
        return revisions[later].tid if later < len(revisions) else None

    def revisions(self, oid: bytes) -> tuple[Revision, ...]:
        """See `History`."""
        records = (*self._revisions.get(oid, ()), *self._overlays.get(oid, ()))
        return tuple(revision_of(record) for record in sorted(records, key=_tid))

    def blobs(self, oid: bytes) -> set[str]:
        """See `History`."""
        return {record.blob for record in self._revisions.get(oid, ()) if record.blob}

    def all_blobs(self) -> set[str]:
        """See `History`."""
        records = chain.from_iterable(self._revisions.values())
        return {record.blob for record in records if record.blob}

    def next_oid(self, at_least: bytes) -> bytes | None:
        """See `History`."""
        place = bisect_left(self._oids, at_least)
        return self._oids[place] if place < len(self._oids) else None

    def held(self) -> dict[bytes, str]:
        """See `History`."""
        newest = ((oid, self.find(oid)) for oid in self._overlays)
        return {oid: record.version for oid, record in newest if record and record.version}

    def notes(self, at_least: bytes, at_most: bytes, *, newest: bool = False) -> Notes | None:
        """See `History`."""
        if newest:
            place = bisect_right(self._transactions, at_most, key=_tid) - 1
        else:
            place = bisect_left(self._transactions, at_least, key=_tid)
        if not 0 <= place < len(self._transactions):
            return None
        found = self._transactions[place]
        if not at_least <= found.tid <= at_most:
            return None
        return replace(found, status="p") if found.tid <= self._packed else found

    def records(self, tid: bytes) -> tuple[Record, ...]:
        """See `History`."""
        return self._transactions[bisect_left(self._transactions, tid, key=_tid)].records

    def count(self) -> int:
        """See `History`."""
        return len(self._oids)

    def size(self) -> int:
        """See `History`."""
        lists = chain(self._revisions.values(), self._overlays.values())
        return sum(len(record.data or b"") for record in chain(*lists))

    def prepare(self, transaction: Transaction) -> None:
        """See `History`; whatever memory holds already, it can keep."""

    def publish(self, transaction: Transaction) -> None:
        """See `History`; the transaction comes last, so that it is complete once it is there."""
        for record in transaction.records:
            lists = self._overlays if record.version else self._revisions
            records = lists.setdefault(record.oid, [])
            if not records or records[-1].tid != record.tid:
                records.append(record)
            if self.next_oid(record.oid) != record.oid:
                insort(self._oids, record.oid)
            self._last_oid = max(self._last_oid, record.oid)
        if not self._transactions or self._transactions[-1].tid != transaction.tid:
            self._transactions.append(transaction)
        self._last_tid = transaction.tid

    def forget(self, upto: bytes, doomed: Mapping[bytes, Collection[Revision]]) -> None:
        """See `History`; all is made anew beside the old, and then put in its place at once."""
        gone = {(oid, *revision) for oid, revisions in doomed.items() for revision in revisions}

        def rest(records: Sequence[Record]) -> list[Record]:
            return [one for one in records if (one.oid, *revision_of(one)) not in gone]

        trunk, overlays = (
            {oid: kept for oid, records in lists.items() if (kept := rest(records))}
            for lists in (self._revisions, self._overlays)
        )
        transactions = [
            one if one.tid > upto else replace(one, records=tuple(rest(one.records)))
            for one in self._transactions
        ]
        transactions = [one for one in transactions if one.tid > upto or one.records]
        oids = sorted({*trunk, *overlays})
        self._revisions, self._overlays, self._oids = trunk, overlays, oids
        self._transactions, self._packed = transactions, upto

    def close(self) -> None:
        """See `History`."""


def newest_of(records: Sequence[Record], before: bytes | None) -> Record | None:
    """Return the last of `records`, which are sorted, or the last with a tid less than `before`."""
    end = len(records) if before is None else bisect_left(records, before, key=_tid)
    return records[end - 1] if end else None


def revision_of(record: Record) -> Revision:
    """Return what is known of `record` without its data."""
    return Revision(record.tid, record.version, record.data is not None)


class MemoryStorage(
    BlobStorage,
    UndoableStorage,
    VersionedStorage,
    PackableStorage,
    DeletableStorage,
    RestorableStorage,
):
    """A storage in memory: every revision is kept until it is packed, nothing outlives the object.

    The contents of blobs are in a folder of temporary files, which goes with it.

    `name` is what `getName` tells. With `versions` it has versions, as storages had in 2006.
    Without `resolves` every conflict stays one, whatever the classes of the objects could do.
    `errors` is the module whose exceptions are raised: `ZODB.POSException` where the storage stands
    under ZODB's DB.
    """

    def __init__(
        self,
        name: str = "memory",
        *,
        versions: bool = False,
        resolves: bool = True,
        errors: ModuleType = default_errors,
    ) -> None:
        # A name alone would not order two databases that take part in one transaction (STOR-30).
        sort_key = f"{name}-{next(_numbers):08}"
        super().__init__(
            MemoryHistory(),
            name,
            sort_key,
            versions=versions,
            resolves=resolves,
            errors=errors,
            blobs=TemporaryBlobFolder(),
        )
