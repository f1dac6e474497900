"""What the names do that examples on the storage protocol use."""

from __future__ import annotations

import time
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from zodb_conformance.storagekit import (
    Layer,
    caught_up,
    commit,
    content,
    kept,
    pause,
    present,
    told,
    undo,
    values_of,
)
from zodb_reference.errors import UndoError
from zodb_reference.storages import ClientStorage, MemoryStorage

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


def test_a_tid_of_the_present_is_between_those_of_two_transactions(storage: Any) -> None:
    first = commit(storage, (ROOT, ROOT, content(1)))
    tid = present(first)
    assert first < tid < commit(storage, (ROOT, first, content(2)))
    ahead = b"\x7f" * 8
    assert present(ahead) > ahead


def test_catching_up_is_hearing_of_the_transaction(tmp_path: Path) -> None:
    one, other = (ClientStorage(tmp_path / "data.sqlite") for _ in range(2))
    tid = commit(one, (ROOT, ROOT, content(1)))
    assert caught_up(other, tid) is other
    one.close()
    other.close()


def test_catching_up_with_what_never_comes_ends(
    storage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = count(step=40)
    monkeypatch.setattr(time, "monotonic", lambda: next(seconds))
    with pytest.raises(AssertionError, match="expected to hear"):
        caught_up(storage, b"\x7f" * 8)


def test_a_layer_was_told_of_what_it_was_told_in_that_order() -> None:
    layer, one, two = Layer(), (b"1" * 8, (ROOT,)), (b"2" * 8, (ROOT, NOTHING))
    assert told(layer)
    assert not told(layer, one)
    for tid, oids in one, two:
        layer.invalidate(tid, oids)
    assert told(layer, one)
    assert told(layer, two)
    assert told(layer, one, two)
    assert not told(layer, two, one)
    assert not told(layer, (one[0], (ROOT, NOTHING)))


def test_a_layer_that_was_to_forget_everything_was_told_of_all() -> None:
    layer = Layer()
    layer.invalidateCache()
    assert told(layer, (b"1" * 8, (ROOT,)))
