"""Progress: what is shown while a run goes on."""

from __future__ import annotations

import io

from rich.console import Console
from zodb_conformance.reports.progress import Moving, Plain, progress, told
from zodb_conformance.supervisor.nursery import Status


def test_progress_on_a_terminal_leaves_nothing_behind():
    console = Console(file=io.StringIO(), force_terminal=True, width=80)
    with progress(console) as shown:
        assert isinstance(shown, Moving)
        shown.show("checks", Status(3, 4, 50, 1, "walk", 10))
    assert console.file.getvalue().endswith("\x1b[2K")


def test_the_first_clause_that_is_found_broken_is_named() -> None:
    status = Status(deviations=2, first="storage.interface")
    assert told(status).endswith(", 2 found (storage.interface first), being judged")


def test_progress_in_a_log_is_a_line_a_stage_and_then_few():
    console = Console(file=io.StringIO(), width=80)
    with progress(console) as shown:
        assert isinstance(shown, Plain)
        for stage in ("smoke test", "checks", "checks", "checks", "witnesses"):
            shown.show(stage, Status(3, 4, 50, 1, "walk", 10))
    lines = console.file.getvalue().splitlines()
    assert [line.split("] ")[1].split(":")[0] for line in lines] == [
        "smoke test",
        "checks",
        "witnesses",
    ]
    assert lines[-1].endswith("3 of 10 clauses reached, 4 scripts, 50 steps, 1 found, being judged")
