"""Files are whole, or what they were before."""

from __future__ import annotations

from pathlib import Path

import pytest
from zodb_conformance.files import write_whole


def test_a_text_replaces_another(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    for text in ("a longer text", "short \ud800"):
        write_whole(path, text)
    assert path.read_text(encoding="utf-8") == "short \\ud800"
    assert list(tmp_path.iterdir()) == [path]


def test_what_breaks_off_leaves_the_old_text_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.json"
    write_whole(path, "old")
    write_text = Path.write_text

    def full(self: Path, text: str, **more: str) -> int:
        write_text(self, text[:1], **more)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, "new")
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]
