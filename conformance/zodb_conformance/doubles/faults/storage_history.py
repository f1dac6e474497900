"""Faults in what a storage tells of the history of an object."""

from __future__ import annotations

from typing import Any

from zodb_reference.errors import POSKeyError
from zodb_reference.storages import reading
from zodb_reference.storages.history import Notes, Record
from zodb_reference.storages.iteration import unpickle_extension
from zodb_reference.storages.reading import ReadableStorage
from zodb_reference.storages.twophase import TwoPhaseStorage

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around

Entries = list[dict[Any, Any]]


def _each_entry(**changes: Any) -> Fault:
    """The fault that all entries have something else under these names; None for nothing."""

    def entry(correct: Any, storage: ReadableStorage, record: Record) -> dict[Any, Any]:
        found = correct(storage, record) | changes
        return {name: value for name, value in found.items() if value is not None}

    return around(ReadableStorage, "_history_entry", entry)


@double("storage.history-tells-of-transactions", also="storage.history-has-the-extension")
def nobody_has_done_it() -> Fault:
    """The history does not tell who has committed a revision.

    It can be seen that something was changed, and nobody can be asked why.
    """
    return _each_entry(user_name=b"")


@double("storage.history-is-newest-first")
def the_history_begins_with_the_beginning() -> Fault:
    """The history tells the oldest of the revisions that it tells first.

    A page on the latest changes shows them upside down.
    """

    def told(
        correct: Any, storage: ReadableStorage, oid: bytes, version: Any = None, size: int = 1
    ) -> Entries:
        found: Entries = correct(storage, oid, version, size)
        return found[::-1] if size > 10 else found

    return around(ReadableStorage, "history", told)


@double("storage.history-is-limited")
def one_entry_too_many() -> Fault:
    """The history has one entry more than the size says, where it is more than one.

    A program that has laid out a table for them fails.
    """

    def told(
        correct: Any, storage: ReadableStorage, oid: bytes, version: Any = None, size: int = 1
    ) -> Entries:
        found: Entries = correct(storage, oid, version, size + (size > 1))
        return found

    return around(ReadableStorage, "history", told)


@double("storage.history-of-no-entries")
def no_entries_are_all_entries() -> Fault:
    """For a size of 0 all entries are told.

    A storage that has found enough in its own changes tells all of its base as well.
    """

    def told(
        correct: Any, storage: ReadableStorage, oid: bytes, version: Any = None, size: int = 1
    ) -> Entries:
        found: Entries = correct(storage, oid, version, size or 1000)
        return found

    return around(ReadableStorage, "history", told)


@double("storage.history-has-the-extension")
def the_extension_is_told_apart() -> Fault:
    """What a program has noted is told as one thing, under a name of its own.

    Programs that look for what they have noted do not find it.
    """

    def note_entry(correct: Any, notes: Notes) -> dict[Any, Any]:
        entry = correct(notes)
        known = {name: entry[name] for name in ("time", "user_name", "description")}
        return known | {"extension": entry}

    return around(reading, "note_entry", note_entry)


@double("storage.history-has-the-extension")
def what_was_noted_replaces_user_and_time() -> Fault:
    """What a program has noted takes the place of what the storage knows, where names are the same.

    Who has changed an object, and when, is what somebody else wants it to be.
    """

    def note_entry(correct: Any, notes: Notes) -> dict[Any, Any]:
        return correct(notes) | unpickle_extension(notes.extension_bytes)  # type: ignore[no-any-return]

    return around(reading, "note_entry", note_entry)


@double("storage.history-knows-no-unknown", also="storage.history-of-what-is-uncommitted")
def the_unknown_has_a_history() -> Fault:
    """An object that was never stored has a history, and it is empty.

    A broken link looks like an object that nobody has changed.
    """

    def told(
        correct: Any, storage: ReadableStorage, oid: bytes, version: Any = None, size: int = 1
    ) -> Entries:
        try:
            found: Entries = correct(storage, oid, version, size)
        except POSKeyError:
            return []
        return found

    return around(ReadableStorage, "history", told)


@double("storage.history-sizes")
def all_records_are_of_one_size() -> Fault:
    """The history tells the same size for all records.

    Nobody finds out what makes the database large.
    """
    return _each_entry(size=1)


@double("storage.history-has-a-serial")
def the_serial_is_left_out() -> Fault:
    """The entries of a history have no serial.

    Programs of earlier days fail on them.
    """
    return _each_entry(serial=None)


@double("storage.history-of-what-is-uncommitted")
def the_history_comes_before_the_end() -> Fault:
    """A transaction that has voted is in the history of its objects.

    Somebody looks for what was changed, and it was aborted.
    """

    def told(
        correct: Any, storage: TwoPhaseStorage, oid: bytes, version: Any = None, size: int = 1
    ) -> Entries:
        commit = storage._commit
        found: Entries = correct(storage, oid, version, size)
        if commit is not None and commit.prepared is not None and oid in commit.records:
            found.insert(0, {"tid": commit.tid})
        return found

    return around(TwoPhaseStorage, "history", told)
