"""A storage of changes, in memory, over another one that stays as it is."""

from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from random import randrange
from types import ModuleType
from typing import Any

from zodb_reference import errors as default_errors
from zodb_reference.oids import maxtid, p64, u64, z64
from zodb_reference.storages.announcing import keeps_blobs
from zodb_reference.storages.blobfolder import TemporaryBlobFolder
from zodb_reference.storages.blobs import BlobStorage
from zodb_reference.storages.deletion import DeletableStorage
from zodb_reference.storages.history import Record, Revision
from zodb_reference.storages.iteration import TransactionCopy
from zodb_reference.storages.memory import MemoryHistory
from zodb_reference.storages.packing import References
from zodb_reference.storages.undoing import UndoableStorage

_numbers = count(1)

BELOW = "below-"
"""What the names of contents begin with that the base keeps."""


class LayeredBlobFolder(TemporaryBlobFolder):
    """A folder for the contents of the changes, which finds in `base` those that are kept there."""

    def __init__(self, base: Any) -> None:
        super().__init__()
        self._base = base

    def path_of(self, name: str) -> Path:
        """See `BlobFolder`; `KeyError` where the base has no such content."""
        if not name.startswith(BELOW):
            return super().path_of(name)
        oid, tid = map(bytes.fromhex, name.removeprefix(BELOW).split("-"))
        return Path(self._base.loadBlob(oid, tid))

    def remove(self, names: Iterable[str]) -> None:
        """See `BlobFolder`; what the base keeps stays there."""
        super().remove(name for name in names if not name.startswith(BELOW))


class LayeredHistory(MemoryHistory):
    """The history of the changes, which finds in `base` what has not been changed.

    `base` is any storage of the protocol. Counts, transactions and lists of revisions are those of
    the changes.
    """

    def __init__(self, base: Any) -> None:
        super().__init__()
        self._base = base
        self._base_keeps_blobs = keeps_blobs(base)
        self._last_tid = base.lastTransaction()
        # Others that stand over the same base, or over this one, begin elsewhere.
        self._last_oid = p64(randrange(1, 1 << 62))

    def find(
        self, oid: bytes, before: bytes | None = None, *, trunk: bool = False
    ) -> Record | None:
        """See `History`."""
        found = super().find(oid, before, trunk=trunk)
        if found is None and not self._may_have_been_changed(oid):
            below = self.below(oid, before)
            found = self._record_below(oid, *below[:2]) if below else None
        return found

    def next_tid(self, oid: bytes, tid: bytes) -> bytes | None:
        """See `History`."""
        below = self.below(oid, p64(u64(tid) + 1))
        if below and below[1] == tid and below[2] is not None:
            return below[2]
        return super().next_tid(oid, tid)

    def below(self, oid: bytes, before: bytes | None) -> tuple[bytes, bytes, bytes | None] | None:
        """Return what `loadBefore` of the base does, None also where there is no such object."""
        if before is None:
            before = maxtid
        elif len(before) > 8:  # see `just_after`
            before = p64(u64(before[:8]) + 1)
        try:
            found: tuple[bytes, bytes, bytes | None] | None = self._base.loadBefore(oid, before)
        except KeyError:
            return None
        return found

    def _record_below(self, oid: bytes, data: bytes, tid: bytes) -> Record:
        """Return a record of the base; it names a content, in case that there is one."""
        blob = f"{BELOW}{oid.hex()}-{tid.hex()}" if self._base_keeps_blobs else ""
        return Record(oid, tid, data, blob=blob)

    def _may_have_been_changed(self, oid: bytes) -> bool:
        """Tell whether packing may have removed changes of an object that followed on the base."""
        revisions = self.revisions(oid)
        return bool(revisions) and revisions[0].tid <= self.packed()


