"""The runner: what it does around the checks of a plan."""

from __future__ import annotations

import logging

import pytest
from zodb_conformance import runner
from zodb_conformance.context import Context
from zodb_conformance.plan import Plan
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
