"""Packing: forgetting what nobody can want any more.

What is current at the time of packing stays, and all that came later. Of the rest, revisions that
were replaced by then are removed (STOR-45), and with garbage collection objects that cannot be
reached from the root through what stays (STOR-46). Of an object that a version holds at that time,
the revision of the version and that of the trunk which it hides count as current both (VER-26).

Nearly all of the work is done beside readers and committers, in many short calls of the history.
That is safe because what is there at the time of packing does not change any more, and what is
committed meanwhile is later than that time. What that refers to stays as well: it is looked at in
the end, when nobody else is committing, just before all is removed at once (STOR-67).
"""

import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from persistent.timestamp import TimeStamp

from zodb_reference.oids import maxtid, new_tid, z64
from zodb_reference.storages.history import Revision, just_after
from zodb_reference.storages.twophase import TwoPhaseStorage

#: The begin of 1900, with which tids begin, in seconds since the epoch.
_FIRST = datetime(1900, 1, 1, tzinfo=UTC).timestamp()

#: Returns the oids of the objects to which a record refers strongly.
References = Callable[[bytes], Iterable[bytes]]


def superseded(revisions: Sequence[Revision], upto: bytes) -> list[Revision]:
    """Return those of the revisions of an object that nobody can see at `upto` any more.

    That is also the last one, where it says that the object had ceased to exist.
    """
    before = [one for one in revisions if one.tid <= upto]
    newest, trunk = before[-1:], [one for one in before if not one.version][-1:]
    current = {one for one in newest + trunk if one.has_data}
    return [one for one in before if one not in current]


def _tid_at(t: float) -> bytes:
    """Return the tid of a commit at the time `t`."""
    if not isinstance(t, int | float):
        raise TypeError(f"the time to pack to is in seconds since the epoch, not {t!r}")
    if t < _FIRST:
        return z64
    try:
        tid = new_tid(z64, t)
        if TimeStamp(tid).year() == time.gmtime(t).tm_year:
            return tid
    except (ValueError, OverflowError, OSError):  # depending on the platform
        pass
    raise ValueError(f"{t!r} seconds since the epoch is no time that a tid could tell")


class PackableStorage(TwoPhaseStorage):
    """A storage that can be packed."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._packing = threading.Lock()

    def pack(self, t: float, referencesf: References, gc: bool = True) -> None:
        """Forget revisions that were not current at the time `t`, in seconds since the epoch.

        `referencesf` returns the oids to which a record refers. With `gc`, objects that can't be
        reached from the root go too, unless they were stored after `t`. Nothing of what is current
        changes. Transactions up to `t` can't be undone any more, and those of which nothing is left
        are not iterated over (STOR-50).

        Others can read and commit meanwhile; who wants to commit while the last step is done, waits
        for it. Another call waits for its turn. Nothing happens where the storage was packed to a
        later time before (STOR-48). If it fails, whatever the reason, nothing has changed.

        Nothing happens for a time before 1900 either, when no tid begins. Raises `TypeError` for
        what is no number, `ValueError` for one that is no time, `ReadOnlyError`, `StorageError`
        where what was kept can't be read or changed, and `StorageTransactionError` where this
        thread has begun a transaction, for whose end packing would wait. Whatever `referencesf`
        raises passes.
        """
        point = _tid_at(t)
        with self._lock:
            self._require_writable()
            self._require_no_self_wait(None, "pack")
        with self._packing:
            with self._lock:
                self._require_writable()
                # What is committed from here on is later than the time of packing, whatever `t`.
                upto = min(point, self._last_tid)
                is_due = upto >= self._history.packed() and self._history.notes(z64, upto)
            if is_due:
                self._pack(upto, referencesf if gc else None)

    def _pack(self, upto: bytes, references: References | None) -> None:
        # The oids that were reached, in that order; None without garbage collection.
        reached: dict[bytes, None] | None = None
        seen = upto
        if references is not None:
            reached = {}
            self._reach(reached, [z64], upto, references)
            seen = self._reach_later(reached, seen, upto, references)
        doomed = self._doomed(upto, reached)
        with self._lock:
            self._await_turn()
            self._require_writable()
            if references is not None and reached is not None:
                known = len(reached)
                self._reach_later(reached, seen, upto, references)
                for oid in islice(reached, known, None):
                    doomed[oid] = superseded(self._history.revisions(oid), upto)
            self._forget(upto, doomed)

    def _forget(self, upto: bytes, doomed: Mapping[bytes, Collection[Revision]]) -> None:
        """Remove these revisions; called with the lock held, while nobody commits."""
        self._history.forget(upto, doomed)

    def _reach(
        self, reached: dict[bytes, None], oids: Iterable[bytes], upto: bytes, references: References
    ) -> None:
        """Add to `reached` the objects that can be reached from `oids` through what stays."""
        todo = list(oids)
        while todo:
            oid = todo.pop()
            if oid not in reached:
                reached[oid] = None
                for data in self._staying(oid, upto):
                    todo.extend(references(data))

    def _staying(self, oid: bytes, upto: bytes) -> list[bytes]:
        """Return the data of those records of an object that stay."""
        with self._lock:
            history = self._open_history()
            revisions = history.revisions(oid)
            gone = set(superseded(revisions, upto))
            found = (
                history.find(oid, just_after(one.tid), trunk=not one.version)
                for one in revisions
                if one not in gone
            )
            return [one.data for one in found if one is not None and one.data is not None]

    def _reach_later(
        self, reached: dict[bytes, None], seen: bytes, upto: bytes, references: References
    ) -> bytes:
        """Add what was stored later than the transaction `seen`, and what can be reached from it.

        Returns the tid of the last transaction that was looked at.
        """
        while True:
            with self._lock:
                history = self._open_history()
                notes = history.notes(just_after(seen), maxtid)
                records = history.records(notes.tid) if notes else ()
            if notes is None:
                return seen
            seen = notes.tid
            for record in records:
                # It may be later than when its object was reached.
                found = references(record.data) if record.data is not None else ()
                self._reach(reached, [record.oid, *found], upto, references)

    def _doomed(
        self, upto: bytes, reached: dict[bytes, None] | None
    ) -> dict[bytes, list[Revision]]:
        """Return the revisions that are to be removed, by oid."""
        doomed: dict[bytes, list[Revision]] = {}
        at_least = z64
        while True:
            with self._lock:
                history = self._open_history()
                oid = history.next_oid(at_least)
                if oid is None:
                    return doomed
                revisions = history.revisions(oid)
            if reached is None or oid in reached:
                gone = superseded(revisions, upto)
            else:
                gone = [one for one in revisions if one.tid <= upto]
            if gone:
                doomed[oid] = gone
            at_least = just_after(oid)
