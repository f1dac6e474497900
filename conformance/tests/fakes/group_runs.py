"""Runs over several databases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from zodb_conformance.plan import Plan
from zodb_conformance.results import Step, Tally
from zodb_conformance.running import Run
from zodb_conformance.targets import Target, resolve
from zodb_spec.script import LINKED

pytest.importorskip("ZODB", reason="these runs are on ZODB")
TARGET = resolve(Plan(target="zodb-mapping"))

NEWCOMER: tuple[Step, ...] = (
    *LINKED,
    ("open", "db2", "manager1", "connection6"),
    ("root", "connection6", "root6"),
    ("read", "root6", "'a'", "two6"),
    ("read", "two6", "a", "one6"),
)
"""A reference leads to a connection that the program has not opened itself."""


def taken(target: Target, script: tuple[Step, ...], directory: Path, **how: Any) -> Run:
    """A run of a script in which nothing is found."""
    run = Run(target, directory, Tally(), **how)
    for number, step in enumerate(script, 1):
        assert run.take(step, number) is None, step
    return run
