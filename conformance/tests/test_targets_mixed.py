"""Mixed targets: the first database on one implementation, and every further one on another."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import zodb_reference
from zodb_conformance import witnesses
from zodb_conformance.errors import TargetUnusable
from zodb_conformance.performing import perform
from zodb_conformance.plan import Plan
from zodb_conformance.results import Deviation, Tally
from zodb_conformance.runner import describe, replay
from zodb_conformance.scripts import resolved
from zodb_conformance.suite import clauses
from zodb_conformance.supervisor import stages
from zodb_conformance.supervisor.evidence import needs_this_folder
from zodb_conformance.supervisor.nursery import Nursery
from zodb_conformance.targets import over_baseline, resolve
from zodb_conformance.targets.mixing import mixed
from zodb_conformance.targets.opening import definition_of_open_db, opener
from zodb_conformance.telling import deviation_of
from zodb_conformance.witnesses import Witness
from zodb_spec.preludes import LINKED, THREE

ZODB = pytest.importorskip("ZODB", reason="most of what is mixed here is ZODB's")

Execute = Callable[[str], subprocess.CompletedProcess[str]]

FILE_AND_MEMORY = Plan(target="zodb-file", second="reference-memory")
SQLITE_AND_MAPPING = Plan(target="reference-sqlite", second="zodb-mapping")
CLOSING = (*THREE, ("set", "root3", "'c'", "one"), ("close", "connection5"))
"""What ZODB's connections do wrong over any storage."""


def kinds(database: Any) -> tuple[str, str]:
    """The class of a database and that of its storage."""
    return f"{type(database).__module__}.{type(database).__name__}", type(database.storage).__name__


MIXES = [
    (FILE_AND_MEMORY, ("ZODB.DB.DB", "FileStorage"), ("ZODB.DB.DB", "MemoryStorage")),
    (
        SQLITE_AND_MAPPING,
        ("zodb_reference.db.DB", "SQLiteStorage"),
        ("zodb_reference.db.DB", "MappingStorage"),
    ),
    (
        Plan(target="ZODB.DemoStorage:DemoStorage", second="zodb-file"),
        ("ZODB.DB.DB", "DemoStorage"),
        ("ZODB.DB.DB", "FileStorage"),
    ),
    (
        Plan(target="zodb-mapping", second="ZODB.DemoStorage:DemoStorage"),
        ("ZODB.DB.DB", "MappingStorage"),
        ("ZODB.DB.DB", "DemoStorage"),
    ),
]
each_mix = pytest.mark.parametrize(("plan", "first", "second"), MIXES)


@each_mix
def test_every_further_database_is_on_the_second_storage_under_the_first_db(
    plan: Plan, first: tuple[str, str], second: tuple[str, str], tmp_path: Path
) -> None:
    open_database = opener(resolve(plan), tmp_path)
    one = open_database()
    two = open_database(databases=one.databases, database_name="second")
    three = open_database(databases=one.databases, database_name="third")
    assert [kinds(each) for each in (one, two, three)] == [first, second, second]
    assert one.databases == {"unnamed": one, "second": two, "third": three}
    for database in (three, two, one):
        database.close()


@each_mix
def test_a_plain_script_opens_the_same(
    plan: Plan, first: tuple[str, str], second: tuple[str, str]
) -> None:
    program: dict[str, Any] = {}
    exec(definition_of_open_db(resolve(plan)), program)
    one = program["open_db"]()
    two = program["open_db"](databases=one.databases, database_name="second")
    assert [kinds(each) for each in (one, two)] == [first, second]
    assert one.databases["second"] is two
    closed(program, two, one)


@pytest.mark.parametrize("name", ["zodb-file", "reference-sqlite"])
def test_the_databases_of_a_plain_script_sort_as_they_were_opened(name: str) -> None:
    program: dict[str, Any] = {}
    exec(definition_of_open_db(resolve(Plan(target=name))), program)
    opened = [program["open_db"]() for _ in range(8)]
    keys = [database.storage.sortKey() for database in opened]
    closed(program, *opened)
    assert keys == sorted(keys)


def test_a_folder_with_a_name_of_its_own_keeps_it() -> None:
    lines = (
        "import tempfile",
        "from tempfile import mkdtemp",
        "one = mkdtemp()",
        "two = tempfile.mkdtemp(prefix='mine')",
        "db = DB(one, two)",
    )
    text = definition_of_open_db(replace(resolve(Plan()), lines=lines))
    assert "one = mkdtemp(prefix=f'{len(kept_open) + 1}-')\n" in text
    assert "two = tempfile.mkdtemp(prefix='mine')\n" in text


