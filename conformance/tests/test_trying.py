"""What storages can do that they have no way to say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ZODB.DemoStorage import DemoStorage
from ZODB.FileStorage import FileStorage
from ZODB.MappingStorage import MappingStorage
from zodb_conformance import runner
from zodb_conformance.plan import Plan
from zodb_conformance.supervisor import stages
from zodb_conformance.supervisor.nursery import Nursery
from zodb_conformance.supervisor.process import Limits
from zodb_conformance.targets import resolve, trying
from zodb_conformance.targets.base import Storage


class Forgetting(MappingStorage):
    """Keeps the current revisions alone."""

    def loadBefore(self, oid: bytes, tid: bytes) -> Any:  # noqa: N802
        found = super().loadBefore(oid, tid)
        return found if found and found[2] is None else None


class Refusing(MappingStorage):
    """Takes no record."""

    def store(self, *_: Any) -> None:
        raise ValueError("no room")


def filed(directory: Path) -> Any:
    return FileStorage(str(directory / "Data.fs"))


def once(directory: Path) -> Any:
    if any(directory.iterdir()):
        raise OSError("the file is locked")
    return filed(directory)


@pytest.mark.parametrize(
    ("open_storage", "has"),
    [
        pytest.param(filed, ["old-revisions", "durable"], id="in a file"),
        pytest.param(lambda _: MappingStorage(), ["old-revisions"], id="in memory"),
        pytest.param(lambda _: Forgetting(), [], id="without old revisions"),
        pytest.param(
            lambda directory: DemoStorage(base=filed(directory)),
            ["old-revisions"],
            id="in memory, beside a file that stays empty",
        ),
        pytest.param(once, ["old-revisions", "durable"], id="in a file that can't be opened again"),
        pytest.param(lambda _: Refusing(), [], id="one that takes nothing"),
    ],
)
def test_what_a_storage_can_do_is_found_out_by_trying(
    open_storage: Callable[[Path], Any], has: list[str]
) -> None:
    assert list(trying.found(Storage(open_storage, ()))) == has


FACTORY = """
import os
from ZODB.FileStorage import FileStorage

def open_storage(directory):
    path = os.path.join(directory, "Data.fs")
    if os.path.exists(path):
        raise OSError("the file is locked")
    return FileStorage(path)
"""


def test_a_storage_that_can_not_be_opened_again_is_told_by_the_clauses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.joinpath("opened_once.py").write_text(FACTORY, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    plan = Plan(target="opened_once:open_storage")
    assert sorted(runner.tried(plan)) == ["durable"]  # it announces the other
    target = resolve(Plan(target="opened_once:open_storage", found=("durable",)))
    assert "durable" in target.capabilities - target.unknown
    assert target.storage is not None
    folder = tmp_path / "one"
    folder.mkdir()
    target.storage.open(folder).close()
    with pytest.raises(OSError, match="the file is locked"):
        target.storage.open(folder)


def test_what_is_known_is_not_tried() -> None:
    assert list(runner.tried(Plan(target="zodb-mapping"))) == []
    assert list(runner.tried(Plan(target="bad_storages:right", found=("durable",)))) == []


@pytest.mark.parametrize(
    ("target", "found"),
    [
        ("keeps-it-to-itself", ("old-revisions",)),
        # Who does not get over it has something there to open.
        ("hangs-when-tried", ("durable", "old-revisions")),
        ("good", ()),
    ],
)
def test_what_was_found_is_known_to_all_that_follows(
    target: str, found: tuple[str, ...], workplace: Path
) -> None:
    plan = Plan(target, checks=("smoke", "examples"))
    nursery = Nursery(plan, ("fake.commit", "fake.example"), "fake_runner", Limits(60, 1.0))
    findings = stages.empty(plan)
    stages.run(nursery, findings)
    assert nursery.plan.found == findings.plan.found == found
    assert {name for name in found if findings.target.capabilities[name]} == set(found)
    assert set(findings.learnt.notes) == {"smoke", "examples"}
