"""What a disk holds after a power failure, worked out from what was recorded."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from zodb_conformance.crashes import disk, recording
from zodb_conformance.crashes.disk import Disk, everything, nothing
from zodb_conformance.crashes.recording import Operation

FOLDER = Path("/somewhere")


def done(*operations: tuple[object, ...]) -> Disk:
    """A disk after operations: the kind, the path or the descriptor, and what else there is."""
    found = Disk(FOLDER)
    for kind, what, *more in operations:
        if kind in ("make", "open"):
            path = os.fsencode(FOLDER / str(what))
            found.do(Operation("open", int(str(more[0])), 0, path, kind == "make"))
        elif isinstance(what, int):
            place, data = more[0] if more else 0, more[1] if more[1:] else b""
            assert isinstance(place, int)
            assert isinstance(data, bytes)
            found.do(Operation(str(kind), what, place, data, made=False))
        else:
            paths = b"\0".join(os.fsencode(FOLDER / str(path)) for path in (what, *more))
            found.do(Operation(str(kind), -1, 0, paths, made=False))
    return found


def test_what_was_not_synced_is_lost() -> None:
    found = done(("make", "a", 3), ("write", 3, 0, b"one"), ("sync", 3), ("write", 3, 1, b"WO"))
    assert found.image("journal", nothing) == {"a": b"one"}
    assert found.image("journal", everything) == {"a": b"oWO"}


def test_everything_is_synced_together() -> None:
    steps = [("make", "a", 3), ("mkdir", "in"), ("make", "in/b", 4), ("write", 4, 0, b"one")]
    assert done(*steps).image("folders", nothing) == {}
    kept = {"a": b"", "in": None, "in/b": b"one"}
    assert done(*steps, ("sync", -1)).image("folders", nothing) == kept


def test_names_are_kept_before_the_content_of_their_files() -> None:
    found = done(("make", "a", 3), ("write", 3, 0, b"one"))
    assert found.image("journal", nothing) == {}
    assert found.image("all", nothing) == {"a": b""}


def test_any_sync_keeps_the_names_before_it_where_there_is_a_journal() -> None:
    found = done(("make", "a", 3), ("make", "b", 4), ("rename", "a", "c"), ("sync", 4))
    assert found.image("journal", nothing) == {"b": b"", "c": b""}
    assert found.image("folders", nothing) == {}


def test_only_the_sync_of_a_folder_keeps_its_names_for_sure() -> None:
    steps = [("make", "a", 3), ("mkdir", "in"), ("make", "in/b", 4)]
    top, inner = ("open", ".", 5), ("open", "in", 6)
    assert done(*steps, top, ("sync", 5)).image("folders", nothing) == {"a": b"", "in": None}
    assert done(*steps, inner, ("sync", 6)).image("folders", nothing) == {}
    both = done(*steps, inner, ("sync", 6), top, ("sync", 5))
    assert both.image("folders", nothing) == {"a": b"", "in": None, "in/b": b""}


def test_a_file_that_takes_the_place_of_another_comes_with_what_was_synced_of_it() -> None:
    steps = [("make", "a", 3), ("write", 3, 0, b"old"), ("sync", 3)]
    steps += [("make", "b", 4), ("write", 4, 0, b"new"), ("rename", "b", "a")]
    assert done(*steps).image("journal", nothing) == {"a": b"old"}
    assert done(*steps).image("all", nothing) == {"a": b""}
    assert done(*steps[:-1], ("sync", 4), steps[-1]).image("all", nothing) == {"a": b"new"}


def test_pages_are_lost_one_by_one() -> None:
    found = done(("make", "a", 3), ("write", 3, 4000, b"x" * 200), ("truncate", 3, 4190))
    assert found.image("all", everything)["a"] == bytes(4000) + b"x" * 190
    assert found.image("all", lambda change: change.place == 4096)["a"] == (
        bytes(4096) + b"x" * 104
    )


def test_a_link_and_a_removal_leave_the_other_name() -> None:
    found = done(("make", "a", 3), ("write", 3, 0, b"one"), ("link", "a", "b"), ("unlink", "a"))
    assert found.image("all", everything) == {"b": b"one"}


def test_an_image_is_written_and_read_as_it_is(tmp_path: Path) -> None:
    image = {"a": b"one", "in": None, "in/b": b""}
    disk.write(image, tmp_path / "image")
    assert disk.held_in(tmp_path / "image") == image


# The recorder

EVERYTHING = """
import os, shutil
from pathlib import Path
folder = Path(os.environ["RECORDER_FOLDER"])
marks = open(os.environ["RECORDER_MARKS"], "ab", 0)
with open(folder / "a", "wb") as file:
    file.write(b"one" * 3000)
    file.flush()
    os.fsync(file.fileno())
