"""Faults in what a storage keeps of a transaction beside its records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from zodb_reference.errors import StorageError
from zodb_reference.storages.history import Notes
from zodb_reference.storages.sqlite_history import SQLiteHistory
from zodb_reference.storages.twophase import Commit, TwoPhaseStorage

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, together


def _noting(change: Callable[[Commit], None]) -> Fault:
    """The fault that what is noted of a transaction is changed when it begins."""

    def begin(correct: Any, storage: TwoPhaseStorage, *arguments: Any) -> None:
        correct(storage, *arguments)
        if storage._commit is not None:
            change(storage._commit)

    return around(TwoPhaseStorage, "tpc_begin", begin)


@double("storage.metadata-kept")
def nobody_has_no_notes() -> Fault:
    """The notes of a transaction are kept only where it says which user it is of.

    What scripts note, which have no user, is lost.
    """

    def change(commit: Commit) -> None:
        if not commit.user:
            commit.extension_bytes = b""

    return _noting(change)


@double("storage.metadata-of-any-content")
def users_are_text() -> Fault:
    """The user is decoded as text, and what is none is replaced.

    Users whose names are in an old encoding can't be told apart.
    """

    def change(commit: Commit) -> None:
        commit.user = commit.user.decode("utf-8", "replace").encode("utf-8")

    return _noting(change)


@double("storage.metadata-of-any-length")
def descriptions_end_after_four_thousand_bytes() -> Fault:
    """Of a description that is longer than 4000 bytes the rest is dropped.

    What a transaction was for is told by half.
    """

    def change(commit: Commit) -> None:
        commit.description = commit.description[:4000]

    return _noting(change)


@double("storage.metadata-lasts", on="reference-sqlite")
def users_are_forgotten_at_night() -> Fault:
    """When a storage is opened again, its transactions do not say any more which users they are of.

    Who has changed something can be found out until the next restart.
    """
    opened: dict[SQLiteHistory, bytes] = {}

    def begin(correct: Any, history: SQLiteHistory, *arguments: Any) -> None:
        correct(history, *arguments)
        opened[history] = history.last_tid()

    def notes(correct: Any, history: SQLiteHistory, *bounds: Any, **options: Any) -> Notes | None:
        found: Notes | None = correct(history, *bounds, **options)
        if found is None or found.tid > opened[history]:
            return found
        return replace(found, user=b"")

    return together(around(SQLiteHistory, "__init__", begin), around(SQLiteHistory, "notes", notes))


@double("storage.metadata-belongs-to-one", also="storage.metadata-kept")
def who_says_nothing_says_what_was_said_before() -> Fault:
    """A transaction that says nothing of itself is described as the one before it.

    Changes are put down to somebody who has not made them.
    """
    said: list[bytes] = [b""]

    def change(commit: Commit) -> None:
        commit.description = commit.description or said[-1]
        said.append(commit.description)

    return _noting(change)


@double("storage.metadata-too-long")
def long_notes_cost_the_transaction() -> Fault:
    """A transaction with more than 65535 bytes of notes is finished, and not kept.

    The program is told a tid under which nothing is found.
    """

    def finish(
        correct: Any, storage: TwoPhaseStorage, transaction: object, callback: Any = None
    ) -> bytes:
        commit = storage._require_current(transaction, "tpc_finish")
        if len(commit.extension_bytes) > 65535:
            storage._end_commit()
            return commit.tid
        tid: bytes = correct(storage, transaction, callback)
        return tid

    return around(TwoPhaseStorage, "tpc_finish", finish)


@double("storage.metadata-too-long-blocks-nobody")
def long_notes_take_a_turn() -> Fault:
    """After a transaction was refused for its long description, nobody can begin another one.

    One user who writes too much, and the storage takes no more changes.
    """
    blocked: list[TwoPhaseStorage] = []

    def begin(correct: Any, storage: TwoPhaseStorage, transaction: Any, *arguments: Any) -> None:
        if storage in blocked:
            raise StorageError("there is a transaction that was refused")
        if len(transaction.description) > 65535:
            blocked.append(storage)
            raise StorageError("the description is too long")
        correct(storage, transaction, *arguments)

    return around(TwoPhaseStorage, "tpc_begin", begin)
