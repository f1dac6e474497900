"""A test of a table names every line that is wrong."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from tables import for_all


@dataclass
class Line:
    id: str
    value: int


LINES = [Line("one", 1), Line("two", 2), Line("three", 3)]


def test_all_lines_that_are_wrong_are_told() -> None:
    @for_all(LINES)
    def is_even(line: Line) -> None:
        assert line.value % 2 == 0

    with pytest.raises(ExceptionGroup, match="2 of 3 are wrong") as raised:
        is_even()
    assert [error.__notes__ for error in raised.value.exceptions] == [
        ["It is about one."],
        ["It is about three."],
    ]


def test_a_table_without_a_wrong_line_passes() -> None:
    @for_all([line.id for line in LINES])
    def has_a_name(name: str) -> None:
        assert name

    has_a_name()


def test_a_table_without_lines_is_wrong() -> None:
    with pytest.raises(AssertionError, match="no lines"):
        for_all([])
