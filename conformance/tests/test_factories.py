"""Factories of somebody's own: what is wrong with one is told, with what to mend."""

from __future__ import annotations

from pathlib import Path

import pytest
from zodb_conformance.errors import TargetUnusable
from zodb_conformance.plan import Plan
from zodb_conformance.targets import resolve

pytest.importorskip("ZODB", reason="the storages are ZODB's")


@pytest.mark.parametrize(
    ("kind", "factory"), [("target", "bad_storages.nothing"), ("database", "faulty_databases.nil")]
)
def test_a_factory_gets_the_folder_as_text(
    kind: str, factory: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[object] = []
    monkeypatch.setattr(factory, given.append, raising=False)
    target = resolve(Plan(**{kind: factory.replace(".", ":")}))
    with pytest.raises(TargetUnusable, match="factory returned None; it should return a"):
        target.open_database(tmp_path)
    assert given[-1] == str(tmp_path)
    assert all(isinstance(folder, str) for folder in given)


@pytest.mark.parametrize(
    ("kind", "factory", "sentence"),
    [
        ("target", "raising", "the storage factory failed in bad_factories.py, line "),
        ("target", "raising", ": ValueError: no such storage"),
        ("target", "leaving", ": SystemExit: no such storage"),
        ("target", "asking_nobody", "the storage factory failed in bad_factories.py, line "),
        ("target", "a_class", "returned the class MappingStorage; it should return a storage, an"),
        ("target", "a_dictionary", "returned {}; it should return a storage"),
        ("target", "a_database", "which is a database: name it with --database"),
        ("database", "raising", "the database factory failed in bad_factories.py, line "),
        ("database", "a_dictionary", "returned {}; it should return a database"),
        ("database", "a_storage", "which is a storage: name it without --database"),
    ],
)
def test_what_is_wrong_with_a_factory_is_told_when_it_is_used(
    kind: str, factory: str, sentence: str, tmp_path: Path
) -> None:
    target = resolve(Plan(**{kind: f"bad_factories:{factory}"}))
    with pytest.raises(TargetUnusable) as error:
        target.open_database(tmp_path)
    assert sentence in str(error.value)


def test_a_factory_may_leave_its_folder(tmp_path: Path) -> None:
    here = Path.cwd()
    resolve(Plan(target="bad_factories:elsewhere")).open_database(tmp_path).close()
    assert Path.cwd() == here


@pytest.mark.parametrize(
    ("module", "sentence"),
    [
        ("def open_storage(:", "broken.py, line 1: invalid syntax"),
        ("import sys\nsys.exit('bye')", "that failed in broken.py, line 2: SystemExit: bye"),
        ("import no_such_module", "No module named 'no_such_module'"),
        (
            "import json\njson.loads('[')",
            "that failed in broken.py, line 2: json.decoder.JSONDecode",
        ),
    ],
)
def test_a_module_that_can_not_be_imported_is_told_with_the_line(
    module: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    tmp_path.joinpath("broken.py").write_text(module, encoding="utf-8")
    with pytest.raises(
        TargetUnusable, match="'broken:open_storage' could not be imported: "
    ) as error:
        resolve(Plan(target="broken:open_storage"))
    assert sentence in str(error.value)


def test_a_factory_that_returns_the_same_storage_twice_is_not_used(tmp_path: Path) -> None:
    target = resolve(Plan(target="bad_factories:always_the_same"))
    with pytest.raises(TargetUnusable, match="returned the same storage twice"):
        target.open_database(tmp_path)


def test_what_a_database_factory_makes_of_options_is_for_the_checks(tmp_path: Path) -> None:
    target = resolve(Plan(database="bad_factories:a_storage"))
    with pytest.raises(TypeError):
        target.open_database(tmp_path, cache_size=1)
