"""What the names do that examples on the storage protocol use."""

from __future__ import annotations

import time
from typing import Any

import pytest
from zodb_conformance.storagekit import commit, content, kept, pause, undo, values_of
from zodb_reference.errors import UndoError
from zodb_reference.storages import MemoryStorage

ROOT, NOTHING = bytes(8), b"no such!"


@pytest.fixture
def storage() -> Any:
    return MemoryStorage()


def test_values_are_told_of_what_is_there_and_nothing_of_what_is_not(storage: Any) -> None:
    first = commit(storage, (ROOT, ROOT, content(1)))
    second = commit(storage, (ROOT, first, content(2)))
    assert values_of(storage, ROOT, NOTHING) == [2, None]
    assert kept(storage, ROOT, second, first, NOTHING) == [2, 1, None]


def test_an_undo_tells_its_tid_and_what_it_has_changed(storage: Any) -> None:
    commit(storage, (ROOT, ROOT, content(1)))
    tid, told = undo(storage, storage.undoLog(0, 1)[0]["id"])
    assert (tid, told) == (storage.lastTransaction(), [ROOT])


def test_an_undo_that_fails_is_aborted(storage: Any) -> None:
    with pytest.raises(UndoError):
        undo(storage, b"nonsense")
    assert storage.tpc_transaction() is None


def test_a_pause_is_between_what_was_and_what_comes() -> None:
    before = time.time()
    now = pause()
    assert before < now < time.time()
