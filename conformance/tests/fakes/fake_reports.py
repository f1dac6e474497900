"""Reports of runs that never were, on the fake specification, and how the terminal tells them."""

from __future__ import annotations

import io
from pathlib import Path

from fake_spec import CLAUSES
from rich.console import Console
from zodb_conformance.plan import Plan
from zodb_conformance.reports import building, terminal
from zodb_conformance.results import Deviation
from zodb_conformance.supervisor import stages
from zodb_conformance.supervisor.findings import TargetInfo


def deviation(clause="fake.get", **more):
    given = {
        "check": "walk",
        "expected": "'one'",
        "observed": "the target gave 'two'",
        "noticed": "get",
        "established_at": 1,
        "noticed_at": 2,
        "trace": ("values['a'] = 'one'", "values['a']"),
        "script": (("set", "a", "one"), ("get", "a")),
        "witness": "import sys\n\nsys.exit('fake.get: wrong')\n",
    }
    return Deviation(clause, **{**given, **more})


def report_of(*findings, strict=False, counts=("fake.set", "fake.get"), **more):
    plan = more.pop("plan", Plan(target="some", seed=7))
    found = stages.empty(plan)
    found.target = TargetInfo("some", "storage", "some.DB", {"some": "1.0"}, {"undo": True})
    found.learnt.counts.update(counts)
    found.findings = list(findings)
    for name, value in more.items():
        setattr(found, name, value)
    command = "zodb-conformance run some"
    return building.build(found, CLAUSES, strict=strict, folder=Path("out"), command=command)


def printed(report, width=100):
    console = Console(file=io.StringIO(), width=width, highlight=False)
    terminal.summary(report, console)
    return console.file.getvalue()
