"""Targets: what a name, a file or an address stands for, and what is said where it stands for
nothing.
"""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import transaction
import zodb_spec.contents  # noqa: F401  # states all clauses
from target_names import EACH, PLAIN, clean
from zodb_conformance import runner
from zodb_conformance.checks import mixes_for
from zodb_conformance.errors import TargetUnusable
from zodb_conformance.plan import Plan
from zodb_conformance.runner import check_names
from zodb_conformance.targets import CAPABILITIES, Target, registered, resolve
from zodb_conformance.targets.reference import memory
from zodb_conformance.targets.storages import definitions
from zodb_reference.storages import MemoryStorage
from zodb_spec.clause import clauses
from zope.interface import providedBy

pytest.importorskip("ZODB", reason="most targets are made with ZODB")

NAMES = tuple(registered())


def usable(database: Any) -> bool:
    """Whether an object can be stored in a database; it is closed afterwards."""
    manager = transaction.TransactionManager()
    connection = database.open(transaction_manager=manager)
    connection.root()["key"] = 1
    manager.commit()
    found = bool(connection.root()["key"] == 1)
    connection.close()
    database.close()
    return found


def refusal(**plan: str) -> str:
    """What is said of a plan whose target is not usable."""
    with pytest.raises(TargetUnusable) as error:
        resolve(Plan(**plan))
    return str(error.value)


# Registered targets.


def test_the_reference_and_three_storages_of_zodb_are_registered() -> None:
    assert set(NAMES) >= {
        "reference-memory",
        "reference-sqlite",
        "zodb-mapping",
        "zodb-file",
        "zodb-demo",
    }


@pytest.mark.parametrize("name", ["", "reference", "reference-memory"])
def test_the_reference_in_memory_is_what_is_meant_where_nothing_else_is_said(name: str) -> None:
    assert resolve(Plan(target=name)).name == "reference-memory"


@pytest.mark.parametrize("name", EACH)
def test_a_registered_target_opens_a_database_that_works(name: str, tmp_path: Path) -> None:
    assert usable(resolve(Plan(target=name)).open_database(tmp_path))


@pytest.mark.parametrize("name", EACH)
def test_the_lines_of_a_target_open_a_database_that_works(name: str) -> None:
    program: dict[str, Any] = {}
    exec("\n".join(resolve(Plan(target=name)).lines), program)
    assert usable(program["db"])
    clean(program)


@pytest.mark.parametrize("name", EACH)
def test_a_target_says_what_it_is_and_what_it_can_do(name: str) -> None:
    told = runner.describe(Plan(target=name))
    assert told["name"] == name
    assert told["level"] == "connection"
    assert told["baseline"] in NAMES
    assert told["database"] in ("ZODB.DB", "zodb_reference.DB")
    assert set(told["capabilities"]) == set(CAPABILITIES)
    assert told["capabilities"]["raw-records"] is True
    assert "not installed" not in told["packages"].values()
    assert {"persistent", "transaction"} <= set(told["packages"])


@pytest.mark.parametrize("name", EACH)
def test_a_target_declares_known_capabilities(name: str) -> None:
    assert resolve(Plan(target=name)).capabilities <= set(CAPABILITIES)


def test_a_clause_needs_known_capabilities() -> None:
    assert {need for clause in clauses().values() for need in clause.needs} <= set(CAPABILITIES)


@pytest.mark.parametrize("name", EACH)
def test_a_target_is_durable_as_it_declares(name: str, tmp_path: Path) -> None:
    target = resolve(Plan(target=name))
    assert usable(target.open_database(tmp_path))
    database = target.open_database(tmp_path)
    connection = database.open(transaction_manager=transaction.TransactionManager())
    assert ("key" in connection.root()) == ("durable" in target.capabilities)
    connection.close()
    database.close()


# Baselines.


