"""Undo: a transaction that stores again what was there before an earlier one.

What becomes of one object follows from three states of it: before the transaction that is to be
undone, after it, and now. Where it is now as it was after, it gets the state from before, whatever
has happened in between (STOR-52). Where it is not, its class may merge the difference.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from zodb_reference.oids import maxtid, p64, u64
from zodb_reference.storages.history import Notes, Record, just_after
from zodb_reference.storages.reading import note_entry
from zodb_reference.storages.states import State, again, state_now, state_of
from zodb_reference.storages.twophase import Commit, TwoPhaseStorage


class Blocked(Exception):
    """The object can't be brought back to what it was; the argument tells why."""


class Difference(NamedTuple):
    """What the class of an object has to merge: `now` and `before` were both made from `undone`.

    What comes of it belongs to where `now` is.
    """

    undone: Record
    now: Record
    before: bytes


#: The records whose data an object gets again, in this order, where None stands for no data.
Sources = tuple[Record | None, ...]


def same_data(one: Record | None, other: Record | None) -> bool:
    """Tell whether both have the same data and the same content of a blob, or none."""
    nothing = None, ""
    first, second = ((each.data, each.blob) if each else nothing for each in (one, other))
    return first == second


def reversal(before: State, after: State, now: State) -> Sources | Difference:
    """Return how to undo what a transaction did to an object; raises `Blocked`."""
    if now.version != after.version:
        raise Blocked("a version has got hold of it since, or lost it")
    has_moved = before.version != after.version
    if same_data(now.newest, after.newest) and (not has_moved or same_data(now.trunk, after.trunk)):
        if has_moved and before.version and not same_data(before.trunk, now.trunk):
            return before.trunk, before.newest
        return (before.newest,)
    if before.version not in ("", after.version):
        raise Blocked("it was changed since it left its version")
    if before.newest is None or before.newest.data is None or not (after.newest and now.newest):
        raise Blocked("there was no such object before, and it was changed since")
    if now.newest.blob:
        raise Blocked("what the blob holds was changed since")
    return Difference(after.newest, now.newest, before.newest.data)


class UndoableStorage(TwoPhaseStorage):
    """A storage that can undo its transactions, as far as it was not packed (STOR-50)."""

    def supportsUndo(self) -> bool:
        """Tell whether transactions can be undone: they can."""
        return True

    def undoLog(
        self,
        first: int = 0,
        last: int = -20,
        filter: Callable[[dict[Any, Any]], object] | None = None,  # noqa: A002 - known by this name
    ) -> list[dict[Any, Any]]:
        """Return descriptions of the transactions that may be undone, newest first (STOR-56).

        Of those that pass `filter`, which is called with each description, the ones from number
        `first` on are returned, up to the one before number `last`, or at most `-last` of them
        where that is negative. A description has the keys "id", which `undo` takes, "time" (in
        seconds since the epoch), "user_name" and "description" (bytes), and those of the extension
        that do not clash with them.
        """
        if last < 0:
            last = first - last
        found: list[dict[Any, Any]] = []
        at_most = maxtid
        while len(found) < last:
            with self._lock:
                history = self._open_history()
                notes = history.notes(just_after(history.packed()), at_most, newest=True)
            if notes is None:
                break
            entry = note_entry(notes) | {"id": undo_id(notes.tid)}
            if notes.status == " " and (filter is None or filter(entry)):
                found.append(entry)
            at_most = p64(u64(notes.tid) - 1)
        return found[first:]

    def undoInfo(
        self, first: int = 0, last: int = -20, specification: Mapping[Any, Any] | None = None
    ) -> list[dict[Any, Any]]:
        """Return what `undoLog` does, of descriptions that have all items of `specification`."""
        wanted = dict(specification or {}).items()
        missing = object()
        return self.undoLog(
            first,
            last,
            lambda entry: all(entry.get(key, missing) == value for key, value in wanted),
        )

    def undo(self, transaction_id: bytes, transaction: object) -> tuple[bytes, list[bytes]]:
        """Bring the objects that a transaction stored back to what they were before it (STOR-51).

        `transaction_id` is the "id" of its description. This is a call of the first phase of the
        two-phase commit of `transaction`, which may undo any number of transactions, each on top of
        the others. Returns the tid and the oids of the new records. An object that the undone
        transaction had created has no data from then on (STOR-53). Raises `UndoError` if there is
        no such transaction, or it has been packed, and `MultipleUndoErrors`, for all objects that
        are in the way, if any is; then nothing is undone.
        """
        with self._lock:
            commit = self._require_begun(transaction, "undo")
            reversals, errors = self._reversals(commit, self._undoable(transaction_id))
        # As in a conflict, the program's code runs without the lock.
        records: list[Record] = []
        for oid, found in reversals.items():
            try:
                records += self._records(oid, commit.tid, found)
            except self._errors.ConflictError as error:
                errors.append((oid, f"it was changed since, and that can't be merged: {error}"))
        if errors:
            raise self._errors.MultipleUndoErrors(errors)
        with self._lock:
            commit = self._require_begun(transaction, "undo")
            for record in records:
                commit.put(record)
        return commit.tid, list(reversals)

    def _undoable(self, transaction_id: bytes) -> Notes:
        try:
            tid = b64decode(transaction_id, validate=True)
        except (TypeError, ValueError):
            tid = b""
        notes = self._open_history().notes(tid, tid) if len(tid) == 8 else None
        if notes is None:
            raise self._errors.UndoError(
                f"{transaction_id!r} is no transaction of {self._name}, or none any more: take the "
                "id from undoLog()"
            )
        if notes.status != " ":
            raise self._errors.UndoError(
                f"transaction {transaction_id!r} of {self._name} was packed: what was there before "
                "it is not known any more"
            )
        return notes

    def _reversals(
        self, commit: Commit, undone: Notes
    ) -> tuple[dict[bytes, Sources | Difference], list[tuple[bytes, str]]]:
        """Return how to undo a transaction, and the objects that are in the way, with reasons."""
        found: dict[bytes, Sources | Difference] = {}
        errors = []
        for oid in dict.fromkeys(record.oid for record in self._history.records(undone.tid)):
            before = state_of(self._history, oid, undone.tid)
            after = state_of(self._history, oid, just_after(undone.tid))
            now = state_now(self._history, oid, commit.records.get(oid, ()))
            try:
                if before.version and not self._versions:
                    raise Blocked(f"version {before.version!r} held it: open with versions=True")
                found[oid] = reversal(before, after, now)
            except Blocked as blocked:
                errors.append((oid, str(blocked)))
        return found, errors

    def _records(self, oid: bytes, tid: bytes, found: Sources | Difference) -> list[Record]:
        """Return the records that undo; raises `ConflictError`. Called without the lock."""
        if not isinstance(found, Difference):
            return [again(oid, tid, one, one.version if one else "") for one in found]
        undone, now, before = found
        data = self._resolve(oid, now.tid, undone.tid, undone.data, now.data, before)
        return [Record(oid, tid, data, version=now.version)]


def undo_id(tid: bytes) -> bytes:
    """Return what names a transaction in the undo log, which is opaque and no tid (STOR-56)."""
    return b64encode(tid)
