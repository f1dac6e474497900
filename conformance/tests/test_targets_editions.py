"""Editions: databases are opened for the one that is asked for where their target knows it."""

from __future__ import annotations

import importlib
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from zodb_conformance.performing import perform
from zodb_conformance.plan import Plan
from zodb_conformance.reports import building, github, html, terminal
from zodb_conformance.reports.model import Report
from zodb_conformance.reports.words import EDITION_TEXTS
from zodb_conformance.results import Step, Tally
from zodb_conformance.runner import describe, render
from zodb_conformance.running import Run
from zodb_conformance.scripts import resolved
from zodb_conformance.suite import clauses
from zodb_conformance.supervisor import stages
from zodb_conformance.supervisor.findings import TargetInfo
from zodb_conformance.targets import Target, over_baseline, resolve
from zodb_conformance.targets.base import Connections, Storage, over
from zodb_conformance.targets.editions import in_edition
from zodb_conformance.targets.mixing import mixed
from zodb_conformance.targets.opening import definition_of_open_db, opener
from zodb_conformance.targets.ordering import in_order
from zodb_reference.storages import MemoryStorage
from zodb_spec.editions import EDITIONS, Edition
from zodb_spec.preludes import GROUPS, PRELUDE

OLD = "2005-06-10"


def noting(*, knows_editions: bool) -> tuple[Target, list[dict[str, Any]]]:
    """A target that notes the options with which its databases are opened."""
    noted: list[dict[str, Any]] = []
    right = resolve(Plan(target="reference-memory"))

    def open_database(directory: Path, **options: Any) -> Any:
        noted.append(options)
        return right.open_database(directory)

    return replace(right, open_database=open_database, knows_editions=knows_editions), noted


def test_a_target_that_knows_editions_is_opened_for_the_one_that_is_asked_for(
    tmp_path: Path,
) -> None:
    target, noted = noting(knows_editions=True)
    open_database = opener(in_edition(target, OLD), tmp_path)
    for options in ({}, {"database_name": "second"}, {"edition": "2005-06-17"}):
        open_database(**options).close()
    assert noted == [
        {"edition": OLD},
        {"edition": OLD, "database_name": "second"},
        {"edition": "2005-06-17"},
    ]


@pytest.mark.parametrize(("knows_editions", "edition"), [(True, "current"), (False, OLD)])
def test_otherwise_it_is_opened_as_it_is(
    knows_editions: bool, edition: str, tmp_path: Path
) -> None:
    target, noted = noting(knows_editions=knows_editions)
    opener(in_edition(target, edition), tmp_path)().close()
    assert noted == [{}]


def test_the_lines_of_a_witness_ask_for_it() -> None:
    [*_, opening] = resolve(Plan(target="reference-sqlite", edition=OLD)).lines
    assert opening == f"db = zodb_reference.DB(storage, edition='{OLD}')"
    assert resolve(Plan(target="reference-sqlite")).lines[-1] == "db = zodb_reference.DB(storage)"


def test_in_a_witness_too_an_option_of_the_script_wins() -> None:
    target = replace(
        resolve(Plan(target="reference-memory", edition=OLD)),
        lines=("db = dict(edition='2005-06-10', a=1)",),
    )
    program: dict[str, Any] = {}
    exec(definition_of_open_db(target), program)
    assert program["open_db"](edition="2005-06-17") == {"edition": "2005-06-17", "a": 1}
    assert program["open_db"]() == {"edition": OLD, "a": 1}


@pytest.mark.parametrize(
    ("plan", "in_edition"),
    [
        (Plan(target="reference-memory", edition=OLD), True),
        (Plan(target="reference-memory", second="reference-sqlite", edition=OLD), True),
        (Plan(target="zodb-mapping", edition=OLD), False),
        (Plan(target="zodb-mapping"), True),
    ],
)
def test_a_target_says_whether_it_was_opened_for_the_edition(plan: Plan, in_edition: bool) -> None:
    if plan.target.startswith("zodb-"):
        pytest.importorskip("ZODB", reason="the target needs it")
    assert describe(plan)["in_edition"] is in_edition
    assert resolve(plan).edition == plan.edition


def test_the_reference_stands_over_a_storage_in_an_older_edition() -> None:
    pytest.importorskip("ZODB", reason="otherwise it stands over a storage in every edition")
    target = resolve(Plan(target="bad_storages:right", edition=OLD))
    assert target.in_edition
    assert target.lines[-1] == f"db = zodb_reference.DB(storage, edition='{OLD}')"
    assert target.baseline == "reference-memory"
    assert resolve(Plan(target="bad_storages:right")).database == "ZODB.DB"