@pytest.mark.parametrize(
    ("plan", "baseline"),
    [
        ({"target": "zodb-file"}, "zodb-demo"),
        ({"target": "zodb-mapping"}, "zodb-mapping"),
        ({"target": "ZODB.MappingStorage:MappingStorage"}, "zodb-mapping"),
        ({"target": "reference-sqlite"}, "reference-memory"),
        ({"target": "zodb-mvcc-mapping"}, "zodb-snapshots, plain"),
        ({"target": "zodb-snapshots"}, "zodb-snapshots"),
    ],
)
def test_a_baseline_is_the_same_database_over_a_known_storage(
    plan: dict[str, str], baseline: str, tmp_path: Path
) -> None:
    target, known = resolve(Plan(**plan)), resolve(Plan(**plan, baseline=True))
    assert (known.name, known.database) == (baseline, target.database)
    assert (known.capabilities, known.resolves) == (target.capabilities, target.resolves)
    assert usable(known.open_database(tmp_path))


def test_the_baseline_of_storages_with_snapshots_is_taken_for_one(tmp_path: Path) -> None:
    """Else it would excuse, for those that are compared with it, whatever goes wrong over it."""
    database = resolve(Plan(target="zodb-snapshots")).open_database(tmp_path)
    writer, reader = (transaction.TransactionManager() for _ in range(2))
    root = database.open(transaction_manager=writer).root()
    seen = database.open(transaction_manager=reader).root()
    assert "IMVCCStorage" in {each.__name__ for each in providedBy(database.storage).flattened()}
    root["key"] = 1
    writer.commit()
    assert "key" not in seen
    reader.begin()
    assert seen["key"] == 1
    database.close()


@pytest.mark.parametrize("target", ["zodb-file", "zodb-mapping", "reference-sqlite"])
@pytest.mark.parametrize("backwards", [False, True])
def test_the_databases_of_a_baseline_have_an_order(
    target: str, backwards: bool, tmp_path: Path
) -> None:
    known = resolve(Plan(target=target, baseline=True, variant="backwards" if backwards else ""))
    together: dict[str, Any] = {}
    names = [str(number) for number in range(12)]
    opened = [
        known.open_database(tmp_path, databases=together, database_name=name) for name in names
    ]
    first = opened[0].open(transaction.TransactionManager())
    members = [first.get_connection(name) for name in names]
    in_turn = sorted(members, key=lambda member: str(member.sortKey()))
    assert in_turn == (members[::-1] if backwards else members)
    first.close()
    for database in opened:
        database.close()


def test_a_database_of_ones_own_has_no_baseline() -> None:
    plan = Plan(database="faulty_databases:faultless", baseline=True)
    with pytest.raises(TargetUnusable, match="no storage to compare with"):
        resolve(plan)


# Factories.


def test_a_storage_factory_is_named_by_module_and_name(tmp_path: Path) -> None:
    target = resolve(Plan(target="ZODB.MappingStorage:MappingStorage"))
    assert (target.level, target.database) == ("storage", "ZODB.DB")
    assert usable(target.open_database(tmp_path))


@pytest.mark.parametrize(
    ("plan", "resolves"),
    [
        ({"target": "zodb-file"}, True),
        ({"target": "zodb-mapping"}, False),
        ({"target": "ZODB.MappingStorage:MappingStorage"}, None),
        ({"database": "faulty_databases:faultless"}, None),
    ],
)
def test_a_target_resolves_conflicts_or_not_or_does_not_say(
    plan: dict[str, str], resolves: bool | None
) -> None:
    assert resolve(Plan(**plan)).resolves is resolves


def test_without_zodb_a_storage_is_used_by_the_reference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ZODB", None)
    target = resolve(Plan(target="zodb_reference.storages.memory:MemoryStorage"))
    assert target.database == "zodb_reference.DB"
    assert "import zodb_reference" in target.lines


def test_a_database_factory_is_named_by_module_and_name(tmp_path: Path) -> None:
    target = resolve(Plan(database="faulty_databases:faultless"))
    assert (target.level, target.name) == ("connection", "faulty_databases:faultless")
    assert usable(target.open_database(tmp_path))


def test_a_target_can_be_named_itself_or_by_its_class(monkeypatch: pytest.MonkeyPatch) -> None:
    class Own(Target):
        def __init__(self) -> None:
            super().__init__("own", memory().open_database, ())

    monkeypatch.setattr("faulty_databases.own_class", Own, raising=False)
    monkeypatch.setattr("faulty_databases.own", Own(), raising=False)
    for name in ("own", "own_class"):
        plan = Plan(target=f"faulty_databases:{name}")
        assert resolve(plan).name == "own"
        assert resolve(replace(plan, edition="2005-06-10")).edition == "2005-06-10"
        assert resolve(replace(plan, second="reference-sqlite")).second is not None


