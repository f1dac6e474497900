"""Capabilities: what targets declare, and against whom the clauses are held that ask for one, or
for the lack of one.
"""

from __future__ import annotations

from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import transaction
import zodb_spec.contents  # noqa: F401  # states all clauses
from target_names import EACH, clean, each_of
from zodb_conformance import runner
from zodb_conformance.errors import TargetUnusable
from zodb_conformance.plan import Plan
from zodb_conformance.results import Tally
from zodb_conformance.storagekit import commit, content
from zodb_conformance.targets import Target, announcing, registered, resolve
from zodb_conformance.targets.announcing import of_database, of_storage
from zodb_conformance.targets.reference import memory
from zodb_spec.clause import clauses
from zodb_spec.editions import EDITIONS, Edition
from zope.interface import Interface, implementer

pytest.importorskip("ZODB", reason="some targets are made with ZODB")

NAMES = tuple(registered())
VERSIONED = ("reference-memory", "reference-sqlite")
DEVIATING = ("relstorage", "tempstorage", "zodb-demo-changes", "zodb-snapshots")
"""How the names of those begin that lack what they announce: the track record has the scripts."""

KEEPING_THEIR_WORD = each_of(name for name in NAMES if not name.startswith(DEVIATING))


def can(name: str, capability: str, **plan: str) -> bool:
    return capability in resolve(Plan(target=name, **plan)).capabilities


@pytest.mark.parametrize("name", KEEPING_THEIR_WORD)
def test_a_target_undoes_packs_and_lists_revisions_as_it_declares(
    name: str, tmp_path: Path
) -> None:
    database = resolve(Plan(target=name)).open_database(tmp_path)
    manager = transaction.TransactionManager()
    with database.transaction() as connection:
        connection.root()["key"] = 1
    assert database.supportsUndo() == can(name, "undo")
    assert can(name, "history")
    assert len(database.history(bytes(8), 5)) == 2
    if can(name, "undo"):
        database.undo(database.undoInfo(0, 1)[0]["id"], manager.begin())
        manager.commit()
        connection = database.open(transaction_manager=manager)
        assert "key" not in connection.root()
        connection.close()
    assert can(name, "pack")
    database.pack()
    assert len(database.history(bytes(8), 5)) == 1
    database.close()


@pytest.mark.parametrize("name", EACH)
def test_the_past_can_be_opened_in_the_current_edition_only(name: str) -> None:
    for edition in EDITIONS:
        declared = can(name, "historical", edition=edition.value)
        assert declared == (edition is Edition.CURRENT and can(name, "old-revisions"))


@pytest.mark.parametrize("name", EACH)
def test_two_storages_have_versions_and_only_in_the_edition_that_knew_them(name: str) -> None:
    for edition in EDITIONS:
        target = resolve(Plan(target=name, edition=edition.value))
        expected = edition is Edition.C and name in VERSIONED
        assert target.versions is expected
        assert ("versions" in target.capabilities) is expected


@pytest.mark.parametrize("name", VERSIONED)
@pytest.mark.parametrize("edition", EDITIONS)
def test_the_storages_of_the_reference_have_versions_as_it_declares(
    name: str, edition: Edition, tmp_path: Path
) -> None:
    target = resolve(Plan(target=name, edition=edition.value))
    assert target.plain is not None
    program: dict[str, Any] = {}
    exec("\n".join(target.lines), program)
    for database, expected in (
        (target.open_database(tmp_path), edition is Edition.C),
        (program["db"], edition is Edition.C),
    ):
        assert database.storage.supportsVersions() == expected
        database.close()
    clean(program)


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("reference-")])
def test_its_plain_ones_have_none(name: str, tmp_path: Path) -> None:
    plain = resolve(Plan(target=name, edition="2006-08-16")).suited((), ("versions",))
    assert plain is not None
    database = plain.open_database(tmp_path)
    assert not database.storage.supportsVersions()
    database.close()