def closed(program: dict[str, Any], *databases: Any) -> None:
    """Close what a program has opened, and remove its folders."""
    for database in databases:
        database.close()
    for opened in program["kept_open"]:
        if "directory" in opened:
            opened["directory"].cleanup()


def test_a_configuration_can_come_first(tmp_path: Path) -> None:
    config = tmp_path / "storage.conf"
    config.write_text("<filestorage>\n  path {directory}/Data.fs\n</filestorage>\n")
    open_database = opener(resolve(Plan(zconfig=str(config), second="zodb-mapping")), tmp_path)
    found = [open_database(), open_database(database_name="second")]
    assert [kinds(each)[1] for each in found] == ["FileStorage", "MappingStorage"]
    for database in found:
        database.close()


def test_a_mixed_target_can_do_what_both_can() -> None:
    file, mapping = resolve(Plan(target="zodb-file")), resolve(Plan(target="zodb-mapping"))
    found = mixed(file, mapping)
    assert found.name == "zodb-file with zodb-mapping"
    assert found.capabilities == mapping.capabilities
    # A conflict may be resolved in one database and not in the other.
    assert found.resolves is None
    assert found.unknown == file.capabilities - mapping.capabilities
    assert found.unknown > {"conflict-resolution", "durable", "undo"}
    assert resolve(FILE_AND_MEMORY).resolves
    assert {"ZODB", "zodb-conformance"} <= describe(FILE_AND_MEMORY)["packages"].keys()


@pytest.mark.parametrize(
    ("plan", "level"),
    [
        (FILE_AND_MEMORY, "connection"),
        (Plan(target="zodb-file", second="ZODB.DemoStorage:DemoStorage"), "storage"),
        (Plan(target="ZODB.DemoStorage:DemoStorage", second="zodb-file"), "storage"),
    ],
)
def test_a_storage_on_either_side_makes_it_a_matter_of_storages(plan: Plan, level: str) -> None:
    assert resolve(plan).level == level


def test_the_baseline_is_not_mixed() -> None:
    found = resolve(Plan(target="zodb-file", second="ZODB.DemoStorage:DemoStorage"))
    baseline = over_baseline(found)
    assert (baseline.name, baseline.second) == ("zodb-mapping", None)
    assert baseline.capabilities == found.capabilities


# Databases that nobody can take apart.


def one_factory(directory: str, **options: Any) -> Any:
    return ZODB.DB(None, **options)


def another_factory(directory: str, **options: Any) -> Any:
    return zodb_reference.DB(**options)


@pytest.fixture
def factories(monkeypatch: pytest.MonkeyPatch) -> None:
    for factory in (one_factory, another_factory):
        monkeypatch.setattr(f"faulty_databases.{factory.__name__}", factory, raising=False)


@pytest.mark.usefixtures("factories")
@pytest.mark.parametrize(
    ("second", "kind"),
    [
        ("faulty_databases:another_factory", "zodb_reference.db.DB"),
        ("reference-memory", "zodb_reference.db.DB"),
        ("zodb-mapping", "ZODB.DB.DB"),
        ("double:the-root-is-object-number-one", "zodb_reference.db.DB"),
    ],
)
def test_beside_a_database_factory_the_second_opens_its_databases_itself(
    second: str, kind: str, tmp_path: Path
) -> None:
    target = resolve(Plan(database="faulty_databases:one_factory", second=second))
    assert target.name == f"faulty_databases:one_factory with {second}"
    assert (target.level, target.baseline) == ("connection", "")
    open_database = opener(target, tmp_path)
    one = open_database()
    two = open_database(databases=one.databases, database_name="second")
    assert (kinds(one)[0], kinds(two)[0]) == ("ZODB.DB.DB", kind)
    assert one.databases["second"] is two
    for database in (two, one):
        database.close()


def test_what_nobody_can_take_apart_is_judged_as_a_whole() -> None:
    file = resolve(Plan(target="zodb-file"))
    whole = replace(file, level="storage", storage=None, connections=None)
    for found in (mixed(whole, file), mixed(file, whole)):
        assert (found.level, found.database) == ("connection", "ZODB.DB and ZODB.DB")
        assert found.baseline == ""