def test_the_lines_of_a_factory_open_a_database_that_works() -> None:
    program: dict[str, Any] = {}
    exec("\n".join(resolve(Plan(target="ZODB.DemoStorage:DemoStorage")).lines), program)
    assert usable(program["db"])
    program["directory"].cleanup()


@pytest.mark.parametrize("name", ["open_storage", "content", "mapping"])
def test_a_factory_may_be_called_like_what_plain_scripts_define(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"faulty_databases.{name}", lambda folder: MemoryStorage(), raising=False)
    target = resolve(Plan(target=f"faulty_databases:{name}"))
    program: dict[str, Any] = {}
    exec(f"import os\n{definitions(target)}\nstorage = open_storage()", program)
    assert len(program["storage"]) == 0
    program["folders"][0][1].cleanup()


# Several databases at once.


def several(plan: Plan) -> bool:
    return "several-databases" in resolve(plan).capabilities


def test_of_a_storage_several_can_be_open_unless_a_server_has_one_place_for_all(
    tmp_path: Path,
) -> None:
    assert several(Plan(target="ZODB.DemoStorage:DemoStorage"))
    assert all(several(Plan(target=name)) for name in PLAIN)
    for kind, expected in (("mappingstorage", True), ("zeoclient", False)):
        config = tmp_path / "storage.conf"
        config.write_text(f"<{kind}>\n</{kind}>\n")
        assert several(Plan(zconfig=str(config))) is expected
    if importlib.util.find_spec("zodburi"):
        assert several(Plan(uri="memory://"))
        assert not several(Plan(uri="zeo://localhost:9991"))


def alone(directory: str, *, cache_size: int = 1) -> Any: ...


def joining(directory: str, *, databases: Any = None, database_name: str = "unnamed") -> Any: ...