def test_a_storage_that_is_named_has_versions_as_it_announces(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    right = resolve(Plan(target="bad_storages:right", edition=C))
    assert right.versions is False
    storages = importlib.import_module("bad_storages")
    monkeypatch.setattr(storages, "old", lambda _: MemoryStorage(versions=True), raising=False)
    target = resolve(Plan(target="bad_storages:old", edition=C))
    assert (target.versions, target.in_edition) == (True, True)
    assert resolve(Plan(target="bad_storages:old")).versions is False


def test_the_baseline_is_judged_by_it_too() -> None:
    assert over_baseline(resolve(Plan(target="bad_storages:right", edition=OLD))).edition == OLD


def test_a_script_is_told_by_its_rules() -> None:
    # Which manager a connection of a group works for is not said in that edition.
    told = [render(Plan(edition=edition), GROUPS)[1] for edition in (OLD, "current")]
    assert ["get_connection" in "".join(lines) for lines in told] == [False, True]


def test_both_databases_of_a_mixed_collection_are_of_one_edition() -> None:
    pytest.importorskip("ZODB", reason="the second storage is ZODB's")
    target = resolve(Plan(target="reference-memory", second="zodb-mapping", edition=OLD))
    assert target.second is not None
    asked = f"db = zodb_reference.DB(storage, edition='{OLD}')"
    assert (target.lines[-1], target.second.lines[-1]) == (asked, asked)


@pytest.mark.parametrize("edition", [edition.value for edition in EDITIONS])
def test_a_script_is_held_against_the_edition_that_was_asked_for(
    edition: str, tmp_path: Path
) -> None:
    target, _ = noting(knows_editions=False)
    run = Run(in_edition(target, edition), tmp_path, Tally())
    assert run.world.edition is Edition(edition)
    run.bench.close()


def test_in_the_first_edition_a_reference_in_memory_may_lead_to_another_connection() -> None:
    script: tuple[Step, ...] = (
        *PRELUDE,
        ("new", "x", "Thing"),
        ("link", "root2", "'a'", "x", "strong"),
        ("commit", "manager2"),
        ("begin", "manager1"),
        ("read", "root1", "'a'", "y"),
        ("link", "root1", "'b'", "x", "strong"),
        ("commit", "manager1"),
        ("read", "root1", "'b'", "again"),
    )
    tally = Tally()
    assert perform(resolve(Plan(edition=OLD)), resolved(script), tally) is None
    assert tally.counts["xref.separate-accepted"]


def test_the_released_zodb_is_run_as_it_is() -> None:
    pytest.importorskip("ZODB", reason="it is what is run here")
    target = resolve(Plan(target="zodb-mapping", edition=OLD))
    assert perform(target, resolved(PRELUDE), Tally()) is None
    _, _, _, program = render(Plan(target="zodb-mapping", edition=OLD), PRELUDE)
    assert OLD not in program


# Versions.

C = "2006-08-16"


def having_versions(*capabilities: str) -> Target:
    """A target whose storages have versions where they are asked for."""
    kinds = [
        Storage(lambda directory, kind=kind: [kind], (f"storage = [{kind!r}]",))
        for kind in ("plain", "with versions")
    ]
    return over(
        "mine",
        Connections("mine", lambda storage, edition="": (storage, edition), ("db = (storage,)",)),
        kinds[0]._replace(versions=kinds[1]),
        capabilities=frozenset({"several-databases", *capabilities}),
        knows_editions=True,
    )


@pytest.mark.parametrize(
    ("capabilities", "edition", "opened"),
    [
        (["versions"], C, (["with versions"], C)),
        (["versions"], OLD, (["plain"], OLD)),
        (["versions"], "current", (["plain"], "")),
        ([], C, (["plain"], C)),
    ],
)
def test_storages_have_versions_where_the_edition_and_the_target_have_them(
    capabilities: list[str], edition: str, opened: tuple[Any, str], tmp_path: Path
) -> None:
    target = in_edition(having_versions(*capabilities), edition)
    assert target.open_database(tmp_path) == opened
    assert f"storage = {opened[0]!r}" in target.lines
    assert target.storage is not None
    assert target.storage.open(tmp_path) == opened[0]


@pytest.mark.parametrize("both", [True, False])
def test_both_storages_of_a_mixed_target_have_versions_or_neither(
    both: bool, tmp_path: Path
) -> None:
    second = having_versions(*(["versions"] if both else []))
    target = in_edition(mixed(having_versions("versions"), second), C)
    kind = "with versions" if both else "plain"
    assert target.second is not None
    assert target.open_database(tmp_path) == ([kind], C)
    assert target.second.open_database(tmp_path) == ([kind], C)


def test_storages_in_order_have_versions_too(tmp_path: Path) -> None:
    class Keyed:
        sortKey = None  # noqa: N815

    kinds = [Storage(lambda directory: Keyed(), (each,)) for each in ("plain", "with versions")]
    target = replace(having_versions("versions"), storage=kinds[0]._replace(versions=kinds[1]))
    ordered = in_edition(in_order(target), C)
    assert ordered.storage is not None
    assert ordered.storage.lines == ("with versions",)
    keys = [ordered.storage.open(tmp_path).sortKey() for _ in range(2)]
    assert keys == sorted(set(keys))


# The report.


def test_every_edition_is_told_in_words() -> None:
    assert list(EDITION_TEXTS) == [edition.value for edition in EDITIONS]


def report_of(*, in_edition: bool, edition: str = OLD) -> Report:
    findings = stages.empty(Plan(target="mine", edition=edition))
    findings.target = TargetInfo("mine", in_edition=in_edition)
    return building.build(findings, clauses(), folder=Path("report"), command="again")


def told(report: Report) -> str:
    stream = io.StringIO()
    terminal.summary(report, Console(file=stream, width=200))
    return stream.getvalue()


def test_the_report_says_where_a_target_does_not_know_editions() -> None:
    sentence = (
        f"{OLD}, the first chapter on references across databases; mine can't be opened for it: it "
        "was run as it is, and judged by that"
    )
    report = report_of(in_edition=False)
    assert f"  edition {sentence}\n" in told(report)
    assert sentence.replace("'", "&#39;") in html.page(report)
    assert f"\nEdition {sentence}.\n" in github.job_summary(report)
    assert report.to_json()["target"]["in_edition"] is False


def test_the_report_names_an_older_edition_and_is_silent_about_the_current_one() -> None:
    sentence = f"  edition {OLD}, the first chapter on references across databases\n"
    assert sentence in told(report_of(in_edition=True))
    assert "edition" not in told(report_of(in_edition=True, edition="current"))
    assert "Edition" not in github.job_summary(report_of(in_edition=True, edition="current"))
