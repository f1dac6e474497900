"""Runs over several databases."""

from __future__ import annotations

import pytest
from zodb_conformance.plan import Plan
from zodb_conformance.results import Step
from zodb_conformance.targets import resolve
from zodb_spec.preludes import LINKED

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
