"""The commands that are printed run in the shell of the person who reads them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from zodb_conformance import invocation


@pytest.fixture
def bin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the programs of an environment, in which this Python seems to run."""
    made = environment(tmp_path / ".tox" / "conformance")
    monkeypatch.setattr(sys, "executable", str(made / "python3.12"))
    monkeypatch.chdir(tmp_path)
    return made


def environment(folder: Path) -> Path:
    """An environment with its programs, all of which are links as in a real one."""
    (folder / "bin").mkdir(parents=True)
    for name in ("python", "python3.12", "zodb-conformance"):
        (folder / "bin" / name).symlink_to(os.path.realpath(sys.executable))
    return folder / "bin"


def printed() -> tuple[str, str]:
    return invocation.command("run", "a b"), invocation.script(Path("out/x.py"))


def test_what_the_shell_finds_is_called_by_its_name(
    bin_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"/nowhere{os.pathsep}{bin_folder}")
    assert printed() == ("zodb-conformance run 'a b'", "python out/x.py")


def test_what_the_shell_does_not_find_is_called_by_its_path(
    bin_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert printed() == (
        ".tox/conformance/bin/zodb-conformance run 'a b'",
        ".tox/conformance/bin/python out/x.py",
    )
    (bin_folder.parent / "elsewhere").mkdir()
    monkeypatch.chdir(bin_folder.parent / "elsewhere")
    assert printed() == (
        f"{bin_folder}/zodb-conformance run 'a b'",
        f"{bin_folder}/python out/x.py",
    )


def test_another_environment_that_the_shell_finds_is_not_taken_for_this_one(
    bin_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Both Pythons are links to the same file, as those of environments are.
    monkeypatch.setenv("PATH", str(environment(tmp_path / "other")))
    assert all(line.startswith(".tox/conformance/bin/") for line in printed())


def test_what_tox_puts_before_the_path_is_gone_when_it_has_ended(
    bin_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(bin_folder))
    monkeypatch.setenv("TOX_ENV_DIR", str(bin_folder.parent))
    assert all(line.startswith(".tox/conformance/bin/") for line in printed())


def test_without_the_script_the_module_is_called(
    bin_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bin_folder / "zodb-conformance").unlink()
    (bin_folder / "python").unlink()
    monkeypatch.setenv("PATH", str(bin_folder))
    assert printed() == ("python3.12 -m zodb_conformance run 'a b'", "python3.12 out/x.py")
