"""What the command needs to know of the suite without importing a target or a check."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from zodb_spec import contents
from zodb_spec.clause import Clause

from zodb_conformance.supervisor.process import Limits
from zodb_conformance.supervisor.request import RUNNER
from zodb_conformance.targets import registered


def clauses() -> Mapping[str, Clause]:
    """Every clause of the specification, by id, in the order in which they are read."""
    return {clause.id: clause for clause in contents.reading_order()}


@dataclass(frozen=True)
class Double:
    """A faulty double, as lists show it: its name, the clause that it breaks, and how."""

    name: str
    clause: str
    summary: str


def doubles() -> Sequence[Double]:
    """The bank of faulty doubles."""
    # They are the one part of the suite that imports an implementation: only who asks pays for it.
    bank = importlib.import_module("zodb_conformance.doubles").registered()
    return [Double(entry.name, entry.clause, entry.summary) for entry in bank.values()]


@dataclass(frozen=True)
class Suite:
    """The suite as the command sees it.

    clauses  gives all clauses
    targets  gives the registered targets: their names, and where they are defined
    doubles  gives the faulty doubles
    runner   the module that children import to do the work
    limits   how long a child may be silent; None: as the profile says
    """

    clauses: Callable[[], Mapping[str, Clause]] = clauses
    targets: Callable[[], Mapping[str, str]] = registered
    doubles: Callable[[], Sequence[Double]] = doubles
    runner: str = RUNNER
    limits: Limits | None = None
