"""What tests of the suite share: fakes of its parts, and processes far from it."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from zodb_conformance.supervisor.process import workplace as place_in_memory

FAKES = Path(__file__).parent / "fakes"
sys.path.insert(0, str(FAKES))


@pytest.fixture(autouse=True, scope="session")
def in_memory():
    """Databases lie where the supervisor puts them: to make and remove their folders on a disk can
    take longer than what is done with them.
    """
    before, tempfile.tempdir = tempfile.tempdir, place_in_memory()
    yield
    tempfile.tempdir = before


@pytest.fixture(autouse=True)
def shell(monkeypatch):
    """A shell that finds this Python and its command by their names, as in an environment that was
    activated.
    """
    here = str(Path(sys.executable).parent)
    monkeypatch.setenv("PATH", os.pathsep.join([here, os.environ.get("PATH", os.defpath)]))
    monkeypatch.delenv("TOX_ENV_DIR", raising=False)


@pytest.fixture
def execute():
    """Runs a script with plain Python, from its standard input, and gives the ended process."""

    def run(script):
        return subprocess.run(
            [sys.executable, "-"],
            input=script,
            capture_output=True,
            check=False,
            text=True,
            env=dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path)),
            timeout=60,
        )

    return run


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """An empty folder to work in; children find the fakes, and nothing is taken for a CI system."""
    paths = [str(FAKES), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    monkeypatch.setenv("FAKE_FOLDER", str(tmp_path))
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "FORCE_COLOR", "PYTHONUNBUFFERED"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def command(workplace, capsys):
    """Runs `zodb-conformance` on the fakes: gives its exit status, its output and its errors."""
    main = importlib.import_module("fake_command").main

    def run(*arguments):
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as error:
            status = error.code
        seen = capsys.readouterr()
        return status, seen.out, seen.err

    return run
