"""Capabilities: what targets declare, and against whom the clauses are held that ask for one, or
for the lack of one.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import transaction
import zodb_spec.contents  # noqa: F401  # states all clauses
from zodb_conformance import runner
from zodb_conformance.plan import Plan
from zodb_conformance.results import Tally
from zodb_conformance.targets import registered, resolve
from zodb_conformance.targets.reference import memory
from zodb_spec.clause import clauses
from zodb_spec.editions import EDITIONS, Edition

pytest.importorskip("ZODB", reason="some targets are made with ZODB")

NAMES = tuple(registered())


def can(name: str, capability: str, **plan: str) -> bool:
    return capability in resolve(Plan(target=name, **plan)).capabilities


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("zodb-")])
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


@pytest.mark.parametrize("name", NAMES)
def test_the_past_can_be_opened_in_the_current_edition_only(name: str) -> None:
    for edition in EDITIONS:
        declared = can(name, "historical", edition=edition.value)
        assert declared == (edition is Edition.CURRENT)


@pytest.mark.parametrize("name", NAMES)
def test_only_the_reference_has_versions_and_only_in_the_edition_that_knew_them(name: str) -> None:
    for edition in EDITIONS:
        target = resolve(Plan(target=name, edition=edition.value))
        expected = edition is Edition.C and name.startswith("reference-")
        assert target.versions is expected
        assert ("versions" in target.capabilities) is expected


# What those must do who lack a capability.


@pytest.mark.parametrize("name", NAMES)
def test_every_registered_target_can_be_tried_without_undo(name: str, tmp_path: Path) -> None:
    target = resolve(Plan(target=name))
    plain = target.suited((), ("undo",))
    assert plain is not None
    assert (plain is target) == (name in ("zodb-mapping", "zodb-demo"))
    assert "undo" in runner.describe(Plan(target=name))["lacking"]
    database = plain.open_database(tmp_path)
    assert not getattr(database.storage, "supportsUndo", bool)()
    database.close()
    program: dict[str, Any] = {}
    exec("\n".join(plain.lines), program)
    program["db"].close()
    if "directory" in program:
        program["directory"].cleanup()


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
