"""Shrinking: what is left still fails, and nothing of it can go."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zodb_conformance.minimising import Limit
from zodb_conformance.results import Step
from zodb_conformance.shrinking import SIMPLER, Script, shrink

STEPS: Script = tuple(("begin", f"manager{number}") for number in range(30))


def contains(*needed: Step) -> Callable[[Script], bool]:
    """Fails where all of these steps are there, in this order."""

    def fails(script: Script) -> bool:
        rest = iter(script)
        return all(step in rest for step in needed)

    return fails


@given(st.sets(st.integers(0, 29)))
def test_what_the_failure_needs_is_all_that_is_left(numbers: set[int]) -> None:
    needed = [STEPS[number] for number in sorted(numbers)]
    assert shrink(STEPS, contains(*needed)) == tuple(needed)


@given(st.lists(st.integers(0, 29), unique=True, min_size=1), st.integers(1, 4))
def test_no_single_step_of_what_is_left_can_go(numbers: list[int], enough: int) -> None:
    """Some steps are as good as others: any few of them make it fail."""
    wanted = {STEPS[number] for number in numbers}
    enough = min(enough, len(wanted))

    def fails(script: Script) -> bool:
        return len(wanted & set(script)) >= enough

    left = shrink(STEPS, fails)
    assert fails(left)
    assert len(left) == enough


def test_shrinking_is_deterministic() -> None:
    tried: list[list[Script]] = [[], []]
    for attempt in tried:
        fails = contains(STEPS[3], STEPS[17])

        def noted(
            script: Script, attempt: list[Script] = attempt, fails: Callable[..., bool] = fails
        ) -> bool:
            attempt.append(script)
            return fails(script)

        shrink(STEPS, noted)
    assert tried[0] == tried[1]


def test_a_script_that_can_not_be_shortened_stays() -> None:
    assert shrink(STEPS[:3], contains(*STEPS[:3])) == STEPS[:3]


@pytest.mark.parametrize(
    ("step", "simpler"),
    [
        (("set", "x", "a", "long-text"), ("set", "x", "a", "one")),
        (("set-unpicklable", "x", "a", "lock"), ("set-unpicklable", "x", "a", "lambda")),
        (("link", "x", "a", "y", "weak"), ("link", "x", "a", "y", "strong")),
        (("new", "x", "Named"), ("new", "x", "Thing")),
    ],
)
def test_an_argument_becomes_as_simple_as_the_failure_allows(step: Step, simpler: Step) -> None:
    assert shrink((step,), lambda script: len(script) == 1) == (simpler,)
    assert shrink((step,), contains(step)) == (step,)


def test_every_argument_is_made_simple() -> None:
    script: Script = (("new", "x", "Named"), ("set", "x", "a", "nan"), ("new", "y", "Counter"))
    assert shrink(script, lambda script: len(script) == 3) == (
        ("new", "x", "Thing"),
        ("set", "x", "a", "one"),
        ("new", "y", "Thing"),
    )


def test_simple_words_stand_where_the_operations_have_their_arguments() -> None:
    assert {name: position for name, (position, _) in SIMPLER.items()} == {
        "set": 3,
        "set-unpicklable": 3,
        "link": 4,
        "new": 2,
    }


def test_no_more_is_tried_than_the_limit_allows() -> None:
    tried: list[Script] = []

    def fails(script: Script) -> bool:
        tried.append(script)
        return contains(STEPS[3])(script)

    left = shrink(STEPS, fails, Limit(tries=4))
    assert len(tried) == 4
    assert contains(STEPS[3])(left)
    assert len(left) < len(STEPS)


def test_nothing_is_tried_when_the_time_is_over() -> None:
    tried: list[Script] = []
    assert shrink(STEPS, lambda script: bool(tried.append(script)), Limit(seconds=-1)) == STEPS
    assert tried == []


def test_arguments_stay_as_they_are_when_the_tries_are_spent() -> None:
    step: Step = ("set", "x", "a", "nan")
    assert shrink((step,), lambda script: len(script) == 1, Limit(tries=1)) == (step,)


def test_a_name_gets_a_small_number_where_its_step_has_one() -> None:
    script: Script = (
        ("open", "db", "manager1", "connection1"),
        ("open", "db", "manager2", "connection62"),
        ("new", "thing34", "Thing"),
        ("add", "connection62", "thing34"),
    )
    assert shrink(script, lambda tried: len(tried) == 4) == (
        ("open", "db", "manager1", "connection1"),
        ("open", "db", "manager2", "connection2"),
        ("new", "thing1", "Thing"),
        ("add", "connection2", "thing1"),
    )


def test_a_name_stays_where_another_one_does_not_fail() -> None:
    script: Script = (("new", "thing34", "Thing"), ("add", "connection1", "thing34"))
    assert shrink(script, contains(*script)) == script
