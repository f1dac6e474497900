"""The half of the storage protocol that reads, over any `History`."""

import logging
import threading
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from persistent.timestamp import TimeStamp

from zodb_reference.oids import oid_repr, p64, u64, z64
from zodb_reference.storages.history import History, Notes, Record, Revision, just_after
from zodb_reference.storages.iteration import TransactionCopy, unpickle_extension

logger = logging.getLogger(__name__)


def note_entry(notes: Notes) -> dict[Any, Any]:
    """Describe a transaction: its time, user and description, and what the program noted.

    An extension that can't be read, since a class of it is missing perhaps, is left out: what has
    happened to a database has to be readable on any machine.
    """
    try:
        extension = dict(unpickle_extension(notes.extension_bytes))
    except Exception:
        logger.warning("transaction %s: unreadable extension", oid_repr(notes.tid), exc_info=True)
        extension = {}
    return extension | {
        "time": TimeStamp(notes.tid).timeTime(),
        "user_name": notes.user,
        "description": notes.description,
    }


def history_entry(record: Record, notes: Notes) -> dict[Any, Any]:
    """Describe a revision as `history` does (STOR-26)."""
    return note_entry(notes) | {
        "tid": record.tid,
        "serial": record.tid,
        "size": len(record.data or b""),
    }


class ReadableStorage:
    """What can be asked of a storage that keeps every revision.

    `history` keeps what is committed, `name` and `sort_key` are what `getName` and `sortKey` tell,
    a `read_only` storage refuses every change, and `errors` is the module whose exceptions are
    raised. May be used by many threads: `_lock` guards all that changes.
    """

    def __init__(
        self,
        history: History,
        name: str,
        sort_key: str,
        *,
        read_only: bool,
        errors: ModuleType,
    ) -> None:
        self._errors = errors
        self._history = history
        self._name = name
        self._sort_key = sort_key
        self._read_only = read_only
        self._lock = threading.RLock()
        self._last_tid = history.last_tid()
        self._closed_because = ""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._name!r}>"

    def getName(self) -> str:
        """Return a name for people to read."""
        return self._name

    def sortKey(self) -> str:
        """Return a string that orders the storages of one transaction (STOR-30)."""
        return self._sort_key

    def isReadOnly(self) -> bool:
        """Tell whether every change is refused."""
        return self._read_only

    def getSize(self) -> int:
        """Return about how many bytes the storage takes."""
        with self._lock:
            return self._open_history().size()

    def __len__(self) -> int:
        """Return the number of objects. Beware: an empty storage is falsy."""
        with self._lock:
            return self._open_history().count()

    def lastTransaction(self) -> bytes:
        """Return the tid of the last transaction that everybody was told of, or z64 (STOR-17)."""
        with self._lock:
            return self._last_tid

    def getTid(self, oid: bytes) -> bytes:
        """Return the tid of the current revision; `POSKeyError` if there is no such object."""
        with self._lock:
            return self._existing(oid).tid

    def load(self, oid: bytes, version: str = "") -> tuple[bytes, bytes]:
        """Return data and tid of the current revision.

        `POSKeyError` if there is no such object.
        """
        refuse_version(version)
        with self._lock:
            record = self._open_history().find(oid)
        if record is None or record.data is None:
            raise self._errors.POSKeyError(oid)
        return record.data, record.tid

    def loadBefore(self, oid: bytes, tid: bytes) -> tuple[bytes, bytes, bytes | None] | None:
        """Return the revision that a snapshot before `tid` shows (STOR-23).

        That is its data, its tid, and the tid of the revision that followed it or None; or None if
        all revisions are later, or packing has removed what there was (STOR-49). `POSKeyError` if
        there never was one, or if the object had ceased to exist by then (STOR-24).
        """
        with self._lock:
            history = self._open_history()
            record = history.find(oid, tid, trunk=True)
            if record is None:
                if history.find(oid, trunk=True) is None and not self._may_be_packed(oid, tid):
                    raise self._errors.POSKeyError(oid)
                return None
            if record.data is None:
                raise self._errors.POSKeyError(oid)
            return record.data, record.tid, history.next_tid(oid, record.tid)

    def loadSerial(self, oid: bytes, serial: bytes) -> bytes:
        """Return the data of exactly this revision; `POSKeyError` if there are none."""
        with self._lock:
            data = self._data_at(oid, serial)
        if data is None:
            raise self._errors.POSKeyError(oid, serial)
        return data

    def history(self, oid: bytes, size: int = 1) -> list[dict[Any, Any]]:
        """Return descriptions of at most `size` revisions, newest first (STOR-26).

        `POSKeyError` if the object is unknown.
        """
        with self._lock:
            history = self._open_history()
            entries: list[dict[Any, Any]] = []
            record = history.find(oid)
            if record is None:
                raise self._errors.POSKeyError(oid)
            while record is not None and len(entries) < size:
                entries.append(history_entry(record, self._notes_of(record)))
                record = history.find(oid, record.tid)
            return entries

    def iterator(
        self, start: bytes | None = None, stop: bytes | None = None
    ) -> Iterator[TransactionCopy]:
        """Return an iterator over the transactions from `start` to `stop`, both included.

        It shows what was there when it was asked for (STOR-27).
        """
        last = self.lastTransaction()
        return self._iterate(start or z64, last if stop is None else min(stop, last))

    def _iterate(self, start: bytes, stop: bytes) -> Iterator[TransactionCopy]:
        while True:
            with self._lock:
                history = self._open_history()
                notes = history.notes(start, stop)
                if notes is None:
                    return
                records = tuple(map(self._told, history.records(notes.tid)))
            yield TransactionCopy(notes, records)
            start = p64(u64(notes.tid) + 1)

    def _told(self, record: Record) -> Record:
        """Return `record` without a mention of data that have been packed away."""
        source = record.data_txn
        if source is None:
            return record
        found = self._history.find(record.oid, just_after(source))
        return record if found and found.tid == source else record._replace(data_txn=None)

    def _existing(self, oid: bytes) -> Revision:
        newest = self._open_history().newest(oid)
        if newest is None or not newest.has_data:
            raise self._errors.POSKeyError(oid)
        return newest

    def _data_at(self, oid: bytes, serial: bytes) -> bytes | None:
        """Return the data that the trunk had from the revision `serial` on, if there is that."""
        history = self._open_history()
        record = history.find(oid, just_after(serial))
        if record is None or record.tid != serial:
            return None
        if record.version:
            record = history.find(oid, just_after(serial), trunk=True)
        return record.data if record else None

    def _may_be_packed(self, oid: bytes, before: bytes) -> bool:
        """Tell whether there may have been an object of which nothing is left, before a tid."""
        history = self._history
        return (
            before <= history.packed() and oid <= history.last_oid() and history.newest(oid) is None
        )

    def _notes_of(self, record: Record) -> Notes:
        notes = self._history.notes(record.tid, record.tid)
        if notes is None:
            raise self._errors.StorageError(
                f"{self._name} is damaged: transaction {oid_repr(record.tid)} is missing, but not "
                "its records"
            )
        return notes

    def _open_history(self) -> History:
        if self._closed_because:
            raise self._errors.StorageError(f"{self._name} can't be used: {self._closed_because}")
        return self._history


def refuse_version(version: str) -> None:
    """Raise `ValueError` unless `version` is empty (STOR-21)."""
    if version:
        raise ValueError(f"there are no versions any more: pass '' instead of {version!r}")
