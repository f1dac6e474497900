"""What the supervisor makes of what it learnt."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from zodb_conformance.plan import Plan
from zodb_conformance.results import Deviation
from zodb_conformance.supervisor import confirming, stages
from zodb_conformance.supervisor.confirming import confirm
from zodb_conformance.supervisor.evidence import reproduces
from zodb_conformance.supervisor.findings import Candidate, Finding, TargetInfo
from zodb_conformance.supervisor.lanes import Fall, Learnt
from zodb_conformance.supervisor.nursery import Nursery
from zodb_conformance.supervisor.process import Ended, Kind
from zodb_conformance.supervisor.stages import (
    comes_again,
    credible,
    empty,
    level_of,
    new_candidates,
    take_note,
)
from zodb_conformance.witnesses import Witness


def told(clause: str, check: str) -> Deviation:
    return Deviation(clause=clause, check=check, expected="one thing", observed="it was another")


STORY = told("object.add-is-stored", "story.first-database")
SAME = told("object.add-is-stored", "walk.objects")
OTHER = told("transaction.commit-stores-changes", "walk.everything")


@pytest.mark.parametrize(
    ("learnt", "kept"),
    [
        pytest.param([STORY], [STORY], id="counts alone"),
        pytest.param([STORY, SAME], [STORY, SAME], id="counts where a walk says the same"),
        pytest.param([STORY, OTHER], [OTHER], id="does not count against a walk"),
        pytest.param([STORY, SAME, OTHER], [STORY, SAME, OTHER], id="counts beside other faults"),
    ],
)
def test_the_verdict_of_a_story(learnt: list[Deviation], kept: list[Deviation]) -> None:
    assert credible(learnt) == kept


@pytest.mark.parametrize(
    ("level", "target", "is_run_at"),
    [
        pytest.param("", TargetInfo("x", "storage", baseline="y"), "storage", id="a storage"),
        pytest.param("", TargetInfo("x", "connection", baseline="y"), "all", id="a database"),
        pytest.param("", TargetInfo("x", "storage"), "all", id="what can't be told apart"),
        pytest.param("all", TargetInfo("x", "storage", baseline="y"), "all", id="as was asked"),
    ],
)
def test_the_level_is_that_of_the_target_unless_it_is_given(
    level: str, target: TargetInfo, is_run_at: str
) -> None:
    assert level_of(Plan(level=level), target) == is_run_at


@pytest.mark.usefixtures("workplace")
def test_only_clauses_that_the_run_is_about_count_as_reached() -> None:
    ids = ("fake.set", "fake.get", "fake.commit", "fake.example")
    plan = Plan("good", checks=("walk",))
    reached = []
    for asked in (None, frozenset({"fake.set"})):
        nursery = Nursery(plan, ids, "fake_runner", asked=asked)
        nursery.run("checks")
        reached.append(nursery.status().clauses)
    assert reached == [3, 1]


IN_AN_EXAMPLE = replace(
    told("storage.turns-end", "examples.storage.turns"), script=(("example", "storage.turns-end"),)
)


@pytest.mark.parametrize(
    ("found", "comes"),
    [
        pytest.param(IN_AN_EXAMPLE, True, id="an example"),
        pytest.param(replace(IN_AN_EXAMPLE, kind="hang"), False, id="an example that hung"),
        pytest.param(
            replace(IN_AN_EXAMPLE, check="examples.other"), False, id="one not in the run"
        ),
        pytest.param(told("storage.survives-kill", "crashes"), True, id="what a crash has left"),
        pytest.param(replace(SAME, script=(("commit", "manager1"),)), False, id="a script"),
    ],
)
def test_what_a_check_finds_as_often_as_it_is_run_is_not_tried_twice(
    found: Deviation, comes: bool
) -> None:
    checks = ("smoke", "examples.storage.turns", "crashes", SAME.check)
    assert comes_again(Witness(Plan(), found), checks) == comes


def test_what_the_checks_have_tried_again_counts_as_replayed() -> None:
    findings = empty(Plan())
    findings.remembered = (2, 1)
    findings.learnt.notes["examples.storage.turns"] = ""
    findings.learnt.deviations.append(IN_AN_EXAMPLE)
    mended = replace(IN_AN_EXAMPLE, clause="storage.turns-begin")
    not_done = replace(IN_AN_EXAMPLE, check="examples.storage.deletion")
    coming = [
        Witness(Plan(), found, Path(f"{number}.json"))
        for number, found in enumerate([IN_AN_EXAMPLE, mended, not_done])
    ]
    take_note(findings, coming)
    assert findings.remembered == (4, 2)
    # What there was no time for is not known to be mended: its witness stays.
    assert findings.replayed == [Path("0.json"), Path("1.json")]


@pytest.mark.parametrize(
    ("part", "shows", "tried"),
    [
        pytest.param(1.0, True, ["a", "c", "b"], id="in time"),
        pytest.param(0.0, True, ["a", "c"], id="too late"),
        pytest.param(0.0, False, ["a", "c", "b"], id="of one that did not show again"),
    ],
)
def test_what_repeats_the_error_of_another_is_done_again_where_there_is_time(
    part: float, shows: bool, tried: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    done = []

    def finding_of(_nursery: Nursery, group: list[Candidate]) -> Finding:
        done.append(group[0].deviation.clause)
        return Finding(group[0].deviation, shows)

    monkeypatch.setattr(confirming, "finding_of", finding_of)
    monkeypatch.setattr(confirming, "FOR_REPETITIONS", part)
    monkeypatch.setattr("zodb_conformance.supervisor.lanes.LANES", 1)
    failing = [
        replace(told(clause, "walk.objects"), observed=f"it raises {error}(1)")
        for clause, error in (("a", "One"), ("b", "One"), ("c", "Two"))
    ]
    findings = empty(Plan())
    confirm(Nursery(Plan(), ()), findings, [Candidate(found) for found in failing])
    assert done == tried
    assert [each.deviation for each in findings.findings] == failing
    assert findings.findings[1].reproduced is (shows if "b" in tried else None)


def test_of_those_that_show_one_error_the_first_that_is_told_is_done_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done = []

    def finding_of(_nursery: Nursery, group: list[Candidate]) -> Finding:
        done.append(group[0].deviation.clause)
        return Finding(group[0].deviation, True)

    monkeypatch.setattr(confirming, "finding_of", finding_of)
    monkeypatch.setattr(confirming, "FOR_REPETITIONS", 0.0)
    failing = [
        replace(told(clause, check), observed="it raises One(1)")
        for clause, check in (("a", "walk.objects"), ("b", "walk.storage"))
    ]
    confirm(Nursery(Plan(), ("a", "b")), empty(Plan()), [Candidate(found) for found in failing])
    assert done == ["b"]


def test_a_hang_is_waited_for_first_whatever_it_repeats(monkeypatch: pytest.MonkeyPatch) -> None:
    done = []

    def finding_of(_nursery: Nursery, group: list[Candidate]) -> Finding:
        done.append(group[0].deviation.clause)
        return Finding(group[0].deviation, True)

    monkeypatch.setattr(confirming, "finding_of", finding_of)
    monkeypatch.setattr("zodb_conformance.supervisor.lanes.LANES", 1)
    monkeypatch.setattr(confirming, "MOST_MORE", 0)
    failing = [
        replace(told(clause, "walk.objects"), kind=kind, observed=f"it raises {error}(1)")
        for clause, kind, error in (
            ("a", "deviation", "One"),
            ("b", "deviation", "Two"),
            ("c", "hang", "Two"),
            ("d", "hang", "Two"),
        )
    ]
    confirm(Nursery(Plan(), ()), empty(Plan()), [Candidate(found) for found in failing])
    assert done == ["c", "d", "a", "b"]


@pytest.mark.parametrize(("number", "share"), [(1, 1.0), (2, 1.0), (8, 0.25)])
def test_falls_share_the_time_in_which_they_are_shortened(
    number: int, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares = []

    def shortened(_nursery: Nursery, fall: Fall, share: float) -> Fall:
        shares.append(share)
        return fall

    monkeypatch.setattr(stages, "shortened", shortened)
    monkeypatch.setattr(stages, "deviation_of", lambda _nursery, fall: told(fall.clause, "walk"))
    falls = [Fall("hang", "", f"a{n}", "walk", (), True, "") for n in range(number)]
    new_candidates(Nursery(Plan(), ()), Learnt(falls=falls), None)
    assert shares == [share] * number


@pytest.mark.parametrize(
    ("kinds", "answer"),
    [
        pytest.param(["broke"] * 3, None, id="the suite itself fails"),
        pytest.param(["broke", "finished", "broke"], False, id="once it could be tried"),
        pytest.param(["finished", "crash"], True, id="at last"),
    ],
)
def test_what_could_not_be_tried_again_is_not_flaky(kinds: list[Kind], answer: bool | None) -> None:
    class Pretending(Nursery):
        def replay(self, *_: object, **__: object) -> Ended:
            return Ended(kinds.pop(0))

    assert reproduces(Pretending(Plan(), ()), SAME) is answer


def test_of_two_hangs_the_one_that_was_waited_for_longest_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stages, "shortened", lambda _nursery, fall, _share: fall)
    monkeypatch.setattr(stages, "deviation_of", lambda _nursery, fall: told(fall.clause, "walk"))
    hasty, patient = (Fall("hang", "", "a", "walk", (), True, "", each) for each in (True, False))
    for falls in [hasty, patient], [hasty]:
        [candidate] = new_candidates(Nursery(Plan(), ()), Learnt(falls=falls), None)
        assert candidate.hasty is (patient not in falls)


@pytest.mark.parametrize("confirmed", [True, False])
def test_what_was_looked_at_twice_where_it_was_found_need_not_come_again(confirmed: bool) -> None:
    found = replace(told("a", "crashes"), confirmed=confirmed)
    [candidate] = new_candidates(Nursery(Plan(), ()), Learnt(deviations=[found]), None)
    assert candidate.reproduced is (True if confirmed else None)