# What those must do who lack a capability.


@pytest.mark.parametrize("name", EACH)
def test_every_registered_target_can_be_tried_without_undo(name: str, tmp_path: Path) -> None:
    target = resolve(Plan(target=name))
    plain = target.suited((), ("undo",))
    assert plain is not None
    assert (plain is target) == ("undo" not in target.capabilities)
    assert "undo" in runner.describe(Plan(target=name))["lacking"]
    database = plain.open_database(tmp_path)
    assert not getattr(database.storage, "supportsUndo", bool)()
    database.close()
    program: dict[str, Any] = {}
    exec("\n".join(plain.lines), program)
    program["db"].close()
    clean(program)


def test_who_says_nothing_of_a_capability_is_neither_with_it_nor_without() -> None:
    silent = replace(
        memory(), capabilities=frozenset({"pack"}), unknown=frozenset({"undo"}), plain=None
    )
    assert silent.suited(("undo",)) is None
    assert silent.suited((), ("undo",)) is None
    assert silent.suited(("pack",), ("history",)) is silent
    assert silent.suited((), ("history", "pack")) is None


def test_a_clause_for_those_who_lack_a_capability_is_held_against_the_plain_target(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refusing() -> None:
        """Where nothing can be undone, nothing is listed.

        >>> db.supportsUndo()
        False
        """

    def undoing() -> None:
        """What is listed can be undone.

        >>> bool(db.supportsUndo())
        True
        """

    stated = clauses()["root.oid-is-zero"]
    for function, more in (
        (refusing, {"without": ("undo",)}),
        (undoing, {"needs": ("undo",)}),
    ):
        id = f"test.{function.__name__}"
        changed = {"id": id, "kind": "example", "function": function, "needs": (), **more}
        monkeypatch.setitem(clauses(), id, replace(stated, **changed))  # type: ignore[arg-type]
    plan = Plan(target="zodb-file", only=("test.*",), checks=("examples.*",))
    tally = Tally()
    runner.run_checks(plan, tally)
    assert tally.deviations == []
    assert tally.counts == {"test.refusing": 1, "test.undoing": 1}


# What comes with nothing but itself.


def answers(target: Target) -> dict[str, bool | None]:
    return {
        name: True if name in target.capabilities else None if name in target.unknown else False
        for name in ("undo", "pack", "history", "historical", "versions")
    }


class Method:
    """A storage that has nothing but what is given, and `close`."""

    def __init__(self, **methods: Any) -> None:
        vars(self).update(methods)

    def close(self) -> None:
        pass


def yes(*_: Any) -> bool:
    return True


def no(*_: Any) -> bool:
    return False


def broken(*_: Any) -> bool:
    raise OSError("the line is dead")


class IStorageUndoable(Interface):
    """What ZODB calls the interface of storages that undo; the name is what counts."""


def undoable() -> Any:
    @implementer(IStorageUndoable)
    class Undoable(Method):
        pass

    return Undoable()


class IMVCCStorage(Interface):
    """What ZODB calls the interface of storages that bring their own snapshots."""


@implementer(IMVCCStorage)
class Instances(Method):
    pass


@pytest.mark.parametrize(
    ("storage", "capability", "answer"),
    [
        (Method(), "undo", False),
        (Method(supportsUndo=yes), "undo", True),
        (Method(supportsUndo=no, undo=yes), "undo", False),
        (Method(undo=yes), "undo", None),
        (Method(supportsUndo=broken, undo=yes), "undo", None),
        (undoable(), "undo", True),
        (Method(), "pack", False),
        (Method(pack=yes), "pack", True),
        (Method(pack=yes), "garbage-collection", True),
        (Method(), "garbage-collection", False),
        (Method(history=yes), "history", True),
        (Method(), "versions", False),
        (Method(commitVersion=yes), "versions", None),
        (Method(supportsVersions=no, commitVersion=yes), "versions", False),
        (Method(supportsVersions=yes), "versions", True),
        (Instances(), "instances", True),
        (Method(new_instance=yes, poll_invalidations=yes), "instances", None),
        (Method(new_instance=yes), "instances", False),
        (Method(), "iteration", False),
        (Method(iterator=yes), "iteration", None),
        (Method(), "old-revisions", None),
        (undoable(), "old-revisions", True),
    ],
)
def test_a_storage_tells_by_what_it_announces(
    storage: Any, capability: str, answer: bool | None
) -> None:
    found = of_storage(lambda directory: storage)
    assert (capability in found.capabilities) is (answer is True)
    assert (capability in found.unknown) is (answer is None)
    assert "conflict-resolution" in found.unknown


def opens(*options: str) -> Any:
    """A method `open` that takes options of these names."""
    program: dict[str, Any] = {}
    exec(f"def open(transaction_manager=None, {', '.join(options)}): pass", program)
    return program["open"]


@pytest.mark.parametrize(
    ("database", "capability", "answer"),
    [
        (Method(open=opens("at=None", "before=None")), "historical", True),
        (Method(open=opens("at=None")), "historical", False),
        (Method(open=opens("**more")), "historical", None),
        (Method(open=opens("at=None", "**more")), "historical", None),
        (Method(open=opens(), invalidateCache=yes), "cache-invalidation", True),
        (Method(open=opens()), "cache-invalidation", False),
        (Method(open=opens("version=''")), "versions", False),
        (Method(open=opens("version=''"), commitVersion=yes), "versions", None),
        (
            Method(open=opens("version=''"), commitVersion=yes, storage=Method()),
            "versions",
            False,
        ),
        (
            Method(
                open=opens("version=''"), commitVersion=yes, storage=Method(supportsVersions=yes)
            ),
            "versions",
            True,
        ),
        (Method(open=opens()), "instances", None),
        (Method(open=opens(), storage=Method()), "instances", False),
        (Method(open=opens(), storage=Instances()), "instances", True),
    ],
)
def test_a_database_tells_by_how_it_can_be_opened(
    database: Any, capability: str, answer: bool | None
) -> None:
    found = of_database(lambda directory: database)
    assert (capability in found.capabilities) is (answer is True)
    assert (capability in found.unknown) is (answer is None)


def test_of_a_database_that_is_named_the_class_of_blobs_is_not_known() -> None:
    found = of_database(lambda directory: memory().open_database(directory))
    assert "blobs" in found.unknown
    plain = memory().plain
    assert plain is not None
    lacking = of_database(plain.open_database)
    assert "blobs" not in lacking.capabilities | lacking.unknown


def test_where_it_cannot_even_be_opened_nothing_is_known() -> None:
    assert of_storage(broken) == (frozenset(), {"conflict-resolution", *announcing.STORAGES})
    assert of_database(broken).unknown >= {"historical", "versions"}


def test_what_is_asked_is_closed_and_its_folder_removed() -> None:
    closed: list[str] = []
    folders: list[Path] = []

    def open_storage(directory: Path) -> Any:
        folders.append(directory)
        assert directory.is_dir()
        return Method(close=lambda: closed.append("closed"), supportsUndo=broken)

    of_storage(open_storage)
    assert closed == ["closed"]
    assert not folders[0].exists()


@pytest.mark.parametrize(
    ("plan", "undo"),
    [
        ({"target": "ZODB.MappingStorage:MappingStorage"}, False),
        ({"zconfig": "storage.conf"}, True),
    ],
)
def test_a_storage_that_is_named_is_asked(
    plan: dict[str, str], undo: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = "<filestorage>\n  path {directory}/Data.fs\n</filestorage>\n"
    (tmp_path / "storage.conf").write_text(text)
    expected = {"undo": undo, "pack": True, "history": True, "historical": True, "versions": False}
    assert answers(resolve(Plan(**plan))) == expected


@pytest.mark.parametrize(
    ("plan", "found"),
    [
        ({"target": "ZODB.MappingStorage:MappingStorage"}, {"old-revisions"}),
        ({"target": "bad_storages:in_a_file"}, {"durable"}),
        ({"target": "bad_storages:in_a_file_that_may_be_read_only"}, {"durable", "read-only"}),
        ({"target": "bad_storages:kept_elsewhere"}, {"old-revisions"}),
        ({"target": "bad_factories:always_the_same"}, set()),
        ({"zconfig": "filestorage"}, {"durable", "read-only"}),
        ({"zconfig": "zeoclient"}, set()),
    ],
)
def test_what_keeps_its_data_in_its_folder_is_found_out(
    plan: dict[str, str],
    found: set[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, line in (
        ("filestorage", "path {directory}/Data.fs"),
        ("zeoclient", "server localhost:9991"),
    ):
        (tmp_path / name).write_text(f"<{name}>\n  {line}\n</{name}>\n")
    asked = Plan(**plan)
    with suppress(TargetUnusable):
        assert set(runner.tried(asked)) == found
    target = resolve(replace(asked, found=tuple(found)))
    assert target.capabilities >= found
    assert target.unknown.isdisjoint(found)


def test_a_folder_that_the_suite_has_filled_is_opened_again(tmp_path: Path) -> None:
    storage = resolve(Plan(target="bad_storages:in_a_file_that_may_be_read_only")).storage
    assert storage is not None
    with closing(storage.open(tmp_path)) as first:
        tid = commit(first, (bytes(8), bytes(8), content("kept")))
    with closing(storage.open(tmp_path)) as again:
        assert again.lastTransaction() == tid
    assert storage.read_only is not None
    with closing(storage.read_only.open(tmp_path)) as again:
        assert again.lastTransaction() == tid
        assert again.isReadOnly()


@pytest.mark.parametrize("name", EACH)
def test_a_target_declares_what_its_storage_announces(name: str) -> None:
    target = resolve(Plan(target=name))
    assert target.storage is not None
    found = of_storage(target.storage.open)
    told = {each for each in announcing.ALONE if each in found.capabilities}
    assert told <= target.capabilities
    declared = target.capabilities.intersection(announcing.ALONE)
    assert declared <= told | found.unknown


def test_a_server_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    # To open its storage may take as long as it is silent.
    asked: list[str] = []
    monkeypatch.setattr("zodb_conformance.targets.resolving.of_storage", asked.append)
    pytest.importorskip("zodburi", reason="it is what opens addresses")
    target = resolve(Plan(uri="zeo://localhost:9991"))
    assert asked == []
    assert {"undo", "pack", "history"} <= target.unknown


@pytest.mark.parametrize("edition", ["current", "2006-08-16"])
def test_a_database_that_is_named_is_asked_in_the_edition_of_the_run(
    edition: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[dict[str, Any]] = []

    def ours(directory: str, *, edition: str = "current", **options: Any) -> Any:
        opened.append({"edition": edition})
        return memory().open_database(Path(directory), edition=edition, **options)

    monkeypatch.setattr("faulty_databases.ours", ours, raising=False)
    target = resolve(Plan(database="faulty_databases:ours", edition=edition))
    assert opened == [{"edition": edition}]
    assert target.knows_editions
    assert target.in_edition


def test_a_database_that_does_not_name_the_option_is_run_as_it_is() -> None:
    plan = Plan(database="faulty_databases:faultless", edition="2006-08-16")
    assert not resolve(plan).in_edition


def test_what_neither_a_target_nor_its_plain_storage_can_be_held_against_is_told() -> None:
    unsuited = runner.describe(Plan(target="reference-snapshots"))["unsuited"]
    # It has snapshots and several clients, and its plain storage has neither.
    assert "storage.announces" in unsuited
    assert "storage.load" not in unsuited
