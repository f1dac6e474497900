"""Races: doubles that have one are found out in the order in which it hurts, and in no other."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import zodb_spec.contents  # noqa: F401  # states all clauses
from zodb_conformance import schedules
from zodb_conformance.doubles import registered, target_of
from zodb_conformance.examples import run_example
from zodb_conformance.quoting import QUOTABLE
from zodb_conformance.results import Deviation, Tally
from zodb_conformance.schedules import AtStep, Halt, in_thread
from zodb_spec.clause import clauses

RACES = (
    "the-pool-looks-first-and-takes-then",
    "a-closed-connection-forgets-its-manager-once-more",
    "invalidations-behind-the-snapshot-are-taken-too",
    "the-state-is-chosen-after-its-invalidations",
    "an-opening-chooses-its-state-when-it-is-ready",
    "a-closed-connection-counts-as-up-to-date",
    "what-has-been-loaded-counts-as-current",
    "an-object-with-its-state-counts-as-current",
    "a-commit-is-announced-when-it-is-visible-already",
    "conflicts-are-looked-for-before-it-is-ones-turn",
    "a-commit-without-records-loses-its-turn",
    "a-commit-makes-everything-before-it-known",
    "marks-are-checked-before-it-is-ones-turn",
    "oids-are-counted-without-a-lock",
)
"""Doubles that are right as long as no other thread comes in between."""

Work = Callable[[], Any]


def first_first(first: Work, second: Work, halt: Halt) -> tuple[Any, Any]:
    """What `meanwhile` is without a race: one after the other."""
    halt.halted = not isinstance(halt, AtStep)
    return in_thread(first), in_thread(second)


def second_first(first: Work, second: Work, halt: Halt) -> tuple[Any, Any]:
    """The same the other way round."""
    return first_first(second, first, halt)[::-1]


def found(name: str, meanwhile: Any, tmp_path: Path) -> Deviation | None:
    double = registered()[name]
    target, numbers = target_of(double), count(1)

    def open_database(**options: Any) -> Any:
        directory = tmp_path / str(next(numbers))
        directory.mkdir()
        return target.open_database(directory, **options)

    with patch.dict(QUOTABLE, meanwhile=meanwhile):
        return run_example(clauses()[double.clause], target, open_database, Tally())


@pytest.mark.parametrize("name", RACES)
def test_a_race_is_found_whenever_its_order_is_forced(name: str, tmp_path: Path) -> None:
    for number in ("1", "2", "3"):
        (tmp_path / number).mkdir()
        deviation = found(name, schedules.meanwhile, tmp_path / number)
        assert deviation is not None
        assert deviation.clause == registered()[name].clause


@pytest.mark.parametrize("order", [first_first, second_first])
@pytest.mark.parametrize("name", RACES)
def test_a_race_does_not_show_where_one_comes_after_the_other(
    name: str, order: Any, tmp_path: Path
) -> None:
    assert found(name, order, tmp_path) is None
