"""What a connection shows, for life: the present, a version, or one moment of the past.

Here is also which kind of snapshot shows it, over which kind of storage.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Any, Protocol

from zodb_reference.historical import HistoricalSnapshot, settled
from zodb_reference.oids import p64, tid_at, tid_repr, u64
from zodb_reference.snapshot import SharedSnapshot, SharedStorage, Snapshot


class Kind(Enum):
    """The kinds of views, each with pools and caches of its own size."""

    CURRENT = auto()
    HISTORICAL = auto()
    VERSION = auto()


@dataclass(frozen=True)
class View:
    """What one connection shows, which is also what it is pooled by.

    `version` is the name of a version, "" for the trunk. `before` is None, or the tid before which
    everything is shown, for good.
    """

    version: str = ""
    before: bytes | None = None

    @property
    def kind(self) -> Kind:
        """The kind of the view."""
        if self.before is not None:
            return Kind.HISTORICAL
        return Kind.VERSION if self.version else Kind.CURRENT


#: The newest state of the trunk, at each boundary anew.
CURRENT = View()


def historical_view(
    at: bytes | datetime | None, before: bytes | datetime | None, last: bytes
) -> View:
    """Return the view of the state just after `at`, or just before `before` (CONN-40).

    Each is a tid or a moment; one of them is None. `last` is the tid of the last transaction.
    Raises `ValueError` where both are given, for what is neither a tid nor a moment, and for a
    point after the last transaction, where more may still be committed (CONN-41).
    """
    if at is not None and before is not None:
        raise ValueError(f"at={at!r} and before={before!r} are given, and can only be one of them")
    after_last = p64(u64(last) + 1)
    if at is None:
        tid = _tid("before", before)
        is_future = tid > after_last
    else:
        tid = _tid("at", at)
        is_future = tid > last
    if is_future:
        raise ValueError(
            f"{tid_repr(tid)} is in the future of the database: its last transaction is"
            f" {tid_repr(last)}"
        )
    return View(before=tid if at is None else p64(u64(tid) + 1))


class SnapshotFactory(Protocol):
    """What makes a snapshot of one storage for one more connection, which shows `view`."""

    def __call__(self, view: View = CURRENT) -> Snapshot:
        """Return the snapshot."""


def snapshots_of(storage: Any) -> SnapshotFactory:
    """Return what makes a view of `storage` for a connection, of the kind that fits the storage."""
    shared = None if hasattr(storage, "poll_invalidations") else SharedStorage(storage)

    def new_snapshot(view: View = CURRENT) -> Snapshot:
        if view.before is not None:
            instance = storage if shared is not None else storage.new_instance()
            return HistoricalSnapshot(instance, settled(storage, view.before))
        return Snapshot(storage.new_instance()) if shared is None else SharedSnapshot(shared)

    return new_snapshot


def _tid(name: str, point: object) -> bytes:
    if isinstance(point, datetime):
        return tid_at(point)
    if isinstance(point, bytes) and len(point) == 8:
        return point
    raise ValueError(f"{name} is a tid of eight bytes, or a datetime, and not {point!r}")
