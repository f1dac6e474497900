"""The runner: what it does around the checks of a plan."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
from zodb_conformance import runner
from zodb_conformance.context import Context
from zodb_conformance.plan import INTERFACE, SMOKE, Plan
from zodb_conformance.results import Tally


def test_checks_log_nothing_and_leave_logging_as_it_was(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def provoking(context: Context) -> str:
        logging.getLogger("target").critical("an error that the check provoked")
        return "done"

    monkeypatch.setattr(runner, "checks", lambda plan, target: {"provoking": provoking})
    tally = Tally()
    logging.disable(logging.DEBUG)
    try:
        runner.run_checks(Plan(), tally)
        assert logging.root.manager.disable == logging.DEBUG
    finally:
        logging.disable(logging.NOTSET)
    assert tally.finished == {"provoking": "done"}
    assert caplog.records == []


def test_every_check_gets_its_share_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    given = {}

    def taking(name: str, seconds: float) -> Callable[[Context], str]:
        def run(context: Context) -> str:
            nonlocal now
            given[name] = context.deadline - now
            now += min(seconds, given[name]) if name.startswith(runner.GENERATED) else seconds
            return ""

        return run

    needed = {
        "examples.some": 4,
        "walk.one": 100,
        "walk.two": 1,
        "walk.three": 100,
        "machine.one": 100,
    }
    found = {name: taking(name, seconds) for name, seconds in needed.items()}
    monkeypatch.setattr(runner, "checks", lambda plan, target: found)
    runner.run_checks(Plan(budget=60), Tally())
    del given["examples.some"]
    assert given == {"walk.one": 14, "walk.two": 14, "walk.three": 20.5, "machine.one": 20.5}


def test_generated_checks_get_some_time_where_the_others_took_it_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    given = []

    def examples(context: Context) -> str:
        nonlocal now
        now += 100
        return ""

    def walk(context: Context) -> str:
        nonlocal now
        given.append(context.deadline - now)
        now = context.deadline
        return ""

    found = {"examples.some": examples, "walk.one": walk, "walk.two": walk}
    monkeypatch.setattr(runner, "checks", lambda plan, target: found)
    runner.run_checks(Plan(budget=60), Tally())
    assert given == [10, 10]


def test_which_methods_are_missing_is_looked_at_first() -> None:
    assert runner.check_names(Plan("reference-memory"))[:2] == (SMOKE, INTERFACE)
