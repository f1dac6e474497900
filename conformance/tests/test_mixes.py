"""Mixes: what scripts are made of, and how they begin."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest
import zodb_spec.contents  # noqa: F401  # states all clauses
from zodb_conformance.context import Context
from zodb_conformance.drivers import machine, walker
from zodb_conformance.drivers.search import Search
from zodb_conformance.mixes import MACHINES, MIXES, Mix
from zodb_conformance.plan import PROFILES, Plan
from zodb_conformance.results import Step, Tally
from zodb_conformance.stories import stories
from zodb_conformance.targets import resolve
from zodb_conformance.targets.base import CAPABILITIES
from zodb_spec.clause import clauses
from zodb_spec.editions import CURRENT, EDITIONS, Edition
from zodb_spec.operation import all_operations, operations
from zodb_spec.preludes import GROUPS, MANY, PAST, PRELUDE
from zodb_spec.script import WIDTH, initial_of, makes_sense, outcomes
from zodb_spec.script import resolve as resolve_step

each_mix = pytest.mark.parametrize("mix", MIXES.values(), ids=MIXES)


@each_mix
def test_a_mix_names_operations(mix: Mix) -> None:
    assert mix.weights.keys() <= operations(mix.part).keys()


@each_mix
def test_every_step_of_a_prelude_makes_sense(mix: Mix) -> None:
    for prelude in mix.preludes:
        world = initial_of(
            mix.part, edition=mix.edition or CURRENT, versions=mix.needs == "versions"
        )
        for step in prelude:
            assert makes_sense(world, step), step
            world = outcomes(world, *step)[0].world


def test_every_operation_is_in_some_mix() -> None:
    chosen = {operation.name for mix in MIXES.values() for operation in mix.choice()}
    assert chosen == all_operations().keys()


@pytest.mark.parametrize(
    ("operation", "prelude", "needs"),
    [("open-database", GROUPS, "several-databases"), ("open-historical", PAST, "historical")],
)
def test_what_a_target_can_not_do_is_left_out(
    operation: str, prelude: tuple[Step, ...], needs: str
) -> None:
    mix = Mix({operation: 5}, (PRELUDE, prelude))
    part = mix.part_for(CAPABILITIES.keys() - {needs})
    assert part is not None
    assert part.preludes == [PRELUDE]
    assert operation not in {found.name for found in part.choice()}
    assert Mix({}, (prelude,)).part_for(()) is None


def test_a_target_that_can_do_everything_does_the_whole_mix() -> None:
    for mix in MIXES.values():
        part = mix.part_for(CAPABILITIES)
        assert part is not None
        assert (part.choice(), part.preludes) == (mix.choice(), list(mix.preludes))


def test_operations_need_what_targets_can_declare() -> None:
    needed = {name for found in all_operations().values() for name in found.needs.split()}
    assert needed <= CAPABILITIES.keys()


SCRIPTS, STEPS = 3000, 60


def exercised(number: int, edition: Edition) -> Iterator[str]:
    """The clauses that a script exercises on the model alone, in an edition."""
    turn, which = divmod(number, len(MIXES))
    mix, draw = list(MIXES.values())[which], Random(number)
    if not mix.fits(CAPABILITIES, edition) and mix.part == "storage":
        return
    world = initial_of(
        mix.part, resolves=turn % 2 == 0, edition=edition, versions=mix.needs == "versions"
    )
    choice = mix.choice()
    for index, given in enumerate([*mix.prelude(turn), *[None] * STEPS], 1):
        world = world._replace(step=index)
        drawn = [draw.randrange(walker.CHOICES) for _ in range(WIDTH)]
        step = given or resolve_step(world, drawn, choice)
        if step is not None and makes_sense(world, step):
            allowed, trace = operations(mix.part)[step[0]].outcomes(world, step[1:])
            yield from trace
            world = draw.choice(allowed).world


@pytest.mark.parametrize("edition", EDITIONS)
def test_every_step_of_the_model_comes_up_in_each_of_its_editions(edition: Edition) -> None:
    missing = {
        clause.id
        for clause in clauses().values()
        if clause.kind == "step" and edition in clause.editions
    }
    for story in stories().values():
        if edition in story.editions:
            missing -= {id for part in story.parts for id in part.clauses}
    for number in range(SCRIPTS):
        missing -= set(exercised(number, edition))
        if not missing:
            break
    assert missing == set()


def test_machines_are_of_mixes() -> None:
    assert set(MACHINES) <= MIXES.keys()
    assert set(MIXES["databases"].preludes) == set(MANY)


@each_mix
def test_laws_and_footprints_are_looked_at_after_every_prelude(mix: Mix) -> None:
    numbers = range(0, PROFILES["quick"].scripts, walker.LAWFUL)
    assert all(number % 2 == 0 for number in numbers)
    assert {mix.prelude(number // 2) for number in numbers} == set(mix.preludes)


class Beginnings(Tally):
    """Keeps the first steps of every script."""

    def __init__(self, length: int) -> None:
        super().__init__()
        self.length = length
        self.found: list[list[Step]] = []

    def script(self) -> None:
        super().script()
        self.found.append([])

    def step(self, step: Step) -> None:
        super().step(step)
        if len(self.found[-1]) < self.length:
            self.found[-1].append(step)


def test_the_machine_begins_with_each_prelude() -> None:
    pytest.importorskip("ZODB", reason="the target is ZODB over a DemoStorage")
    mix = MIXES["savepoints"]
    shortest = min(map(len, mix.preludes))
    noted = Beginnings(shortest)
    search = Search(Context(Plan(seed=1), resolve(Plan(target="zodb-demo")), noted), "machine.test")
    search.profile = replace(search.profile, scripts=80, steps=5)
    machine.drive(search, mix)
    seen = {tuple(steps) for steps in noted.found}
    assert {prelude[:shortest] for prelude in mix.preludes} <= seen


def test_the_machine_leaves_out_of_a_prelude_what_makes_no_sense() -> None:
    plan = Plan(seed=1, edition="2005-06-10")
    noted = Beginnings(100)
    search = Search(Context(plan, resolve(plan), noted), "machine.test")
    search.profile = replace(search.profile, scripts=20, steps=1)
    machine.drive(search, MIXES["databases"])
    assert noted.found
    # Which manager a connection of a group works for is not said in that edition.
    assert "get-connection" not in {step[0] for steps in noted.found for step in steps}
