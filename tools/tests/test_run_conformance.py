"""What the tox environment `conformance` runs, seen by a command that only takes notes."""

import os
import signal
import subprocess
import sys
from importlib import metadata
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import run_conformance
from run_conformance import EACH

COMMAND = """\
#!{python}
import os, signal, sys, time
with open({notes!r}, "a") as notes:
    print(*sys.argv[1:], file=notes)
if "--hang" in sys.argv:
    try:
        os.kill(os.getppid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
    except KeyboardInterrupt:
        time.sleep(0.5)  # longer than an interrupted subprocess.call would wait
        with open({notes!r}, "a") as notes:
            print("report written", file=notes)
        sys.exit(130)
status = {statuses}.get(sys.argv[2], 0)
if status < 0:
    os.kill(os.getpid(), -status)
sys.exit(status)
"""


class Command:
    """A stand-in for zodb-conformance: `ran` is what it was started with, a string each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.notes = folder / "notes"
        self.answer({})

    def answer(self, statuses: dict[str, int]) -> None:
        path = self.folder / "zodb-conformance"
        source = COMMAND.format(python=sys.executable, notes=str(self.notes), statuses=statuses)
        path.write_text(source, encoding="utf-8")
        path.chmod(0o755)

    @property
    def ran(self) -> list[str]:
        return self.notes.read_text(encoding="utf-8").splitlines()


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    return Command(tmp_path)


@pytest.fixture(autouse=True)
def _keep_the_handler_of_pytest() -> object:
    handler = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, handler)


ALL = [
    f"run reference-{name} --report conformance-report/reference-{name}"
    for name in ("memory", "sqlite")
]


def test_without_arguments_the_reference_is_run_in_memory_and_on_sqlite(command: Command) -> None:
    assert run_conformance.main([]) == 0
    assert command.ran == ALL


def test_an_environment_runs_the_targets_that_its_name_says(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("zeo", "relstorage-sqlite-hf", "relstorage-postgresql", "relstorage-sqlite")
    points = [EntryPoint(name, "a:b", "zodb_conformance.targets") for name in names]
    monkeypatch.setattr(metadata, "entry_points", lambda **_: points)
    status = run_conformance.main([EACH, "conformance-relstorage_sqlite", "--profile", "ci"])
    assert status == 0
    assert command.ran == [
        f"run {name} --report conformance-report/{name} --profile ci"
        for name in ("relstorage-sqlite", "relstorage-sqlite-hf")
    ]


def test_an_environment_without_targets_is_an_error() -> None:
    with pytest.raises(SystemExit, match="no target has a name that begins with 'nothing'"):
        run_conformance.main([EACH, "conformance-nothing"])


def test_arguments_reach_the_command_as_they_are(command: Command) -> None:
    assert run_conformance.main(["zodb-file", "--seed", "1"]) == 0
    assert command.ran == ["run zodb-file --seed 1"]


def test_sqlite_is_run_after_memory_deviates(command: Command) -> None:
    command.answer({"reference-memory": 1})

    assert run_conformance.main([]) == 1
    assert command.ran == ALL


def test_the_first_failure_is_the_status(command: Command) -> None:
    command.answer({"reference-memory": 1, "reference-sqlite": 3})

    assert run_conformance.main([]) == 1


def test_a_killed_command_is_no_success(command: Command) -> None:
    command.answer({"reference-sqlite": -signal.SIGKILL.value})

    assert run_conformance.main([]) != 0


def test_nothing_is_run_after_an_interrupt(command: Command) -> None:
    command.answer({"reference-memory": 130})

    assert run_conformance.main([]) == 130
    assert command.ran == ALL[:1]


def test_an_interrupted_command_has_the_time_to_write_its_report(command: Command) -> None:
    status = subprocess.call([sys.executable, run_conformance.__file__, "target", "--hang"])

    assert status == 130
    assert command.ran == ["run target --hang", "report written"]
