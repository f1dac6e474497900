"""A storage in a single file, on SQLite."""

import os
import threading
import weakref
from pathlib import Path
from types import ModuleType

from zodb_reference import errors as default_errors
from zodb_reference.oids import p64, u64
from zodb_reference.storages.history import Notes, Record, Transaction
from zodb_reference.storages.sqlite_file import SQLiteFile, open_file
from zodb_reference.storages.sqlite_format import digest, is_intact
from zodb_reference.storages.twophase import TwoPhaseStorage


class SQLiteHistory:
    """The history in an open file.

    `prepare` writes the records, with a tid that `head` doesn't tell yet, and waits until they are
    on the disk; `publish` changes the one row of `head`. Whatever the first may fail of, the second
    doesn't need: it writes one page, for which there is room already.
    """

    def __init__(self, file: SQLiteFile) -> None:
        self._file = file
        self._last_tid, self._last_oid = file.head()

    def last_tid(self) -> bytes:
        """See `History`."""
        return self._last_tid

    def last_oid(self) -> bytes:
        """See `History`."""
        return self._last_oid

    def current_tid(self, oid: bytes) -> bytes | None:
        """See `History`."""
        rows = self._file.rows(
            "SELECT max(tid) FROM revisions WHERE oid = ? AND tid <= ?", oid, self._last_tid
        )
        tid: bytes | None = rows[0][0]
        return tid

    def find(self, oid: bytes, before: bytes | None = None) -> Record | None:
        """See `History`."""
        unpublished = p64(u64(self._last_tid) + 1)
        rows = self._file.rows(
            "SELECT tid, data, digest FROM revisions WHERE oid = ? AND tid < ? "
            "ORDER BY tid DESC LIMIT 1",
            oid,
            unpublished if before is None else min(before, unpublished),
        )
        return self._record(oid, *rows[0]) if rows else None

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

    def read(self, oid: bytes, tid: bytes) -> bytes | None:
        """See `History`."""
        rows = self._file.rows(
            "SELECT data, digest FROM revisions WHERE oid = ? AND tid = ? AND tid <= ?",
            oid,
            tid,
            self._last_tid,
        )
        return self._record(oid, tid, *rows[0]).data if rows else None

    def notes(self, at_least: bytes, at_most: bytes) -> Notes | None:
        """See `History`."""
        rows = self._file.rows(
            "SELECT tid, status, user, description, extension, digest FROM transactions "
            "WHERE tid >= ? AND tid <= ? ORDER BY tid LIMIT 1",
            at_least,
            min(at_most, self._last_tid),
        )
        if not rows:
            return None
        if not is_intact(*rows[0]):
            raise self._file.complain("a transaction")
        return Notes(*rows[0][:-1])

    def records(self, tid: bytes) -> tuple[Record, ...]:
        """See `History`."""
        rows = self._file.rows(
            "SELECT oid, tid, data, digest FROM revisions WHERE tid = ? ORDER BY id", tid
        )
        return tuple(self._record(*row) for row in rows)

    def _record(self, oid: bytes, tid: bytes, data: bytes, expected: bytes) -> Record:
        if not is_intact(oid, tid, data, expected):
            raise self._file.complain("a record")
        return Record(oid, tid, data)

    def count(self) -> int:
        """See `History`."""
        rows = self._file.rows(
            "SELECT count(DISTINCT oid) FROM revisions WHERE tid <= ?", self._last_tid
        )
        count: int = rows[0][0]
        return count

    def size(self) -> int:
        """See `History`."""
        ((pages,),) = self._file.rows("PRAGMA page_count")
        ((page_size,),) = self._file.rows("PRAGMA page_size")
        size: int = pages * page_size
        return size

    def prepare(self, transaction: Transaction) -> None:
        """See `History`."""
        self._file.shorten_log()
        with self._file.change() as connection:
            # Of transactions that were given up after the vote.
            connection.execute("DELETE FROM revisions WHERE tid > ?", (self._last_tid,))
            connection.execute("DELETE FROM transactions WHERE tid > ?", (self._last_tid,))
            notes = (
                transaction.tid,
                transaction.status,
                transaction.user,
                transaction.description,
                transaction.extension_bytes,
            )
            connection.execute(
                "INSERT INTO transactions VALUES (?, ?, ?, ?, ?, ?)", (*notes, digest(*notes))
            )
            connection.executemany(
                "INSERT INTO revisions (oid, tid, data, digest) VALUES (?, ?, ?, ?)",
                ((*record, digest(*record)) for record in transaction.records),
            )
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

    def close(self) -> None:
        """See `History`."""
        self._file.close()


class SQLiteStorage(TwoPhaseStorage):
    """A storage in the file at `path`, made if it is missing unless `create` is false.

    Every revision is kept, and what `tpc_finish` returned for is on the disk. While the storage is
    open, files named after it with `-wal`, `-journal` and `-lock` belong to it: do not copy, move
    or remove any of them alone. After `close` it is one file.

    It can be open for writing only once, in one process, or any number of times with `read_only`,
    which neither changes nor needs to change anything, so that the file and its folder may be
    read-only. After a crash it has to be opened for writing first. A process that is forked while
    it is open can't use it.

    Opening reads the whole file, to find it undamaged, which takes some seconds a gigabyte. Raises
    `OSError` where the path is none of a storage that may be opened, with the usual subclasses;
    `StorageError` where the file is open elsewhere, is not a storage, has another format, or is
    damaged. Each says what to mend, and leaves a file that had been closed as it was. Damage that
    only shows when a record is read raises `StorageError` there.

    The vote writes a transaction, and waits until the disk has it; to finish it takes one more
    page, for which the vote has taken room at the end of the log. So a disk without room, or that
    fails, is met in the vote, with `StorageError`: nothing changes, and the next transaction may
    have more luck. What remains is a disk that fails between the two, or a file system that needs
    new room to write over old data (it copies on write, is a network's, or promises more than it
    has) and has none. `tpc_finish` then raises `StorageError`, the storage takes no more changes,
    and goes on to show what was there before; opening it anew decides by what the disk holds, and
    tells it by `lastTransaction`.

    `errors` is the module whose exceptions are raised: `ZODB.POSException` where the storage stands
    under ZODB's DB. Needs a POSIX system.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        read_only: bool = False,
        create: bool = True,
        errors: ModuleType = default_errors,
    ) -> None:
        place = Path(path).resolve()
        self._file = open_file(place, read_only=read_only, create=create, errors=errors)
        try:
            history = SQLiteHistory(self._file)
        except BaseException:
            self._file.close()
            raise
        super().__init__(history, str(path), str(place), read_only=read_only, errors=errors)
        _open_storages.add(self)

    def close(self) -> None:
        """See `TwoPhaseStorage`."""
        super().close()
        _open_storages.discard(self)

    def leave_to_parent(self) -> None:
        """Refuse all use, in a child process that was forked while the storage was open."""
        # Perhaps another thread, which is not there any more, held the old ones.
        self._lock = threading.RLock()
        self._turn = threading.Condition(self._lock)
        self._closed_because = "the process was forked since: open it where it is needed"
        self._file.leave_to_parent()


_open_storages: weakref.WeakSet[SQLiteStorage] = weakref.WeakSet()


def _leave_all_to_parent() -> None:
    for storage in list(_open_storages):
        storage.leave_to_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_all_to_parent)
