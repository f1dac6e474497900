"""One lane of checks, with children that only pretend."""

from __future__ import annotations

from typing import Any

import pytest
from zodb_conformance.plan import Plan
from zodb_conformance.results import Deviation
from zodb_conformance.supervisor import lanes
from zodb_conformance.supervisor.board import Glance
from zodb_conformance.supervisor.journal import Event
from zodb_conformance.supervisor.lanes import Learnt, lane, seen
from zodb_conformance.supervisor.nursery import Nursery
from zodb_conformance.supervisor.process import Ended, Kind, Limits

PLAN = Plan(budget=60.0)


class Pretending(Nursery):
    """Children that end in turn as these have ended; `asked` is how they were started."""

    def __init__(self, *ends: Ended) -> None:
        super().__init__(PLAN, (), limits=Limits(start=60, hang=10))
        self.ends = list(ends)
        self.started: list[tuple[Plan, Limits | None]] = []

    def run(self, mode: Any, plan: Any = None, *, limits: Any = None, **_: Any) -> Ended:
        if mode == "render":
            return Ended("finished", events=({"event": "rendered", **RENDERED},))
        self.started.append((plan, limits))
        return self.ends.pop(0)


RENDERED = {"clause": "some.clause", "trace": [], "place": None, "witness": ""}
SCRIPT = (("set", "a", "one"),)


def ended(kind: Kind, check: str = "", *done: str) -> Ended:
    """A child that ended in a check, after others were done."""
    events = tuple({"event": "done", "check": each, "note": ""} for each in done)
    return Ended(kind, "fell", Glance(check=check, script=SCRIPT if check else ()), events)


def learnt_of(nursery: Nursery, *checks: str) -> Learnt:
    learnt = Learnt()
    lane(nursery, PLAN, checks, learnt)
    return learnt


def test_a_failure_of_the_suite_before_any_check_costs_one_check() -> None:
    nursery = Pretending(ended("broke"), ended("broke", "b"), ended("finished", "", "c"))
    learnt = learnt_of(nursery, "a", "b", "c")
    gave_up = "given up: the suite itself failed here"
    assert learnt.notes == {"a": gave_up, "b": gave_up, "c": ""}


def test_a_hang_is_hasty_where_it_was_not_waited_for_as_long_as_at_first() -> None:
    nursery = Pretending(
        ended("hang", "a"), ended("hang", "a"), ended("crash", "b"), ended("finished")
    )
    learnt = learnt_of(nursery, "a", "b", "c")
    assert [fall.hasty for fall in learnt.falls] == [False, True, False]
    assert [limits and limits.hang for _, limits in nursery.started] == [10, 2.5, 2.5, 2.5]


def test_after_a_fall_the_checks_that_are_left_have_the_time_that_is_left() -> None:
    nursery = Pretending(ended("crash", "d", "a", "b", "c"), ended("finished"))
    learnt_of(nursery, "a", "b", "c", "d")
    [first, second] = [plan.seconds for plan, _ in nursery.started]
    assert first == pytest.approx(PLAN.seconds, abs=1)
    assert second == pytest.approx(PLAN.seconds, abs=1)


def test_where_no_time_is_left_they_have_their_share_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    nursery = Pretending(ended("crash", "d", "a", "b", "c"), ended("finished"))
    clock = iter(range(0, 1000, 100))
    monkeypatch.setattr(lanes, "monotonic", lambda: next(clock))
    learnt_of(nursery, "a", "b", "c", "d")
    assert nursery.started[1][0].seconds == PLAN.seconds / 4


def test_what_a_child_had_noticed_when_it_ended_is_kept() -> None:
    def event(name: str, observed: str) -> Event:
        found = Deviation("some.clause", "walk", "one thing", observed)
        return {"event": name, "deviation": found.to_json()}

    told = [event("noticed", "long"), event("deviation", "short"), {"event": "done"}]
    for events, kept in [
        (told, ["short"]),
        ([*told, event("noticed", "other")], ["short", "other"]),
    ]:
        assert [found.observed for found in seen(events)] == kept