def test_a_double_opens_its_databases_itself(tmp_path: Path) -> None:
    target = resolve(Plan(target="zodb-mapping", second="double:the-root-is-object-number-one"))
    open_database = opener(target, tmp_path)
    one, two = open_database(), open_database(database_name="second")
    assert kinds(two)[0] == "zodb_reference.db.DB"
    for database in (two, one):
        database.close()


# What can't be mixed.


def test_an_unknown_second_target_is_refused() -> None:
    with pytest.raises(TargetUnusable, match="there is no target 'zodb-nothing'; registered are"):
        resolve(Plan(target="zodb-file", second="zodb-nothing"))


def test_what_is_mixed_is_not_mixed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faulty_databases.both", resolve(FILE_AND_MEMORY), raising=False)
    wanted = "zodb-file with reference-memory is mixed already: its further databases are on ref"
    for plan in (
        Plan(target="zodb-file", second="faulty_databases:both"),
        Plan(target="faulty_databases:both", second="zodb-file"),
    ):
        with pytest.raises(TargetUnusable, match=wanted):
            resolve(plan)
    assert resolve(Plan(target="faulty_databases:both")).name == "zodb-file with reference-memory"


def test_a_second_target_that_fails_is_named(tmp_path: Path) -> None:
    open_database = opener(
        resolve(Plan(target="zodb-file", second="bad_storages:raising")), tmp_path
    )
    one = open_database()
    with pytest.raises(TargetUnusable, match="bad_storages:raising: the storage factory failed"):
        open_database(databases=one.databases, database_name="second")
    one.close()


# Scripts.


@pytest.mark.parametrize(
    "plan", [FILE_AND_MEMORY, Plan(target="zodb-mapping", second="reference-sqlite")]
)
def test_a_mixed_collection_holds_what_it_should(plan: Plan) -> None:
    assert perform(resolve(plan), resolved(LINKED), Tally(), lawful=True) is None


def found_in(plan: Plan) -> Deviation:
    finding = perform(resolve(plan), resolved(CLOSING), Tally())
    assert finding is not None
    return deviation_of(finding, "test.check", resolve(plan))


def test_a_witness_has_the_lines_of_both(execute: Execute) -> None:
    deviation = found_in(FILE_AND_MEMORY)
    assert "storage = MemoryStorage()" in deviation.witness
    assert "ZODB.FileStorage.FileStorage(directory.name + '/Data.fs')" in deviation.witness
    ended = execute(deviation.witness)
    assert (ended.returncode, ended.stderr.partition(":")[0]) == (1, deviation.clause)


def test_a_recorded_failure_is_replayed_on_both(tmp_path: Path) -> None:
    recorded = found_in(FILE_AND_MEMORY)
    witnesses.write(tmp_path, "kept", Witness(FILE_AND_MEMORY, recorded), plain=True)
    read = witnesses.read(tmp_path / "kept.json")
    assert (read.plan.target, read.plan.second) == ("zodb-file", "reference-memory")
    shown = replay(read.plan, read.deviation.script, Tally())
    assert shown is not None
    assert shown.clause == recorded.clause
    assert [each.plan.second for each in witnesses.remembered(tmp_path, FILE_AND_MEMORY)] == [
        "reference-memory"
    ]
    assert witnesses.remembered(tmp_path, replace(FILE_AND_MEMORY, second="")) == []


def test_the_storages_are_not_blamed_for_what_the_connections_do(workplace: Path) -> None:
    plan = Plan(
        target="zodb-mapping",
        second="bad_storages:printing",
        level="",
        checks=("smoke", "walk.databases"),
        only=("group.close-all-or-nothing",),
        budget=3.0,
    )
    findings = stages.empty(plan)
    stages.run(Nursery(plan, tuple(clauses())), findings)
    assert findings.unusable == ""
    assert findings.target.name == "zodb-mapping with bad_storages:printing"
    assert findings.plan.level == "storage"
    assert findings.findings == []


def test_what_lies_in_this_folder_is_found_for_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lies_here.py").touch()
    assert needs_this_folder(Plan(target="zodb-file", second="lies_here:storage"))
    assert needs_this_folder(Plan(target="lies_here:storage", second="zodb-file"))
    assert not needs_this_folder(FILE_AND_MEMORY)


def test_a_run_that_has_not_begun_is_called_what_the_person_called_it() -> None:
    assert stages.empty(FILE_AND_MEMORY).target.name == "zodb-file with reference-memory"
