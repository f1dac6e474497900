"""Storages that are opened alone, in examples and in the scripts that tell of them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from zodb_conformance.doctests import program
from zodb_conformance.examples import lines_of, run_example
from zodb_conformance.plan import Plan
from zodb_conformance.results import Tally
from zodb_conformance.storagekit import commit, content, newest, oids_in, value_in
from zodb_conformance.targets import resolve
from zodb_conformance.targets.storages import Storages
from zodb_spec.clause import MUST, Clause
from zodb_spec.editions import EDITIONS

Execute = Callable[[str], subprocess.CompletedProcess[str]]

TEXT = """A rule.

>>> oid = storage.new_oid()
>>> tid = commit(storage, (oid, z64, content("one")))
>>> storage = reopened(storage{})
>>> value_in(newest(storage).load(oid)[0])
'{}'
"""


def clause(text: str) -> Clause:
    """A clause on the storage protocol whose example is `text`."""

    def function() -> None:
        pass

    function.__doc__ = text
    function.__module__ = "zodb_spec.chapters.storage.test"
    return Clause("test.rule", "example", MUST, "storage", (), (), EDITIONS, (), (), (), function)


@pytest.mark.parametrize("options", ["", ", read_only=True"])
@pytest.mark.parametrize("name", ["reference-sqlite", "zodb-file"])
def test_what_is_in_a_folder_can_be_opened_again(
    name: str, options: str, tmp_path: Path, execute: Execute
) -> None:
    pytest.importorskip("ZODB")
    target = resolve(Plan(target=name))
    right = clause(TEXT.format(options, "one"))
    assert run_example(right, target, tmp_path, Tally()) is None
    assert execute(program(right, lines_of(right), target)).returncode == 0
    wrong = clause(TEXT.format(options, "two"))
    (tmp_path / "wrong").mkdir()
    found = run_example(wrong, target, tmp_path / "wrong", Tally())
    assert found is not None
    assert found.message.endswith("it gave 'one'")
    ended = execute(found.witness)
    assert (ended.returncode, ended.stderr) == (1, "test.rule: expected 'two', got 'one'\n")
    assert "zodb_conformance" not in found.witness


def test_a_double_is_faulty_as_a_storage_alone(tmp_path: Path) -> None:
    target = resolve(Plan(target="double:an-empty-storage-has-a-last-transaction"))
    storages = Storages(target, tmp_path)
    storage = storages.open_storage()
    assert storage.lastTransaction() != bytes(8)
    storages.close()
    correct = Storages(resolve(Plan(target="reference-memory")), tmp_path / "other")
    (tmp_path / "other").mkdir()
    assert correct.open_storage().lastTransaction() == bytes(8)
    correct.close()


def test_an_example_can_write_and_read_records(tmp_path: Path) -> None:
    storage = Storages(resolve(Plan(target="reference-memory")), tmp_path).open_storage()
    one, two, three = (storage.new_oid() for _ in range(3))
    tid = commit(storage, (one, bytes(8), content(["any"], two, weak=(three,))))
    data, serial = newest(storage).load(one)
    assert (value_in(data), oids_in(data), serial) == (["any"], [two], tid)
