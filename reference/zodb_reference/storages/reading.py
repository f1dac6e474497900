"""The half of the storage protocol that reads, over any `History`."""

import logging
import threading
from collections.abc import Iterator
from itertools import islice
from types import ModuleType
from typing import Any, NamedTuple

from persistent.timestamp import TimeStamp

from zodb_reference.oids import oid_repr, p64, u64, z64
from zodb_reference.storages.history import History, Notes, Record, Revision, just_after
from zodb_reference.storages.iteration import TransactionCopy, unpickle_extension

logger = logging.getLogger(__name__)


class Changes(NamedTuple):
    """What was committed since some transaction.

    `last` is the tid of the last transaction. `oids` has the oids that each one wrote, by its tid;
    it is None where packing may have taken some away.
    """

    last: bytes
    oids: dict[bytes, list[bytes]] | None


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


def is_name(version: object) -> bool:
    """Tell whether a version can be named like that: by any text but the empty one (VER-1)."""
    if not isinstance(version, str):
        return False
    try:
        return bool(version.encode())
    except UnicodeEncodeError:
        return False  # half of a character, which no file can hold


class ReadableStorage:
    """What can be asked of a storage that keeps every revision.

    `history` keeps what is committed, `name` and `sort_key` are what `getName` and `sortKey` tell,
    a `read_only` storage refuses every change, `versions` tells whether there may be versions, and
    `errors` is the module whose exceptions are raised. May be used by many threads: `_lock` guards
    all that changes.
    """

    def __init__(
        self,
        history: History,
        name: str,
        sort_key: str,
        *,
        read_only: bool,
        versions: bool,
        errors: ModuleType,
    ) -> None:
        self._errors = errors
        self._versions = versions
        self._history = history
        self._name = name
        self._sort_key = sort_key
        self._read_only = read_only
        self._lock = threading.RLock()
        self._last_tid = history.last_tid()
        self._closed_because = ""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._name!r}>"

    @property
    def errors(self) -> ModuleType:
        """The module whose exceptions are raised."""
        return self._errors

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

    def changes_since(self, tid: bytes) -> Changes:
        """Return what was committed later than the transaction `tid`."""
        with self._lock:
            history, last = self._open_history(), self._last_tid
            if tid < history.packed():
                return Changes(last, None)
            oids: dict[bytes, list[bytes]] = {}
            while tid < last:
                notes = history.notes(just_after(tid), last)
                if notes is None:
                    break
                tid = notes.tid
                oids[tid] = [record.oid for record in history.records(tid)]
            return Changes(last, oids)

    def lastInvalidations(self, size: int) -> list[tuple[bytes, list[bytes]]]:
        """Return the tids of the last transactions, at most `size`, with the oids that they wrote.

        They come in their order; a server asks for them, to tell clients what they have missed.
        """
        found: list[tuple[bytes, list[bytes]]] = []
        with self._lock:
            history, at_most = self._open_history(), self._last_tid
            while len(found) < size:
                notes = history.notes(z64, at_most, newest=True)
                if notes is None:
                    break
                found.append((notes.tid, [record.oid for record in history.records(notes.tid)]))
                at_most = p64(u64(notes.tid) - 1)
        return found[::-1]

    def getTid(self, oid: bytes) -> bytes:
        """Return the tid of the current revision; `POSKeyError` if there is no such object."""
        with self._lock:
            return self._existing(oid).tid

    def load(self, oid: bytes, version: str = "") -> tuple[bytes, bytes]:
        """Return data and tid of the current revision.

        The data are those of `version` if it holds the object, otherwise those of the trunk
        (VER-5); the tid is that of the newest revision in any case (VER-7). `POSKeyError` if there
        is no such object.
        """
        self._check_version(version)
        with self._lock:
            newest = shown = self._open_history().find(oid)
            if newest is not None and newest.version not in ("", version):
                shown = self._history.find(oid, trunk=True)
        if newest is None or shown is None or shown.data is None:
            raise self._errors.POSKeyError(oid)
        return shown.data, newest.tid

    def loadBefore(self, oid: bytes, tid: bytes) -> tuple[bytes, bytes, bytes | None] | None:
        """Return the revision of the trunk that a snapshot before `tid` shows (STOR-23, VER-23).

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
        """Return the data of exactly this revision; `POSKeyError` if there are none.

        Those of the trunk are told for a revision in a version, too (VER-23).
        """
        with self._lock:
            data = self._data_at(oid, serial)
        if data is None:
            raise self._errors.POSKeyError(oid, serial)
        return data

    def history(
        self, oid: bytes, version: str | int | None = None, size: int = 1
    ) -> list[dict[Any, Any]]:
        """Return descriptions of at most `size` revisions, newest first (STOR-26).

        Where there are versions, a description tells by "version" the one of the revision, and only
        revisions of the trunk and of `version` are described, if it is given (VER-24). A number in
        its place is the size. `POSKeyError` if the object is unknown, `TypeError` if the size is no
        whole number, and what `load` raises for a version that can't be given.
        """
        if isinstance(version, int):
            size, version = version, None
        if not isinstance(size, int):
            raise TypeError(f"the size of a history is a whole number, not {size!r}")
        if version is not None:
            self._check_version(version)
        elif not self._versions:
            version = ""
        with self._lock:
            if self._open_history().newest(oid) is None:
                raise self._errors.POSKeyError(oid)
            shown = (
                record
                for record in self._lineage(oid)
                if version is None or record.version in ("", version)
            )
            return [self._history_entry(record) for record in islice(shown, max(0, size))]

    def _lineage(self, oid: bytes) -> Iterator[Record]:
        """Yield all records of an object, newest first."""
        record = self._history.find(oid)
        while record is not None:
            yield record
            if record.version:
                hidden = self._history.find(oid, just_after(record.tid), trunk=True)
                if hidden is not None and hidden.tid == record.tid:
                    yield hidden
            record = self._history.find(oid, record.tid)

    def _history_entry(self, record: Record) -> dict[Any, Any]:
        entry = note_entry(self._notes_of(record)) | {
            "tid": record.tid,
            "serial": record.tid,
            "size": len(record.data or b""),
        }
        return entry | {"version": record.version} if self._versions else entry

    def record_iternext(
        self,
        next: bytes | None = None,  # noqa: A002 - known by this name
    ) -> tuple[bytes, bytes, bytes, bytes | None]:
        """Return oid, tid and data of the first current object, and what leads to the following.

        The fourth value is to be given as `next` for that, and is None after the last object, in
        the order of oids (STOR-42). `ValueError` if there is no object.
        """
        with self._lock:
            oid = self._first_existing(z64 if next is None else next)
            if oid is None:
                raise ValueError(f"there are no objects in {self._name}, or no further ones")
            data, tid = self.load(oid)
            return oid, tid, data, self._first_existing(just_after(oid))

    def _first_existing(self, at_least: bytes) -> bytes | None:
        """Return the first oid, of those that are not less, with an object in the trunk."""
        history = self._open_history()
        oid = history.next_oid(at_least)
        while oid is not None:
            newest = history.newest(oid)
            if newest is not None and newest.version:
                trunk = history.find(oid, trunk=True)
                exists = trunk is not None and trunk.data is not None
            else:
                exists = newest is not None and newest.has_data
            if exists:
                return oid
            oid = history.next_oid(just_after(oid))
        return None

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

    def _data_at(self, oid: bytes, serial: bytes, version: str = "") -> bytes | None:
        """Return the data that `version` showed from the revision `serial` on, if there is that."""
        history = self._open_history()
        record = history.find(oid, just_after(serial))
        if record is None or record.tid != serial:
            return None
        if record.version not in ("", version):
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

    def _check_version(self, version: str) -> None:
        """Raise an error unless `version` may be given: ValueError where there are none."""
        if version == "":
            return
        if not self._versions:
            # STOR-21
            raise ValueError(
                f"{self._name} has no versions: pass '' instead of {version!r}, or open it with "
                "versions=True"
            )
        if not is_name(version):
            raise self._errors.VersionError(
                f"a version is named by a text that is not empty: {version!r} is none"
            )
