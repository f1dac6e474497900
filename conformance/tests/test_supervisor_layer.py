"""Whose fault it is, a storage's or that of the connections over it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from zodb_conformance import runner, supervisor
from zodb_conformance.context import Context
from zodb_conformance.drivers.search import Search
from zodb_conformance.plan import Plan
from zodb_conformance.reports import building
from zodb_conformance.results import Deviation, Tally
from zodb_conformance.suite import clauses
from zodb_conformance.supervisor import stages
from zodb_conformance.supervisor.findings import TargetInfo
from zodb_conformance.supervisor.layer import Layer
from zodb_conformance.supervisor.nursery import Nursery
from zodb_conformance.supervisor.process import Limits
from zodb_conformance.targets import resolve
from zodb_spec.preludes import GROUPS

LIMITS = Limits(start=60, hang=10)
FAILING = (("set", "a", "one"), ("set", "b", "two"), ("get", "a"))
FALLING = (("set", "a", "one"), ("set", "b", "two"), ("commit",))
HARMLESS = (("set", "a", "one"), ("get", "a"))


def run(target, *checks, **changes):
    """What a run of a target finds, and its report."""
    plan = Plan(target=target, budget=5.0, checks=("smoke", *checks), level="", seed=1)
    nursery = Nursery(replace(plan, **changes), tuple(clauses()), limits=LIMITS)
    findings = stages.empty(nursery.plan)
    storage = [clause.id for clause in clauses().values() if clause.binds == "storage"]
    stages.run(nursery, findings, storage=storage)
    report = building.build(findings, clauses(), folder=Path("report"), command="")
    return findings, report


def rows(report):
    return {row.id: row for row in report.rows}


# With real storages, over the released ZODB.


def test_a_right_storage_conforms_whatever_zodb_does(workplace):
    _, report = run("bad_storages:right", "examples.*", "walk.everything")
    assert (report.verdict, report.plan.level) == ("conforms", "storage")
    found = rows(report)
    assert found["isolation.read-current-of-a-ghost"].verdict == "not-applicable"
    assert found["isolation.read-current-of-a-ghost"].message == (
        "ZODB.DB breaks it over zodb-mapping too, so it does not count against the storage"
    )
    assert "isolation.read-current-of-a-ghost" in report.excused
    assert found["transaction.commit-stores-changes"].verdict == "holds"
    assert report.count("holds") > 120


def test_what_hangs_without_the_storage_is_not_asked_of_it(workplace):
    findings, report = run("bad_storages:right", "examples.connection_interface")
    assert findings.learnt.falls == []
    found = rows(report)["connection.two-in-one-transaction"]
    assert (found.verdict, found.checks) == ("not-applicable", 0)
    assert found.message.startswith("ZODB.DB did not return within 2.5 s over zodb-mapping too")


@pytest.mark.parametrize(
    ("name", "check", "clause"),
    [
        ("resurrecting", "walk.failures", "transaction.failure-stores-nothing"),
        ("truncating", "walk.objects", "transaction.commit-stores-changes"),
        ("unchecking", "walk.isolation", "isolation.read-current"),
    ],
)
def test_a_clause_of_connections_counts_where_the_storage_breaks_it(name, check, clause, workplace):
    # On a machine that is busy elsewhere, a few seconds are too few scripts.
    _, report = run(f"bad_storages:{name}", check, budget=40.0)
    assert report.verdict == "deviates"
    told = {entry.finding.deviation.clause: entry for entry in report.deviations}
    assert told[clause].finding.why == (
        "over zodb-mapping the same script holds, so it is the storage that breaks it"
    )
    assert rows(report)[clause].message.endswith(told[clause].finding.why)


def refused_by_both(root, rival, other):
    """A commit that would store a new object in one database, where it meets a conflict, and is
    refused in the other; which of the two refuses it depends on their order.
    """
    return (
        *GROUPS,
        ("set", rival, "'b'", "one"),
        ("commit", "manager2"),
        ("new", "thing1", "Counter"),
        ("link", root, "'c'", "thing1", "strong"),
        ("link", other, "'b'", "root2", "strong"),
        ("commit", "manager1"),
        ("begin", "manager1"),
    )


@pytest.mark.parametrize(
    ("name", "script"),
    [
        ("in_order", refused_by_both("root1", "root2", "root3")),
        ("backwards", refused_by_both("root3", "root4", "root1")),
    ],
)
def test_what_connections_break_in_one_order_of_databases_does_not_count(name, script, workplace):
    plan = Plan(target=f"bad_storages:{name}", level="storage")
    shown = runner.replay(plan, script, Tally())
    assert shown is not None
    assert shown.clause == "object.abort-disowns"
    baseline = Nursery(replace(plan, baseline=True), tuple(clauses()), limits=LIMITS)
    target = TargetInfo(plan.target, "storage", "ZODB.DB", baseline="zodb-mapping")
    assert Layer(baseline, target, (), {}).held([shown]) == [None]
    search = Search(Context(plan, resolve(plan), Tally()), "walk.databases")
    assert search._breaks_the_baseline(shown.clause, script)


CONFLICT_WITH_A_NEW_OBJECT = (
    ("open", "db", "manager1", "connection1"),
    ("root", "connection1", "root1"),
    ("open", "db", "manager2", "connection2"),
    ("root", "connection2", "root2"),
    ("set", "root1", "'a'", "one"),
    ("commit", "manager1"),
    ("set", "root2", "'a'", "zero"),
    ("new", "thing1", "Thing"),
    ("add", "connection2", "thing1"),
    ("commit", "manager2"),
    ("begin", "manager2"),
)


def test_what_connections_break_where_a_conflict_is_told_late_does_not_count(workplace):
    plan = Plan(target="bad_storages:late", level="storage")
    shown = runner.replay(plan, CONFLICT_WITH_A_NEW_OBJECT, Tally())
    assert shown is not None
    assert shown.clause == "object.abort-keeps-memory"
    baseline = Nursery(replace(plan, baseline=True), tuple(clauses()), limits=LIMITS)
    target = TargetInfo(plan.target, "storage", "ZODB.DB", baseline="zodb-mapping")
    assert Layer(baseline, target, (), {}).held([shown]) == [None]


def test_a_whole_database_answers_for_everything(workplace):
    _, report = run("zodb-mapping", "examples.write_skew")
    assert report.plan.level == "all"
    assert rows(report)["isolation.read-current-of-a-ghost"].verdict == "deviates"
    assert report.excused == ()


# With a fake connection level.


def layer_of(baseline, **more):
    nursery = Nursery(
        Plan(target=f"a-storage-over-{baseline}", baseline=True),
        ("fake.set", "fake.get", "fake.commit", "fake.example"),
        "fake_runner",
        Limits(start=20, hang=1),
    )
    target = TargetInfo("some:storage", "storage", "fake.DB", baseline=baseline)
    return Layer(nursery, target, more.pop("storage", ()), {}, **more)


def found(clause="fake.get", script=FAILING, **more):
    return Deviation(
        clause, **{"check": "walk", "expected": "", "observed": "", **more}, script=script
    )


def test_a_script_that_fails_over_the_baseline_is_excused(workplace):
    layer = layer_of("reads-wrong")
    assert layer.held([found()]) == [None]
    assert layer.excused == {
        "fake.get": "fake.DB breaks it over reads-wrong too, so it does not count against the "
        "storage"
    }


def test_a_script_that_fails_there_in_the_opposite_order_of_databases_is_excused(workplace):
    layer = layer_of("reads-wrong-backwards")
    assert layer.held([found(), found(script=HARMLESS), found("fake.set")]) == [
        None,
        "over reads-wrong-backwards the same script holds, so it is the storage that breaks it",
        "over reads-wrong-backwards the same script holds, so it is the storage that breaks it",
    ]


def test_a_script_that_holds_there_counts_and_says_so(workplace):
    layer = layer_of("reads-wrong")
    [why] = layer.held([found(script=HARMLESS)])
    assert why.startswith("over reads-wrong the same script holds, so it is the storage")
    assert layer.excused == {}


def test_a_script_that_breaks_another_clause_there_counts_and_names_it(workplace):
    [why] = layer_of("reads-wrong").held([found("fake.set")])
    assert why.startswith("over reads-wrong the same script breaks fake.get instead")


def test_what_breaks_a_clause_of_storages_needs_no_second_opinion(workplace):
    assert layer_of("dies-at-birth", storage=("fake.get",)).held([found()]) == [""]


def test_a_baseline_that_falls_over_one_script_is_asked_for_the_others(workplace):
    layer = layer_of("segfaults")
    fall = found("fake.commit", FALLING, kind="crash")
    answers = layer.held([fall, found("fake.commit", FALLING), found(script=HARMLESS), found()])
    assert answers[:2] == [None, None]
    assert all(why.startswith("over segfaults the same script holds") for why in answers[2:])


def test_what_could_not_be_tried_counts_and_says_so(workplace):
    layer = layer_of("reads-wrong")
    layer.nursery.stop.set()
    assert (
        layer.held([found(), found(check="examples.x", script=())])
        == ["it could not be tried over reads-wrong, so it may be the fault of fake.DB"] * 2
    )
    assert layer_of("cannot-connect").held([found()]) == [
        "it could not be tried over cannot-connect, so it may be the fault of fake.DB"
    ]


EXAMPLE = Deviation("fake.example", "examples", "", "", script=(("example", "fake.example"),))


def test_an_example_that_fails_over_the_baseline_is_excused(workplace):
    layer = layer_of("example-fails")
    layer.learn(["examples", "walk"], ())
    assert layer.held([EXAMPLE]) == [None]
    assert "fake.example" in layer.excused
    # It hangs over the storage only: that is another fault.
    [why] = layer.held([replace(EXAMPLE, kind="hang", script=())])
    assert why.startswith("over example-fails the same lines hold")


def test_an_example_that_fails_where_a_conflict_is_told_late_is_excused(workplace):
    layer = layer_of("example-fails-late")
    layer.learn(["examples"], ())
    assert not layer.fails(EXAMPLE)
    assert layer.held([EXAMPLE]) == [None]
    assert "fake.example" in layer.excused


def test_an_example_that_holds_over_the_baseline_counts(workplace):
    layer = layer_of("good")
    layer.learn(["examples"], ())
    [why] = layer.held([EXAMPLE])
    assert why.startswith("over good the same lines hold, so it is the storage that breaks it")


def test_an_example_that_takes_the_baseline_down_is_excused_at_once(workplace):
    layer = layer_of("example-segfaults")
    layer.learn(["examples"], ())
    assert layer.falls == ("fake.example",)
    assert layer.excused["fake.example"] == (
        "fake.DB killed the process: signal 11 (SIGSEGV) over example-segfaults too, so the "
        "storage was not asked"
    )
    assert layer.fails(replace(EXAMPLE, kind="crash", script=()))


def test_what_is_told_of_a_storage_alone_is_not_asked_of_the_baseline(workplace, monkeypatch):
    asked = []
    monkeypatch.setattr(
        supervisor.layer, "in_lanes", lambda _nursery, _plan, checks, _learnt: asked.extend(checks)
    )
    alone = ("examples.storage.turns", "story.storage-turns")
    checks = ("smoke", *alone, "examples.turns", "story.turns", "walk.storage")
    layer_of("good").learn(checks, ())
    assert asked == ["examples.turns", "story.turns"]


def test_a_fall_counts_where_the_baseline_only_deviates(workplace):
    [why] = layer_of("reads-wrong").held([found(kind="hang")])
    assert why.startswith("over reads-wrong the same script breaks fake.get instead")
