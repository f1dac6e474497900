"""Faults in what the undo log of a storage tells, and in its ids."""

from __future__ import annotations

import time
from base64 import b64decode
from typing import Any

from zodb_reference.errors import UndoError
from zodb_reference.oids import maxtid, z64
from zodb_reference.storages import undoing
from zodb_reference.storages.history import Notes, just_after
from zodb_reference.storages.iteration import unpickle_extension
from zodb_reference.storages.packing import PackableStorage
from zodb_reference.storages.reading import note_entry
from zodb_reference.storages.undoing import UndoableStorage

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, together


def _part(entries: list[Any], first: int, last: int) -> list[Any]:
    return entries[first : last if last >= 0 else first - last]


@double("storage.undo-log-entries")
def times_are_in_milliseconds() -> Fault:
    """The log tells times in thousandths of a second.

    All that happened is shown as to come in fifty thousand years.
    """

    def log(correct: Any, *args: Any) -> Any:
        return [each | {"time": each["time"] * 1000} for each in correct(*args)]

    return around(UndoableStorage, "undoLog", log)


@double("storage.undo-log-of-nothing")
def what_is_voted_for_is_listed() -> Fault:
    """The log lists a transaction that has voted, before it is finished.

    Who chooses it may have chosen what never happens.
    """

    def log(correct: Any, storage: Any, *args: Any) -> Any:
        commit = storage._commit
        running = [note_entry(commit.prepared)] if commit and commit.prepared else []
        return running + correct(storage, *args)

    return around(UndoableStorage, "undoLog", log)


@double("storage.undo-log-in-parts")
def later_parts_overlap() -> Fault:
    """Where a part of the log is told that does not begin with the first few entries, and its
    length is said, it has one entry more.

    The pages that a person leafs through overlap.
    """

    def log(correct: Any, storage: Any, first: int = 0, last: int = -20, *args: Any) -> Any:
        return correct(storage, first, last - 1 if last < 0 and first > 4 else last, *args)

    return around(UndoableStorage, "undoLog", log)


@double("storage.undo-info-default")
def ten_are_enough() -> Fault:
    """Where nothing is said, ten entries of the log are told.

    A program that counts on twenty shows half a page.
    """

    def info(
        correct: Any, storage: Any, first: int = 0, last: int = -10, specification: Any = None
    ) -> Any:
        return correct(storage, first, last, specification)

    return around(UndoableStorage, "undoInfo", info)


@double("storage.undo-info-chooses-first")
def others_count_as_well() -> Fault:
    """Where entries are chosen by their items, those that have not got them count as well.

    The second page of what somebody has done is empty.
    """

    def info(
        correct: Any, storage: Any, first: int = 0, last: int = -20, specification: Any = None
    ) -> Any:
        wanted = (specification or {}).items()
        return [each for each in correct(storage, first, last) if wanted <= each.items()]

    return around(UndoableStorage, "undoInfo", info)


@double("storage.undo-info-items-have-to-be-there")
def what_is_missing_is_none() -> Fault:
    """An entry that lacks an item is chosen where the value None is asked for.

    Who looks for those that say so gets those that say nothing.
    """

    def info(
        correct: Any, storage: Any, first: int = 0, last: int = -20, specification: Any = None
    ) -> Any:
        wanted = dict(specification or {}).items()
        return storage.undoLog(
            first, last, lambda entry: all(entry.get(key) == value for key, value in wanted)
        )

    return around(UndoableStorage, "undoInfo", info)


def _filtering(log: Any) -> Fault:
    """Where the log is asked for with a filter, that is done by `log`; `undoInfo` is as it was."""
    right = UndoableStorage.undoLog

    def info(
        correct: Any, storage: Any, first: int = 0, last: int = -20, specification: Any = None
    ) -> Any:
        wanted = dict(specification or {}).items()
        return right(storage, first, last, lambda entry: wanted <= entry.items())

    return together(
        around(UndoableStorage, "undoLog", log), around(UndoableStorage, "undoInfo", info)
    )


@double("storage.undo-log-filters-first")
def what_is_not_wanted_counts() -> Fault:
    """The log is filtered when a part of it was taken.

    A page of it has gaps, or is empty.
    """

    def log(correct: Any, storage: Any, first: int = 0, last: int = -20, wanted: Any = None) -> Any:
        return [each for each in correct(storage, first, last) if wanted is None or wanted(each)]

    return _filtering(log)


@double("storage.undo-log-filters")
def filters_are_passed_over() -> Fault:
    """A storage in the same process passes over the filter.

    A program has to look through all of the log itself.
    """

    def log(correct: Any, storage: Any, first: int = 0, last: int = -20, wanted: Any = None) -> Any:
        return correct(storage, first, last)

    return _filtering(log)


def _extension(notes: Notes) -> dict[Any, Any]:
    try:
        return dict(unpickle_extension(notes.extension_bytes))
    except ImportError:
        return {}


