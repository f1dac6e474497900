"""The checks of a run, by name: the smoke test, the stories, the examples, the crashes, the
machines and the walks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path
from tempfile import TemporaryDirectory

import zodb_spec.contents  # noqa: F401  # states all clauses
from zodb_spec.clause import Clause, clauses
from zodb_spec.editions import Edition

from zodb_conformance.context import Context
from zodb_conformance.crashes.check import CHECK as CRASHES
from zodb_conformance.crashes.check import crashes
from zodb_conformance.drivers import walker
from zodb_conformance.drivers.search import Search
from zodb_conformance.examples import run_example
from zodb_conformance.mixes import MACHINES, MIXES, Mix
from zodb_conformance.plan import INTERFACE, SMOKE, Plan
from zodb_conformance.stories import Part, Story, run_story, stories
from zodb_conformance.targets import Target

GENERATED = ("walk.", "machine.")
"""How the names of the checks begin that perform generated scripts."""

Run = Callable[[Context], str]
"""Does a check, and returns a note on what it could not do."""


def applies(clause: Clause, plan: Plan, target: Target) -> bool:
    """Whether a clause is in force for a plan: its edition, the target's capabilities, and what was
    asked for.
    """
    return _in_force(clause, plan, target) and plan.wants(clause.id)


def _in_force(clause: Clause, plan: Plan, target: Target) -> bool:
    return Edition(plan.edition) in clause.editions and suited(clause, target) is not None


def suited(clause: Clause, target: Target) -> Target | None:
    """The target itself or its plain one, whichever a clause can be held against."""
    return target.suited(clause.needs, clause.without)


def checks(plan: Plan, target: Target) -> dict[str, Run]:
    """The checks of a plan, by name, in the order in which they are done."""
    found: dict[str, Run] = {SMOKE: _smoke}
    for story in stories().values():
        told = parts_told(story, plan, target)
        if any(plan.wants(clause) for part in told for clause in part.clauses):
            found[story.check] = _story(story, told)
    wanted = [clause for clause in clauses().values() if applies(clause, plan, target)]
    examples: dict[str, list[tuple[Clause, Target]]] = {}
    for clause in wanted:
        on = suited(clause, target)
        if clause.kind == "example" and on is not None:
            examples.setdefault(clause.chapter, []).append((clause, on))
    for chapter, chosen in examples.items():
        found[f"examples.{chapter}"] = _examples(chosen)
    if any(clause.kind == "crash" for clause in wanted):
        found[CRASHES] = crashes
    parts = {clause.part for clause in wanted if clause.kind in ("step", "law")}
    if parts:
        mixes = {name: mix for name, mix in mixes_for(target).items() if mix.part in parts}
        for name, mix in mixes.items():
            found[f"walk.{name}"] = _walk(name, mix)
        for name in (name for name in MACHINES if name in mixes):
            found[f"machine.{name}"] = _machine(name, mixes[name])
    # Which methods are missing comes first: that may be why a target hangs in others.
    first = {name: found[name] for name in (SMOKE, INTERFACE) if name in found}
    return {name: run for name, run in {**first, **found}.items() if _chosen(name, plan)}


def _chosen(name: str, plan: Plan) -> bool:
    if plan.checks and not any(fnmatch(name, pattern) for pattern in plan.checks):
        return False
    return name not in plan.skip


def _smoke(context: Context) -> str:
    """Store one object, and read it again through another connection."""
    # Whatever it shows is told, also where it was not asked for: nothing else will be checked.
    walker.smoke(Search(replace(context, plan=replace(context.plan, only=())), SMOKE))
    return ""


def parts_told(story: Story, plan: Plan, target: Target) -> list[Part]:
    """The parts of a story that a target is told: those of which all clauses are in force, and bind
    the target itself; none where the story belongs to other editions.
    """
    if Edition(plan.edition) not in story.editions:
        return []
    return [
        part
        for part in story.parts
        if target.capabilities.issuperset(part.needs)
        and all(Edition(plan.edition) in clauses()[clause].editions for clause in part.clauses)
        and all(suited(clauses()[clause], target) is target for clause in part.clauses)
    ]


def _story(story: Story, told: list[Part]) -> Run:
    def run(context: Context) -> str:
        plan, target, recorder = context.plan, context.target, context.recorder
        # What comes later builds on what would be left out.
        avoided = next((part for part in told if set(plan.avoid) & set(part.clauses)), None)
        parts = told if avoided is None else told[: told.index(avoided)]
        if parts:
            recorder.script()
            with _directory() as directory:
                deviation = run_story(story, parts, target, directory, recorder)
            if deviation is not None and plan.wants(deviation.clause):
                recorder.deviation(deviation)
        return "" if avoided is None else f"told only up to {avoided.clauses[0]}, to avoid it"

    return run


@contextmanager
def _directory() -> Iterator[Path]:
    with TemporaryDirectory(prefix="zodb-conformance-", ignore_cleanup_errors=True) as directory:
        yield Path(directory)


def _examples(chosen: list[tuple[Clause, Target]]) -> Run:
    def run(context: Context) -> str:
        plan, recorder = context.plan, context.recorder
        for clause, target in chosen:
            if clause.id in plan.avoid or not set(plan.avoid).isdisjoint(clause.situations):
                continue
            recorder.script()
            with _directory() as directory:
                deviation = run_example(clause, target, directory, recorder)
            if deviation is not None:
                recorder.deviation(deviation)
            recorder.exercised((clause.id,))
        return ""

    return run


def mixes_for(target: Target) -> dict[str, Mix]:
    """The mixes by which a target can be driven."""
    edition = Edition(target.edition)
    fitting = {n: mix for n, mix in MIXES.items() if mix.fits(target.capabilities, edition)}
    parts = {name: mix.part_for(target.capabilities) for name, mix in fitting.items()}
    return {name: mix for name, mix in parts.items() if mix is not None}


def _walk(name: str, mix: Mix) -> Run:
    def run(context: Context) -> str:
        return walker.walk(Search(context, f"walk.{name}", mix.part), mix)

    return run


def _machine(name: str, mix: Mix) -> Run:
    def run(context: Context) -> str:
        # Hypothesis is half of what there is to import, and a replay does not need it.
        from zodb_conformance.drivers import machine  # noqa: PLC0415

        return machine.drive(Search(context, f"machine.{name}", mix.part), mix)

    return run
