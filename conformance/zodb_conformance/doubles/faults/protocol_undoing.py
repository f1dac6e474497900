"""Faults in undo, as scripts drive a storage."""

from __future__ import annotations

from typing import Any

from zodb_reference.errors import ConflictError
from zodb_reference.storages import undoing
from zodb_reference.storages.history import Record
from zodb_reference.storages.undoing import UndoableStorage

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, together


@double(
    "protocol.undo",
    also="protocol.undo-refused protocol.undo-merged"
    " protocol.undo-several protocol.undo-changed-back",
    checks="walk.storage-upkeep",
)
def what_is_undone_stays_done() -> Fault:
    """A transaction is undone by storing once more what it has stored.

    The log tells that it was undone.
    """

    def reversal(correct: Any, before: Any, after: Any, now: Any) -> Any:
        correct(before, after, now)
        return (after.newest,)

    return around(undoing, "reversal", reversal)


@double("protocol.undo-refused", checks="walk.storage-upkeep")
def what_was_changed_since_is_undone_as_well() -> Fault:
    """A transaction is undone even if its objects were changed since.

    Those changes are lost.
    """

    def reversal(correct: Any, before: Any, after: Any, now: Any) -> Any:
        try:
            return correct(before, after, now)
        except undoing.Blocked:
            return (before.newest,)

    def records(correct: Any, storage: Any, oid: bytes, tid: bytes, found: Any) -> Any:
        try:
            return correct(storage, oid, tid, found)
        except ConflictError:
            return [Record(oid, tid, found.before)]

    return together(
        around(undoing, "reversal", reversal), around(UndoableStorage, "_records", records)
    )


@double("protocol.undo-merged", also="protocol.undo-refused", checks="walk.storage-upkeep")
def what_could_be_merged_is_lost() -> Fault:
    """Where the class could take back one change and leave the others, all are taken back.

    Of what was counted since, nothing is left.
    """

    def records(correct: Any, storage: Any, oid: bytes, tid: bytes, found: Any) -> Any:
        merged = correct(storage, oid, tid, found)
        if isinstance(found, undoing.Difference):
            return [Record(oid, tid, found.before)]
        return merged

    return around(UndoableStorage, "_records", records)


@double("protocol.undo-changed-back", checks="walk.storage-upkeep")
def what_was_changed_is_in_the_way_for_ever() -> Fault:
    """A transaction can't be undone where one of its objects was changed since, though it was
    changed back.

    Who has tried something out, and has taken it back, can't undo what he did before.
    """

    def reversals(correct: Any, storage: Any, commit: Any, undone: Any) -> Any:
        found, errors = correct(storage, commit, undone)
        for oid in found.keys() - commit.records.keys():
            is_same = not isinstance(found[oid], undoing.Difference)
            if is_same and storage._current_serial(oid) != undone.tid:
                errors.append((oid, "it was changed since"))
        return found, errors

    return around(UndoableStorage, "_reversals", reversals)


@double("protocol.undo-several", also="protocol.undo-refused", checks="walk.storage-upkeep")
def the_second_undo_is_for_nothing() -> Fault:
    """A transaction that has undone another one undoes no change that was made before that.

    Who takes back his last ten steps takes back one.
    """

    def reversals(correct: Any, storage: Any, commit: Any, undone: Any) -> Any:
        found, errors = correct(storage, commit, undone)
        left = {
            oid: sources
            for oid, sources in found.items()
            if oid not in commit.records or isinstance(sources, undoing.Difference)
        }
        return left, errors

    return around(UndoableStorage, "_reversals", reversals)


@double("protocol.undo-log", checks="walk.storage-upkeep")
def the_log_begins_at_the_beginning() -> Fault:
    """`undoLog` lists the oldest transaction first.

    Who undoes the first of them does not undo what he has just done.
    """

    def log(
        correct: Any, storage: UndoableStorage, first: int = 0, last: int = -20, *args: Any
    ) -> Any:
        found = correct(storage, first, last, *args)
        return found[::-1] if last - first > 1 else found

    return around(UndoableStorage, "undoLog", log)