@double("storage.undo-log-keeps-its-items")
def extensions_win() -> Fault:
    """What an extension notes under a name that the log uses takes the place of what the log says.

    An entry with an extension ``id`` can't be undone, or something else is.
    """

    def entry(correct: Any, notes: Notes) -> Any:
        return correct(notes) | _extension(notes)

    def log(correct: Any, storage: Any, *args: Any) -> Any:
        noted = {}
        at_least = z64
        while notes := storage._history.notes(at_least, maxtid):
            noted[undoing.undo_id(notes.tid)] = _extension(notes)
            at_least = just_after(notes.tid)
        return [each | noted[each["id"]] for each in correct(storage, *args)]

    return together(around(undoing, "note_entry", entry), around(UndoableStorage, "undoLog", log))


@double("storage.undo-log-tells-extensions")
def extensions_are_left_out() -> Fault:
    """The log tells nothing of what was noted as an extension.

    What a program has noted to find a transaction again does not help it.
    """

    def log(correct: Any, *args: Any) -> Any:
        names = ("id", "time", "user_name", "description")
        return [{name: each[name] for name in names} for each in correct(*args)]

    return around(UndoableStorage, "undoLog", log)


@double("storage.undo-log-outlives-classes")
def every_extension_has_to_be_read() -> Fault:
    """Where the extension of one transaction can't be read, the log can't be.

    Nothing can be undone any more once a class was renamed.
    """

    def entry(correct: Any, notes: Notes) -> Any:
        unpickle_extension(notes.extension_bytes)
        return correct(notes)

    return around(undoing, "note_entry", entry)


@double("storage.undo-ids-last")
def ids_grow_old() -> Fault:
    """The id of a transaction is known as long as it is among the last five.

    What a person has chosen can't be undone any more when he has thought about it.
    """

    def undo(correct: Any, storage: Any, transaction_id: bytes, transaction: Any) -> Any:
        known = [each["id"] for each in storage.undoLog(0, 1000)]
        if transaction_id in known[5:]:
            raise UndoError("there is no such transaction any more")
        return correct(storage, transaction_id, transaction)

    return around(UndoableStorage, "undo", undo)


@double("storage.undo-ids-outlive-packing")
def ids_are_places_in_a_file() -> Fault:
    """After a pack, ids from before it are not known any more.

    Who packs while a person chooses what to undo has it refused, or something else undone.
    """

    def log(correct: Any, storage: Any, *args: Any) -> Any:
        found = correct(storage, *args)
        vars(storage).setdefault("listed", set()).update(each["id"] for each in found)
        return found

    def undo(correct: Any, storage: Any, transaction_id: bytes, transaction: Any) -> Any:
        if transaction_id not in vars(storage).get("listed", ()):
            raise UndoError("there is no such transaction any more")
        return correct(storage, transaction_id, transaction)

    def pack(correct: Any, storage: Any, *args: Any, **options: Any) -> None:
        correct(storage, *args, **options)
        vars(storage).pop("listed", None)

    return together(
        around(UndoableStorage, "undoLog", log),
        around(UndoableStorage, "undo", undo),
        around(PackableStorage, "pack", pack),
    )


@double("storage.undo-ids-outlive-reopening", on="reference-sqlite")
def ids_are_of_one_opening() -> Fault:
    """The ids of a storage are others when it is opened again.

    Who restarts a server while a person chooses what to undo has it refused.
    """
    mark = b"%d" % time.time_ns()

    def undo(correct: Any, storage: Any, transaction_id: Any, transaction: Any) -> Any:
        is_of_this = isinstance(transaction_id, bytes) and transaction_id.endswith(mark)
        known = transaction_id[: -len(mark)] if is_of_this else b""
        return correct(storage, known, transaction)

    return together(
        around(undoing, "undo_id", lambda correct, tid: correct(tid) + mark),
        around(UndoableStorage, "undo", undo),
    )


def _of_nothing(instead: Any) -> Fault:
    """What becomes of an undo of something that never was a transaction is said by `instead`."""

    def undo(correct: Any, storage: Any, transaction_id: bytes, transaction: Any) -> Any:
        try:
            return correct(storage, transaction_id, transaction)
        except UndoError:
            if transaction_id in [each["id"] for each in storage.undoLog(0, 1000)]:
                raise
            return instead(storage, transaction_id)

    return around(UndoableStorage, "undo", undo)


@double("storage.undo-of-nothing", also="storage.undo-of-nothing-says-so")
def what_never_was_is_undone() -> Fault:
    """To undo what never was a transaction succeeds, and does nothing.

    The program believes that something was undone.
    """
    return _of_nothing(lambda storage, transaction_id: (storage._commit.tid, []))


@double("storage.undo-of-nothing-says-so")
def ids_are_taken_apart() -> Fault:
    """An id that never was one fails somewhere inside.

    A program that catches the errors of undo breaks down.
    """
    return _of_nothing(lambda storage, transaction_id: b64decode(transaction_id)[8])
