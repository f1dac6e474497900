"""The checks of a run, by name: the smoke test, the examples, the machines and the walks."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import zodb_spec.contents  # noqa: F401  # states all clauses
from zodb_spec.clause import Clause, clauses
from zodb_spec.editions import Edition

from zodb_conformance.context import Context
from zodb_conformance.drivers import machine, walker
from zodb_conformance.drivers.search import Search
from zodb_conformance.examples import run_example
from zodb_conformance.plan import SMOKE, Plan
from zodb_conformance.targets import Target

MIXES: dict[str, dict[str, int]] = {
    "everything": {},
    "objects": {
        "new": 6,
        "add": 5,
        "link": 12,
        "commit": 12,
        "get": 5,
        "set-unpicklable": 2,
        "close": 1,
        "open": 1,
        "doom": 0,
    },
    "isolation": {
        "new": 1,
        "set": 12,
        "increment": 10,
        "read": 10,
        "commit": 14,
        "read-current": 4,
        "doom": 0,
    },
    "connections": {
        "open": 6,
        "close": 8,
        "sync": 3,
        "read": 8,
        "commit": 8,
        "doom": 0,
        "set-unpicklable": 0,
    },
    "failures": {
        "commit-sabotaged": 8,
        "set-unpicklable": 5,
        "link": 12,
        "add": 5,
        "change-after-failure": 6,
    },
}
"""The mixes of operations of which scripts are made; a weight replaces the table's own, 0 leaves
one out.
"""

Run = Callable[[Context], str]
"""Does a check, and returns a note on what it could not do."""


def applies(clause: Clause, plan: Plan, target: Target) -> bool:
    """Whether a clause is in force for a plan: its edition, the target's capabilities, and what was
    asked for.
    """
    return (
        Edition(plan.edition) in clause.editions
        and target.capabilities.issuperset(clause.needs)
        and (not plan.only or any(fnmatch(clause.id, pattern) for pattern in plan.only))
    )


def checks(plan: Plan, target: Target) -> dict[str, Run]:
    """The checks of a plan, by name, in the order in which they are done."""
    found: dict[str, Run] = {SMOKE: _smoke}
    wanted = [clause for clause in clauses().values() if applies(clause, plan, target)]
    for chapter in dict.fromkeys(clause.chapter for clause in wanted if clause.kind == "example"):
        found[f"examples.{chapter}"] = _examples(
            [clause for clause in wanted if clause.kind == "example" and clause.chapter == chapter]
        )
    if any(clause.kind in ("step", "law") for clause in wanted):
        for name, weights in MIXES.items():
            found[f"walk.{name}"] = _walk(name, weights)
        for name in ("everything", "objects"):
            found[f"machine.{name}"] = _machine(name, MIXES[name])
    return {name: run for name, run in found.items() if _chosen(name, plan)}


def _chosen(name: str, plan: Plan) -> bool:
    if plan.checks and not any(fnmatch(name, pattern) for pattern in plan.checks):
        return False
    return name not in plan.skip


def _smoke(context: Context) -> str:
    """Store one object, and read it again through another connection."""
    walker.smoke(Search(context, SMOKE))
    return ""


def _examples(chosen: list[Clause]) -> Run:
    def run(context: Context) -> str:
        plan, target, recorder = context.plan, context.target, context.recorder
        for clause in chosen:
            if clause.id in plan.avoid or not set(plan.avoid).isdisjoint(clause.situations):
                continue
            recorder.script()
            recorder.step(("example", clause.id))
            with TemporaryDirectory(
                prefix="zodb-conformance-", ignore_cleanup_errors=True
            ) as directory:
                deviation = run_example(
                    clause, opener(target, Path(directory)), lambda: target.lines, target.extras
                )
            if deviation is not None:
                recorder.deviation(deviation)
            recorder.exercised((clause.id,))
        return ""

    return run


def opener(target: Target, directory: Path) -> Callable[..., Any]:
    """A function that opens one database of the target after another, each in a folder of its
    own.
    """
    made = 0

    def open_database(**options: Any) -> Any:
        nonlocal made
        made += 1
        own = directory / str(made)
        own.mkdir()
        return target.open_database(own, **options)

    return open_database


def _walk(name: str, weights: dict[str, int]) -> Run:
    def run(context: Context) -> str:
        return walker.walk(Search(context, f"walk.{name}"), weights)

    return run


def _machine(name: str, weights: dict[str, int]) -> Run:
    def run(context: Context) -> str:
        return machine.drive(Search(context, f"machine.{name}"), weights)

    return run
