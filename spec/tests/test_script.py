"""Scripts: raw integers and resolved steps mean the same wherever they are played."""

from __future__ import annotations

from collections import Counter

import pytest
import zodb_spec.contents  # noqa: F401  # states all clauses
from hypothesis import given, settings
from hypothesis import strategies as st
from zodb_spec.kinds import KINDS
from zodb_spec.operation import Step, operations
from zodb_spec.preludes import PRELUDE, SHARED
from zodb_spec.script import WIDTH, after, initial, makes_sense, mix, outcomes, resolve
from zodb_spec.world import ROOT, World

RAW = st.lists(st.tuples(*[st.integers(0, 2**16 - 1)] * WIDTH), max_size=40)


def play(script: tuple[Step, ...], *, resolves: bool = False) -> World:
    """The world after the steps of a script that make sense, each with its first outcome."""
    world = initial(resolves=resolves)
    for number, step in enumerate(script, 1):
        world = world._replace(step=number)
        if makes_sense(world, step):
            world = operations()[step[0]].outcomes(world, step[1:])[0][0].world
    return world


def resolved(numbers: list[tuple[int, ...]]) -> tuple[Step, ...]:
    """The steps of a raw script after the shared prelude."""
    world = play(SHARED)
    script = list(SHARED)
    for each in numbers:
        world = world._replace(step=world.step + 1)
        step = resolve(world, each, mix())
        if step is not None:
            script.append(step)
            world = operations()[step[0]].outcomes(world, step[1:])[0][0].world
    return tuple(script)


@given(RAW)
def test_a_raw_script_means_the_same_every_time(numbers: list[tuple[int, ...]]) -> None:
    assert resolved(numbers) == resolved(numbers)


@given(RAW)
def test_what_is_resolved_makes_sense(numbers: list[tuple[int, ...]]) -> None:
    world = play(SHARED)
    for each in numbers:
        world = world._replace(step=world.step + 1)
        step = resolve(world, each, mix())
        if step is not None:
            assert makes_sense(world, step)
            found, trace = operations()[step[0]].outcomes(world, step[1:])
            assert found
            assert trace
            assert operations()[step[0]].line(world, *step[1:])
            world = found[-1].world


@given(RAW, st.randoms(use_true_random=False))
@settings(max_examples=50)
def test_any_part_of_a_script_is_a_script(numbers: list[tuple[int, ...]], random: object) -> None:
    script = resolved(numbers)
    part = tuple(step for step in script if random.random() < 0.7)  # type: ignore[attr-defined]
    assert isinstance(play(part), World)


@given(RAW, st.integers(1, 100))
def test_the_size_of_the_integers_does_not_matter(
    numbers: list[tuple[int, ...]], factor: int
) -> None:
    world = play(SHARED)
    table = mix()
    for first, *rest in numbers:
        larger = (first + factor * len(table), *rest)
        assert resolve(world, larger, table) == resolve(world, (first, *rest), table)


def test_integers_that_are_missing_count_as_zero() -> None:
    world = play(SHARED)._replace(step=99)
    set_ = (operations()["set"],)
    assert resolve(world, (0,), set_) == resolve(world, (0, 0, 0, 0), set_)


def test_an_argument_without_a_choice_takes_no_integer() -> None:
    world = play(PRELUDE)._replace(step=99)
    kind = list(KINDS)[2]
    assert resolve(world, (0, 2, 1), (operations()["new"],)) == ("new", "thing99", kind)


def test_the_first_integer_chooses_the_operation_and_the_others_its_arguments() -> None:
    world = play(PRELUDE)._replace(step=99)
    table = (operations()["begin"], operations()["add"])
    assert resolve(world, (0, 1, 0), table) == ("begin", "manager2")
    assert resolve(world, (3, 1, 0), table) == ("add", "connection2", "root1")


def test_a_step_without_a_candidate_is_skipped() -> None:
    assert resolve(initial(), (0, 0, 0, 0), (operations()["set"],)) is None


def test_a_step_that_is_not_sensible_is_skipped() -> None:
    world = play((*PRELUDE, ("open", "db", "manager1", "connection5")))._replace(step=99)
    assert resolve(world, (0, 0, 0, 0), (operations()["open"],)) is None


def test_a_mix_has_each_operation_as_often_as_its_weight_says() -> None:
    counts = Counter(operation.name for operation in mix())
    assert counts == {name: found.weight for name, found in operations().items() if found.weight}
    chosen = Counter(operation.name for operation in mix({"commit": 3, "doom": 0}))
    assert chosen["commit"] == 3
    assert "doom" not in chosen
    assert chosen["begin"] == operations()["begin"].weight


def test_a_step_that_makes_no_sense_has_no_outcomes() -> None:
    with pytest.raises(ValueError, match=r"\('commit', 'manager9'\) makes no sense as step 1"):
        outcomes(initial(), "commit", "manager9")


@pytest.mark.parametrize(
    "step",
    [
        ("set", "thing5", "'a'", "one"),
        ("link", "thing5", "'a'", "thing5", "strong"),
        ("set-unpicklable", "thing5", "'a'", "lock"),
        ("read", "thing5", "'a'", "thing6"),
        ("set", "root1", "a", "one"),
    ],
)
def test_an_attribute_of_another_kind_makes_no_sense(step: Step) -> None:
    world = after(initial(), *PRELUDE, ("new", "thing5", "Thing"))._replace(step=99)
    assert not makes_sense(world, step)


@pytest.mark.parametrize("script", [PRELUDE, SHARED])
def test_every_step_of_a_prelude_makes_sense(script: tuple[Step, ...]) -> None:
    assert after(initial(), *script).step == len(script)


@pytest.mark.parametrize("connection", ["connection1", "connection2"])
def test_the_shared_prelude_leaves_each_connection_with_a_counter_and_a_thing(
    connection: str,
) -> None:
    owned = [thing for thing in play(SHARED).objects.values() if thing.owner.value is not None]
    kinds = {thing.kind for thing in owned if thing.owner.value[0] == connection}
    assert kinds == {"PersistentMapping", "Counter", "Thing"}


def test_a_step_of_no_operation_is_an_error_that_names_those_that_there_are() -> None:
    with pytest.raises(LookupError, match="'no-such-thing'; there are new, add, set"):
        makes_sense(initial(), ("no-such-thing", "manager1"))


def test_a_step_with_other_arguments_is_an_error_that_names_them() -> None:
    with pytest.raises(ValueError, match="'set' takes thing, attribute, value; got root1"):
        makes_sense(initial(), ("set", "root1"))


def test_the_first_world_has_a_root_and_no_connection() -> None:
    world = initial(resolves=True, managers=3)
    database = world.databases["db"]
    assert database.oids() == [ROOT]
    assert database.resolves
    assert list(world.managers) == ["manager1", "manager2", "manager3"]
    assert not world.connections
    assert not world.objects