marks.write(b"first")
os.chdir(folder)
with open("a", "r+b", 0) as file:
    os.pwrite(file.fileno(), b"two", 100)
    file.truncate(5000)
    os.writev(file.fileno(), [b"three", b"four"])
with open("a", "ab", 0) as file:
    file.write(b"more")
os.mkdir("in")
shutil.copyfile("a", "in/b")
os.rename("in/b", "in/c")
os.link("in/c", "d")
os.replace("d", "a")
Path("e").write_bytes(b"gone")
Path("e").unlink()
Path("f").write_bytes(b"old")
Path("f").write_bytes(b"new")
os.makedirs("x/y")
Path("x/y/z").write_bytes(b"deep")
shutil.rmtree("x")
fd = os.open("g", os.O_WRONLY | os.O_CREAT)
os.posix_fallocate(fd, 0, 700)
os.close(fd)
marks.write(b"last")
"""


@pytest.fixture
def run_recorded(tmp_path: Path) -> Callable[..., tuple[int, Path, list[Operation]]]:
    if reason := recording.reason_why_not():
        pytest.skip(reason)
    folder, record = tmp_path / "folder", tmp_path / "record"
    folder.mkdir()

    def run(script: str, kill_at: int | None = None) -> tuple[int, Path, list[Operation]]:
        variables = recording.environment(
            folder, marks=tmp_path / "marks", record=record, kill_at=kill_at
        )
        done = subprocess.run(
            [sys.executable, "-c", script], env={**os.environ, **variables}, check=False
        )
        return done.returncode, folder, list(recording.read(record))

    return run


def test_what_was_recorded_leads_to_what_there_is(
    run_recorded: Callable[..., tuple[int, Path, list[Operation]]],
) -> None:
    status, folder, operations = run_recorded(EVERYTHING)
    assert status == 0
    assert [each.payload for each in operations if each.kind == "mark"] == [b"first", b"last"]
    found = Disk(folder)
    for each in operations:
        if each.kind != "mark":
            found.do(each)
    held = disk.held_in(folder)
    assert sorted(held) == ["a", "f", "g", "in", "in/c"]
    assert found.image("all", everything) == held


def test_a_process_is_killed_before_a_change(
    run_recorded: Callable[..., tuple[int, Path, list[Operation]]],
) -> None:
    script = "import os; [open(os.environ['RECORDER_FOLDER'] + f'/{n}', 'w') for n in range(9)]"
    status, folder, _ = run_recorded(script, kill_at=4)
    assert status == -signal.SIGKILL
    assert sorted(disk.held_in(folder)) == ["0", "1", "2"]


SYNCED = """
import os
from pathlib import Path
folder = Path(os.environ["RECORDER_FOLDER"])
fd = os.open(folder / "a", os.O_WRONLY | os.O_CREAT | os.{flag})
os.write(fd, b"one")
os.pwrite(fd, b"two", 3)
os.close(fd)
"""


@pytest.mark.parametrize("flag", ["O_DSYNC", "O_SYNC"])
def test_what_is_written_through_is_on_the_disk(
    flag: str, run_recorded: Callable[..., tuple[int, Path, list[Operation]]]
) -> None:
    for chosen, expected in ((flag, b"onetwo"), ("O_CLOEXEC", b"")):
        _, folder, operations = run_recorded(SYNCED.format(flag=chosen))
        found = Disk(folder)
        for each in operations:
            found.do(each)
        assert found.image("all", nothing) == {"a": expected}
        (folder / "a").unlink()
        (folder.parent / "record").unlink()


def test_whoever_syncs_all_files_has_them_on_the_disk(
    run_recorded: Callable[..., tuple[int, Path, list[Operation]]],
) -> None:
    _, folder, operations = run_recorded(SYNCED.format(flag="O_CLOEXEC") + "os.sync()")
    found = Disk(folder)
    for each in operations:
        found.do(each)
    assert found.image("folders", nothing) == {"a": b"onetwo"}


@pytest.fixture
def built_anew() -> Iterator[None]:
    recording._built.cache_clear()
    yield
    recording._built.cache_clear()


@pytest.mark.usefixtures("built_anew")
def test_where_no_compiler_is_the_reason_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert "C compiler" in recording.reason_why_not()


@pytest.mark.usefixtures("built_anew")
def test_where_the_compiler_fails_the_reason_says_what_it_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    compiler = tmp_path / "cc"
    compiler.write_text("#!/bin/sh\necho no headers >&2\nexit 1\n")
    compiler.chmod(0o700)
    monkeypatch.setattr(shutil, "which", lambda name: str(compiler))
    assert recording.reason_why_not().endswith("no headers")


@pytest.mark.usefixtures("built_anew")
def test_where_there_is_no_linux_the_reason_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert "darwin" in recording.reason_why_not()
