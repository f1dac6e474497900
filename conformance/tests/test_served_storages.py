"""Storages on servers that a run starts: each as new, found again by its folder, and apart from all
others.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from target_names import each_of
from zodb_conformance.plan import Plan
from zodb_conformance.servers import keeper, lodging, postgresql, zeo
from zodb_conformance.storagekit import commit, content, newest, value_in
from zodb_conformance.targets import resolve

pytest.importorskip("ZODB", reason="these targets are made with ZODB")

SERVED = each_of(["relstorage-postgresql", "relstorage-postgresql-hf", "zeo", "zeo-shared-blobs"])
[ZEO, *_] = each_of(["zeo"])
z64 = bytes(8)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Path]:
    """A run of its own: its servers end with the test."""
    with lodging.opened() as folder:
        yield folder


def opened(name: str, folder: Path) -> Any:
    """A storage of a target, in a folder that is made where there is none."""
    folder.mkdir(exist_ok=True)
    storage = resolve(Plan(target=name)).storage
    assert storage is not None
    return storage.open(folder)


def found(storage: Any) -> object:
    """The value of the object number 1."""
    return value_in(newest(storage).load(bytes(7) + b"\1")[0])


def store(storage: Any, value: object) -> bytes:
    """Store it there, and give the tid."""
    return commit(storage, (bytes(7) + b"\1", z64, content(value)))


@pytest.mark.parametrize("name", SERVED)
def test_a_storage_is_as_new_whatever_was_done_with_those_before_it(
    name: str, run: Path, tmp_path: Path
) -> None:
    given = set()
    for number in range(3):
        storage = opened(name, tmp_path / "own")
        assert (storage.lastTransaction(), len(storage), list(storage.iterator())) == (z64, 0, [])
        given.add(storage.new_oid())
        store(storage, number)
        if number != 1:  # one is left open
            storage.close()
        shutil.rmtree(tmp_path / "own")
    assert len(given) == 1


@pytest.mark.parametrize("name", SERVED)
def test_storages_are_apart_from_each_other(name: str, run: Path, tmp_path: Path) -> None:
    first, second = opened(name, tmp_path / "first"), opened(name, tmp_path / "second")
    store(first, "first")
    store(second, "second")
    assert (found(first), found(second)) == ("first", "second")
    first.close()
    second.close()


@pytest.mark.parametrize("name", SERVED)
def test_the_folder_of_a_storage_leads_to_the_same_data(
    name: str, run: Path, tmp_path: Path
) -> None:
    storage = opened(name, tmp_path / "own")
    client = opened(name, tmp_path / "own")
    store(storage, "said")
    assert found(client) == "said"
    storage.close()
    client.close()
    again = opened(name, tmp_path / "own")
    assert found(again) == "said"
    again.close()


@pytest.mark.parametrize("name", each_of(["relstorage-postgresql"]))
def test_a_script_gets_a_copy_of_a_cluster_for_its_own(
    name: str, run: Path, tmp_path: Path
) -> None:
    opened(name, tmp_path / "own").close()
    script = "\n".join([*postgresql.lines(), "print(shutil.which('initdb'))"])
    environment = {**os.environ, "PATH": lodging.search_path()}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(run / lodging.COMMANDS / "initdb")


@pytest.mark.parametrize("name", SERVED)
@pytest.mark.skipif(sys.platform != "linux", reason="the time of a server's start is known there")
def test_a_server_that_is_killed_comes_back_with_what_was_committed(
    name: str, run: Path, tmp_path: Path
) -> None:
    storage = opened(name, tmp_path / "own")
    tid = store(storage, "said")
    storage.close()
    [server] = [each for each in run.iterdir() if (each / keeper.ORDER).exists()]
    time.sleep(keeper.STEADY)
    killed = keeper.process_of(server)
    os.kill(killed, signal.SIGKILL)
    end = time.monotonic() + 60
    while keeper.process_of(server) in (0, killed):
        assert time.monotonic() < end
        time.sleep(0.05)
    again = None
    while again is None:
        with suppress(Exception):  # it may not answer yet
            again = opened(name, tmp_path / "own")
        assert time.monotonic() < end
    assert found(again) == "said"
    assert newest(again).lastTransaction() == tid
    again.close()


@pytest.mark.parametrize("name", [ZEO])
def test_when_all_storages_of_a_server_are_used_another_one_takes_its_place(
    name: str, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zeo, "STORAGES", 2)
    kept, *others = (opened(name, tmp_path / str(number)) for number in range(4))
    assert {each.name for each in run.glob("zeo-?")} == {"zeo-1", "zeo-2"}
    for number, storage in enumerate(others, 1):
        storage.close()
        shutil.rmtree(tmp_path / str(number))
    opened(name, tmp_path / "4").close()
    end = time.monotonic() + 20
    while {each.name for each in run.glob("zeo-?")} != {"zeo-1", "zeo-3"}:
        assert time.monotonic() < end, "the second has no users, and the first still has one"
        time.sleep(0.05)
    store(kept, "still there")
    assert found(kept) == "still there"
    kept.close()
