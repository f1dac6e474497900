"""Where the folders of the children lie."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from zodb_conformance.supervisor import process


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A folder that stands for the one in memory; nobody has set TMPDIR."""
    monkeypatch.delenv("TMPDIR", raising=False)
    monkeypatch.setattr(process, "IN_MEMORY", str(tmp_path))
    monkeypatch.setattr(process, "ROOM", 1)
    return str(tmp_path)


def test_they_lie_in_memory_where_there_is_room(memory: str) -> None:
    assert process.workplace() == memory


def test_they_lie_where_tmpdir_says(memory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", memory)
    assert process.workplace() is None


def test_they_do_not_lie_in_memory_where_there_is_little_room(
    memory: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "ROOM", shutil.disk_usage(memory).total + 1)
    assert process.workplace() is None


def test_they_do_not_lie_in_memory_where_there_is_no_such_folder(
    memory: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "IN_MEMORY", memory + "/missing")
    assert process.workplace() is None