def test_a_database_factory_tells_by_its_options_whether_it_joins_collections(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for factory in (alone, joining):
        monkeypatch.setattr(f"faulty_databases.{factory.__name__}", factory, raising=False)
    assert not several(Plan(database="faulty_databases:alone"))
    assert several(Plan(database="faulty_databases:joining"))


def test_where_only_one_can_be_open_nothing_with_several_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = replace(memory(), capabilities=memory().capabilities - {"several-databases"})
    monkeypatch.setattr("faulty_databases.one", one, raising=False)
    plan = Plan(target="faulty_databases:one")
    assert "walk.databases" not in check_names(plan)
    assert "examples.database_collections" not in check_names(plan)
    assert "story.several-databases" not in check_names(plan)
    assert {"walk.databases", "machine.databases"} <= set(check_names(Plan()))
    beside = replace(plan, second="reference-sqlite")
    assert {"walk.databases", "examples.database_collections"} <= set(check_names(beside))
    assert {"walk.savepoints", "machine.savepoints"} <= set(check_names(plan))
    for mix in mixes_for(one).values():
        assert "open-database" not in {operation.name for operation in mix.choice()}
        assert all(step[0] != "open-database" for each in mix.preludes for step in each)


# Configurations and addresses.


def test_a_zconfig_file_names_a_storage_in_a_folder_of_its_own(tmp_path: Path) -> None:
    config = tmp_path / "storage.conf"
    config.write_text("<filestorage>\n  path {directory}/Data.fs\n</filestorage>\n")
    folder = tmp_path / "folder"
    folder.mkdir()
    target = resolve(Plan(zconfig=str(config)))
    assert usable(target.open_database(folder))
    assert (folder / "Data.fs").exists()
    program: dict[str, Any] = {}
    exec("\n".join(target.lines), program)
    assert usable(program["db"])
    program["directory"].cleanup()


def test_a_uri_names_a_storage_in_a_folder_of_its_own(tmp_path: Path) -> None:
    target = resolve(Plan(uri="file://{directory}/Data.fs"))
    assert usable(target.open_database(tmp_path))
    assert (tmp_path / "Data.fs").exists()


A_FILE = "<filestorage>\n  path {{directory}}/Data.fs\n{0}"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("<nostorage>\n</nostorage>\n", "line 1: unknown type name: 'nostorage'"),
        (A_FILE.format("  road x\n</filestorage>\n"), "line 3: 'road' is not a known key name"),
        (
            A_FILE.format("  read-only maybe\n</filestorage>\n"),
            "line 3: not a valid boolean value: 'maybe'",
        ),
        ("<filestorage>\n</filestorage>\n", "line 2: no values for 'path'; 1 required"),
        (A_FILE.format(""), "line 2: unclosed sections not allowed"),
        (
            "%import no.such.package\n<mappingstorage/>\n",
            "could not load package no.such.package: No module named 'no'",
        ),
    ],
)
def test_a_zconfig_file_with_an_error_is_told_with_the_line_and_the_reason(
    text: str, sentence: str, tmp_path: Path
) -> None:
    config = tmp_path / "storage.conf"
    config.write_text(text)
    folder = tmp_path / "data"
    folder.mkdir()
    with pytest.raises(TargetUnusable) as error:
        resolve(Plan(zconfig=str(config))).open_database(folder)
    found = str(error.value)
    assert found.startswith(str(config))
    assert sentence in found
    assert "failed in" not in found


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "# nothing\n",
            "holds no section; it should hold that of a storage, such as <filestorage>",
        ),
        ("<zodb>\n  <mappingstorage/>\n</zodb>\n", "write only the storage section that is in it"),
        ("<filestorage>\n  path my.fs\n</filestorage>\n", "line 2: path my.fs names a fixed place"),
    ],
)
def test_a_zconfig_file_that_is_none_of_a_storage_in_a_folder_is_refused(
    text: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("storage.conf").write_text(text)
    assert sentence in refusal(zconfig="storage.conf")
    assert [path.name for path in tmp_path.iterdir()] == ["storage.conf"]


def test_an_address_with_a_place_of_its_own_is_refused_before_it_is_opened(tmp_path: Path) -> None:
    assert "write instead: --uri 'file://{directory}/my.fs'" in refusal(
        uri=f"file://{tmp_path}/my.fs"
    )
    assert list(tmp_path.iterdir()) == []


def test_an_address_with_an_error_is_told_when_it_is_used(tmp_path: Path) -> None:
    with pytest.raises(TargetUnusable, match=r"^nothing://here: "):
        resolve(Plan(uri="nothing://here")).open_database(tmp_path)


# What stands for nothing.


@pytest.mark.parametrize(
    ("plan", "sentence"),
    [
        ({"target": "zodb"}, "there is no target 'zodb'; registered are reference-"),
        ({"target": "zodb"}, "a storage factory is written as package.module:name"),
        ({"target": "nowhere.at.all:name"}, "could not be imported: No module named 'nowhere'"),
        ({"target": "json:nothing"}, "module 'json' has no 'nothing'"),
        ({"target": "json:load_"}, "module 'json' has no 'load_' (did you mean load?)"),
        ({"target": "bad_factories:without_folder"}, "without_folder(), and the suite calls it"),
        ({"target": "json:__name__"}, "can't be called; it should be open_storage(directory)"),
        ({"target": "json:"}, "is not of the form package.module:name"),
        ({"target": ":name"}, "is not of the form package.module:name"),
        ({"database": "json"}, "is not of the form package.module:name"),
        ({"database": "json:__name__"}, "can't be called; it should be open_database(directory)"),
        ({"zconfig": "missing.conf"}, "the ZConfig file missing.conf can't be read: "),
    ],
)
def test_what_stands_for_nothing_is_told_with_what_to_mend(
    plan: dict[str, str], sentence: str
) -> None:
    assert sentence in refusal(**plan)


@pytest.mark.parametrize(
    ("module", "plan", "sentence"),
    [
        ("ZODB.config", {"zconfig": __file__}, "--zconfig needs ZODB; install zodb-conformance"),
        ("zodburi", {"uri": "memory://"}, "--uri needs zodburi; install zodb-conformance[zodb]"),
    ],
)
def test_what_is_not_installed_is_told_with_what_to_install(
    module: str, plan: dict[str, str], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    assert sentence in refusal(**plan)


def test_a_registered_target_that_is_not_installed_is_told_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "ZODB"]:
        monkeypatch.setitem(sys.modules, name, None)
    assert refusal(target="zodb-file") == (
        "target 'zodb-file' needs ZODB.FileStorage, which is not installed; "
        "install zodb-conformance[zodb]"
    )
