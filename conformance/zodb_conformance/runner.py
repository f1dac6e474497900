"""The runner: performs the checks of a plan in this process, and tells a recorder what it does."""

from __future__ import annotations

import doctest
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from zodb_spec.clause import clauses
from zodb_spec.operation import operations
from zodb_spec.script import makes_sense, part_of

from zodb_conformance import stories
from zodb_conformance.checks import GENERATED, checks, parts_told, suited
from zodb_conformance.context import Context
from zodb_conformance.doctests import beginning_of_last, program, source_of
from zodb_conformance.examples import lines_of
from zodb_conformance.performing import perform
from zodb_conformance.plan import Plan
from zodb_conformance.programs import Line
from zodb_conformance.protocol.running import OPENING
from zodb_conformance.results import Deviation, Quiet, Recorder, Step
from zodb_conformance.scripts import beginning, resolved
from zodb_conformance.targets import CAPABILITIES, Target, resolve, trying
from zodb_conformance.targets.base import SEVERAL
from zodb_conformance.telling import deviation_of, needed, program_of_steps
from zodb_conformance.tying import ties


def describe(plan: Plan) -> dict[str, Any]:
    """What the target of a plan says of itself: name, level, database, baseline, packages,
    capabilities, those of which it says nothing, those without which it can be tried, the clauses
    that it can't be held against, and whether it was opened for the edition of the plan.
    """
    target = resolve(plan)
    return {
        "name": target.name,
        "level": target.level,
        "database": target.database,
        "baseline": target.baseline,
        "packages": target.packages,
        "capabilities": {name: name in target.capabilities for name in CAPABILITIES},
        "unknown": sorted(target.unknown),
        "lacking": [name for name in CAPABILITIES if target.suited((), (name,))],
        "unsuited": [id for id, clause in clauses().items() if suited(clause, target) is None],
        "in_edition": all(each.in_edition for each in (target, target.second or target)),
    }


def tried(plan: Plan) -> Iterator[str]:
    """The capabilities of the target of a plan that are found by trying, as they are found."""
    target = resolve(plan)
    # In a place that all share nothing is written but by the checks.
    if target.storage is not None and SEVERAL in target.capabilities and not plan.found:
        with quiet():
            for name in trying.found(target.storage):
                if name in target.unknown:
                    yield name


def check_names(plan: Plan) -> tuple[str, ...]:
    """The names of the checks of a plan, in the order in which they are done."""
    return tuple(checks(plan, resolve(plan)))


def run_checks(plan: Plan, recorder: Recorder) -> None:
    """Do the checks of a plan.

    Raises TargetUnusable where the target can't be exercised at all.
    """
    context = Context(plan, resolve(plan), recorder)
    todo = checks(plan, context.target)
    generated = [name for name in todo if name.startswith(GENERATED)]
    with quiet():
        for name, run in todo.items():
            recorder.check(name)
            if name in generated:
                context.allot(len(generated) - generated.index(name))
            recorder.done(name, run(context))


def replay(plan: Plan, script: Sequence[Step], recorder: Recorder) -> Deviation | None:
    """Perform a recorded script, with footprints and without, and give the deviation that it shows,
    if it does.  What the target can't do is left out: the script may be that of another one.
    """
    target = resolve(plan)
    if script and script[0][0] == "example":
        clause = clauses()[script[0][1]]
        return _replay_check(plan, f"examples.{clause.chapter}", (clause.id,), recorder)
    if script and script[0][0] == "story":
        return _replay_check(plan, stories.stories()[script[0][1]].check, (), recorder)
    part = part_of(script)
    table = operations(part)
    able = [
        step
        for step in script
        if step[0] not in table or target.capabilities.issuperset(table[step[0]].needs.split())
    ]
    with quiet():
        for footprint in (True, False):
            finding = perform(target, resolved(able), recorder, footprint=footprint, part=part)
            if finding is not None:
                return deviation_of(finding, "replay", target)
    return None


def _replay_check(
    plan: Plan, check: str, only: tuple[str, ...], recorder: Recorder
) -> Deviation | None:
    """The first deviation that a check finds where nothing is avoided."""
    quietly = Quiet(recorder)
    run_checks(plan.just(only=only, checks=(check,)), quietly)
    return quietly.deviations[0] if quietly.deviations else None


def render(plan: Plan, script: Sequence[Step]) -> tuple[str, tuple[str, ...], int | None, str]:
    """A script told as Python, without performing it.

    Returns the clause that stands for its last step, its lines up to that step, the number of the
    one with which that step begins (from 1; None where it is the closing of what was opened), and
    a program that performs them.
    """
    target = resolve(plan)
    if script[0][0] == "crash":
        return script[-1][1], ("# the storage is opened after a crash",), None, ""
    if script[0][0] in ("example", "story"):
        id, told, performed = _lines_of(plan, script[-1], target)
        target = suited(clauses()[id], target) or target
        place = None if performed else beginning_of_last(told)
        text = program(clauses()[id], told, target)
        return id, source_of(told), place, text
    part = part_of(script)
    world = beginning(target, part)
    if part == "storage":
        lines = list(OPENING)
    else:
        lines = [f"{name} = transaction.TransactionManager()" for name in world.managers]
    known: set[str] = set()
    last = ""
    for number, step in enumerate(script, 1):
        world = world._replace(step=number)
        if not makes_sense(world, step):
            continue
        operation = operations(part)[step[0]]
        if part == "connection":
            lines += ties(world, step, known)
        lines.append(operation.line(world, *step[1:]))
        known.add(lines[-1].partition(" = ")[0])
        outcomes, _ = operation.outcomes(world, step[1:])
        last = outcomes[0].clause
        world = outcomes[0].world
    texts = [line.text for line in needed([Line(text) for text in lines])]
    return last, tuple(texts), len(texts), program_of_steps(texts, target)


def _lines_of(plan: Plan, step: Step, target: Target) -> tuple[str, list[doctest.Example], bool]:
    """What an example or a story has performed when it comes to a step, the line of that step
    included; with the clause that it is about, and whether no line is left.
    """
    kind, name, *numbers = step
    if kind == "example":
        clause, lines = name, lines_of(clauses()[name])
    else:
        parts = parts_told(stories.stories()[name], plan, target)
        begun = [part for part in parts if part.number <= int(numbers[0])]
        clause, lines = begun[-1].clauses[0], stories.lines_of(begun)
    number = int(numbers[-1])
    return clause, lines[:number], number > len(lines)


@contextmanager
def quiet() -> Iterator[None]:
    """Log nothing: the checks provoke errors."""
    before = logging.root.manager.disable
    logging.disable()
    try:
        yield
    finally:
        logging.disable(before)
