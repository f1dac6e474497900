"""The history in the file of an `SQLiteStorage`."""

from collections.abc import Collection, Mapping
from typing import Any

from zodb_reference.oids import z64
from zodb_reference.storages.history import Notes, Record, Revision, Transaction, just_after
from zodb_reference.storages.sqlite_file import SQLiteFile
from zodb_reference.storages.sqlite_format import (
    EXTENDED,
    HELD,
    WITH_BLOBS,
    digest,
    extend,
    is_intact,
)

#: What records of the trunk, and those of versions, are made from: see `SQLiteHistory._record`.
_TRUNK = """
    SELECT r.oid, r.tid, '', r.data, s.data_txn, r.digest, s.digest, b.name, b.digest
    FROM revisions r LEFT JOIN shared s ON s.oid = r.oid AND s.tid = r.tid
    LEFT JOIN blobs b ON b.oid = r.oid AND b.tid = r.tid
"""
_OVERLAYS = """
    SELECT r.oid, r.tid, r.version, r.data, r.data_txn, r.digest, NULL, NULL, NULL FROM overlays r
"""


class SQLiteHistory:
    """The history in an open file.

    `prepare` writes the records, with a tid that `head` doesn't tell yet, and waits until they are
    on the disk; `publish` changes the one row of `head`. Whatever the first may fail of, the second
    doesn't need: it writes one page, for which there is room already.
    """

    def __init__(self, file: SQLiteFile) -> None:
        self._file = file
        self._last_tid, self._last_oid = file.head()
        # Most storages have none, and need not look for them whenever an object is loaded.
        self._has_overlays = bool(file.rows("SELECT 1 FROM overlays LIMIT 1"))

    def last_tid(self) -> bytes:
        """See `History`."""
        return self._last_tid

    def last_oid(self) -> bytes:
        """See `History`."""
        return self._last_oid

    def packed(self) -> bytes:
        """See `History`."""
        rows = self._file.rows("SELECT tid, digest FROM packed")
        if not rows:
            return z64
        if len(rows) > 1 or not is_intact(*rows[0]):
            raise self._file.complain("the mark of the last packing")
        tid: bytes = rows[0][0]
        return tid

    def newest(self, oid: bytes) -> Revision | None:
        """See `History`; to know the newest revision, its data need not be read."""
        rows = self._file.rows(
            "SELECT tid, data IS NOT NULL, digest FROM revisions WHERE oid = ? AND tid <= ? "
            "ORDER BY tid DESC LIMIT 1",
            oid,
            self._last_tid,
        )
        overlay = self._find_overlay(oid, self._published())
        if overlay is not None and (not rows or rows[0][0] <= overlay.tid):
            return Revision(overlay.tid, overlay.version, has_data=True)
        if not rows:
            return None
        ((tid, has_data, expected),) = rows
        if not has_data and not is_intact(oid, tid, None, expected):
            raise self._file.complain("a record")
        return Revision(tid, "", bool(has_data))

    def find(
        self, oid: bytes, before: bytes | None = None, *, trunk: bool = False
    ) -> Record | None:
        """See `History`."""
        bound = self._published() if before is None else min(before, self._published())
        found = self._find(_TRUNK, oid, bound)
        overlay = None if trunk else self._find_overlay(oid, bound)
        if overlay is None or (found is not None and found.tid > overlay.tid):
            return found
        return overlay

    def _published(self) -> bytes:
        """Return the bound of the tids that may be told."""
        return just_after(self._last_tid)

    def _find(self, select: str, oid: bytes, before: bytes) -> Record | None:
        rows = self._file.rows(
            f"{select} WHERE r.oid = ? AND r.tid < ? ORDER BY r.tid DESC LIMIT 1", oid, before
        )
        return self._record(rows[0]) if rows else None

    def _find_overlay(self, oid: bytes, before: bytes) -> Record | None:
        return self._find(_OVERLAYS, oid, before) if self._has_overlays else None

    def next_tid(self, oid: bytes, tid: bytes) -> bytes | None:
        """See `History`."""
        rows = self._file.rows(
            "SELECT min(tid) FROM revisions WHERE oid = ? AND tid > ? AND tid <= ?",
            oid,
            tid,
            self._last_tid,
        )
        found: bytes | None = rows[0][0]
        return found

    def revisions(self, oid: bytes) -> tuple[Revision, ...]:
        """See `History`."""
        rows = self._file.rows(
            "SELECT tid, '' AS version, data IS NOT NULL FROM revisions WHERE oid = ? "
            "UNION ALL SELECT tid, version, 1 FROM overlays WHERE oid = ? ORDER BY tid, version",
            oid,
            oid,
        )
        return tuple(
            Revision(tid, version, bool(has_data))
            for tid, version, has_data in rows
            if tid <= self._last_tid
        )

    def blobs(self, oid: bytes) -> set[str]:
        """See `History`."""
        return {name for (name,) in self._file.rows("SELECT name FROM blobs WHERE oid = ?", oid)}

    def all_blobs(self) -> set[str]:
        """See `History`."""
        rows = self._file.rows("SELECT name FROM blobs WHERE tid <= ?", self._last_tid)
        return {name for (name,) in rows}

    def next_oid(self, at_least: bytes) -> bytes | None:
        """See `History`."""
        found: list[bytes] = []
        for table in ("revisions", "overlays"):
            query = f"SELECT oid FROM {table} WHERE oid >= ? AND tid <= ? ORDER BY oid LIMIT 1"
            found += (oid for (oid,) in self._file.rows(query, at_least, self._last_tid))
        return min(found, default=None)

    def held(self) -> dict[bytes, str]:
        """See `History`."""
        # Reading a record anew finds it undamaged.
        found = {oid: self.find(oid) for oid, _ in self._file.rows(HELD)}
        return {oid: record.version for oid, record in found.items() if record}

    def notes(self, at_least: bytes, at_most: bytes, *, newest: bool = False) -> Notes | None:
        """See `History`."""
        rows = self._file.rows(
            "SELECT tid, status, user, description, extension, digest FROM transactions "
            f"WHERE tid >= ? AND tid <= ? ORDER BY tid {'DESC' if newest else 'ASC'} LIMIT 1",
            at_least,
            min(at_most, self._last_tid),
        )
        if not rows:
            return None
        if not is_intact(*rows[0]):
            raise self._file.complain("a transaction")
        tid, status, *others, _ = rows[0]
        return Notes(tid, "p" if tid <= self.packed() else status, *others)

    def records(self, tid: bytes) -> tuple[Record, ...]:
        """See `History`."""
        return tuple(
            self._record(row)
            for select in (_TRUNK, _OVERLAYS)
            for row in self._file.rows(f"{select} WHERE r.tid = ? ORDER BY r.id", tid)
        )

    def _record(self, row: tuple[Any, ...]) -> Record:
        oid, tid, version, data, data_txn, expected, expected_of_shared, blob, expected_of_blob = (
            row
        )
        if version:
            is_whole = is_intact(oid, tid, version, data, data_txn, expected)
        else:
            is_whole = is_intact(oid, tid, data, expected) and (
                data_txn is None or is_intact(oid, tid, data_txn, expected_of_shared)
            )
            is_whole = is_whole and (blob is None or is_intact(oid, tid, blob, expected_of_blob))
        if not is_whole:
            raise self._file.complain("a record")
        return Record(oid, tid, data, data_txn, version, blob or "")

    def count(self) -> int:
        """See `History`."""
        rows = self._file.rows(
            "SELECT count(*) FROM (SELECT oid FROM revisions WHERE tid <= ? "
            "UNION SELECT oid FROM overlays WHERE tid <= ?)",
            self._last_tid,
            self._last_tid,
        )
        count: int = rows[0][0]
        return count

    def size(self) -> int:
        """See `History`; pages that are free, and will be used again, do not count."""
        ((pages,),) = self._file.rows("PRAGMA page_count")
        ((free,),) = self._file.rows("PRAGMA freelist_count")
        ((page_size,),) = self._file.rows("PRAGMA page_size")
        size: int = (pages - free) * page_size
        return size

    def prepare(self, transaction: Transaction) -> None:
        """See `History`."""
        self._file.shorten_log()
        notes = (
            transaction.tid,
            transaction.status,
            transaction.user,
            transaction.description,
            transaction.extension_bytes,
        )
        trunk = [record for record in transaction.records if not record.version]
        overlays = [record for record in transaction.records if record.version]
        shared = [(one.oid, one.tid, one.data_txn) for one in trunk if one.data_txn is not None]
        blobs = [(one.oid, one.tid, one.blob) for one in trunk if one.blob]
        with self._file.change() as connection:
            if overlays or shared or any(record.data is None for record in trunk):
                extend(connection, EXTENDED)
            if blobs:
                extend(connection, WITH_BLOBS)
            # Of transactions that were given up after the vote.
            for table in ("blobs", "shared", "overlays", "revisions", "transactions"):
                connection.execute(f"DELETE FROM {table} WHERE tid > ?", (self._last_tid,))
            connection.execute(
                "INSERT INTO transactions VALUES (?, ?, ?, ?, ?, ?)", (*notes, digest(*notes))
            )
            connection.executemany(
                "INSERT INTO revisions (oid, tid, data, digest) VALUES (?, ?, ?, ?)",
                ((one.oid, one.tid, one.data, digest(one.oid, one.tid, one.data)) for one in trunk),
            )
            connection.executemany(
                "INSERT INTO shared VALUES (?, ?, ?, ?)", ((*row, digest(*row)) for row in shared)
            )
            connection.executemany(
                "INSERT INTO blobs VALUES (?, ?, ?, ?)", ((*row, digest(*row)) for row in blobs)
            )
            rows = ((one.oid, one.tid, one.version, one.data, one.data_txn) for one in overlays)
            connection.executemany(
                "INSERT INTO overlays (oid, tid, version, data, data_txn, digest) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                ((*row, digest(*row)) for row in rows),
            )
            self._has_overlays = self._has_overlays or bool(overlays)
        self._file.reserve()

    def publish(self, transaction: Transaction) -> None:
        """See `History`."""
        last_oid = max([self._last_oid, *(record.oid for record in transaction.records)])
        head = transaction.tid, last_oid
        with self._file.change() as connection:
            connection.execute(
                "UPDATE head SET tid = ?, oid = ?, digest = ?", (*head, digest(*head))
            )
        self._last_tid, self._last_oid = head

    def forget(self, upto: bytes, doomed: Mapping[bytes, Collection[Revision]]) -> None:
        """See `History`; the room of what is removed is used again, the file does not shrink."""
        gone = [(oid, one) for oid, revisions in doomed.items() for one in revisions]
        trunk = [(oid, one.tid) for oid, one in gone if not one.version]
        overlays = [(oid, one.tid) for oid, one in gone if one.version]
        with self._file.change() as connection:
            extend(connection, EXTENDED)
            for table in ("blobs", "shared", "revisions", "overlays"):
                rows = overlays if table == "overlays" else trunk
                connection.executemany(f"DELETE FROM {table} WHERE oid = ? AND tid = ?", rows)
            connection.execute(
                "DELETE FROM transactions WHERE tid <= ? "
                "AND NOT EXISTS (SELECT 1 FROM revisions r WHERE r.tid = transactions.tid) "
                "AND NOT EXISTS (SELECT 1 FROM overlays o WHERE o.tid = transactions.tid)",
                (upto,),
            )
            connection.execute("DELETE FROM packed")
            connection.execute("INSERT INTO packed VALUES (?, ?)", (upto, digest(upto)))

    def close(self) -> None:
        """See `History`."""
        self._file.close()