class LayeredStorage(BlobStorage, UndoableStorage, DeletableStorage):
    """A storage in memory that shows what is in `base`, and keeps apart what is changed.

    `base` is any storage of the protocol, which nobody else changes as long as this one is open; it
    is read, and never written to. It stays open when this one is closed. `len`, `getSize`, `pack`
    and `undoLog` are about the changes alone. A pack collects no garbage: what the base refers to
    is not looked at.

    Without `resolves` every conflict stays one, whatever the classes of the objects could do.
    `errors` is the module whose exceptions are raised.
    """

    def __init__(
        self, base: Any, *, resolves: bool = True, errors: ModuleType = default_errors
    ) -> None:
        self.base = base
        self._layers = LayeredHistory(base)
        name = f"changes of {base.getName()}"
        super().__init__(
            self._layers,
            name,
            f"{name}-{next(_numbers):08}",
            resolves=resolves,
            errors=errors,
            blobs=LayeredBlobFolder(base),
        )

    def new_oid(self) -> bytes:
        """Return an oid that neither the base nor the changes have, nor handed out here."""
        with self._lock:
            while True:
                oid = super().new_oid()
                if self._layers.find(oid) is None:
                    return oid

    def history(
        self, oid: bytes, version: str | int | None = None, size: int = 1
    ) -> list[dict[Any, Any]]:
        """Return descriptions of at most `size` revisions, newest first: of changes, then below."""
        if isinstance(version, int):
            size, version = version, None
        found: list[dict[Any, Any]] = []
        with self._lock:
            for revision in reversed(self._layers.revisions(oid)):
                record = self._layers.find(oid, p64(u64(revision.tid) + 1))
                if record is not None and len(found) < size:
                    found.append(self._history_entry(record))
        if len(found) < size or not found:
            try:
                found += self.base.history(oid, size=size - len(found))
            except KeyError:
                if not self._layers.revisions(oid):
                    raise self._errors.POSKeyError(oid) from None
        return found

    def pack(self, t: float, referencesf: References, gc: bool = False) -> None:
        """Forget changes that were not current at the time `t`; see `PackableStorage`.

        With `gc` no garbage is collected either.
        """
        super().pack(t, referencesf, gc=False)

    def record_iternext(
        self,
        next: Any = None,  # noqa: A002 - known by this name
    ) -> tuple[bytes, bytes, bytes, Any]:
        """See `ReadableStorage`; what the base has and was not changed comes first.

        `AttributeError` where the base can't list what it has.
        """
        with self._lock:
            ahead = self._unchanged(None) if next is None else next
            if isinstance(ahead, tuple):
                oid, tid, data, cookie = ahead
                following = None if cookie is None else self._unchanged(cookie)
                return oid, tid, data, following or self._first_existing(z64)
            return super().record_iternext(ahead)

    def _unchanged(self, cookie: Any) -> tuple[bytes, bytes, bytes, Any] | None:
        """Return what `record_iternext` of the base does, without what was changed since."""
        found: tuple[bytes, bytes, bytes, Any]
        while True:
            try:
                found = self.base.record_iternext(cookie)
            except ValueError:  # nothing is there
                return None
            if not self._layers.revisions(found[0]):
                return found
            cookie = found[3]
            if cookie is None:
                return None

    def _blob_path(self, oid: bytes, serial: bytes) -> Path:
        try:
            return super()._blob_path(oid, serial)
        except KeyError:  # it may be an error of the base
            raise self._errors.POSKeyError(oid, serial) from None

    def _doomed(
        self, upto: bytes, reached: dict[bytes, None] | None
    ) -> dict[bytes, list[Revision]]:
        """See `PackableStorage`; what hides an object of the base stays."""
        doomed = super()._doomed(upto, reached)
        for oid, gone in doomed.items():
            newest = [one for one in self._layers.revisions(oid) if one.tid <= upto][-1]
            if not newest.has_data and self._layers.below(oid, None):
                gone.remove(newest)
        return doomed

    def _iterate(self, start: bytes, stop: bytes) -> Iterator[TransactionCopy]:
        yield from self.base.iterator(start, stop)
        yield from super()._iterate(start, stop)
