"""How what was seen is told."""

from __future__ import annotations

import pytest
from zodb_conformance.showing import apart, caught_by

LONG = "12.0 " * 100
"""A value as the stream of work stores it."""


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        pytest.param(["one", "two"], ["'one'", "'two'"], id="short ones"),
        pytest.param([LONG, LONG], [f"'{LONG[:38]}…"] * 2, id="the same"),
        pytest.param([LONG, "two"], [f"'{LONG[:38]}…", "'two'"], id="different from the start"),
        pytest.param(
            ["two", LONG, f"{LONG[:250]}{'0' * 250}"],
            ["'two'", f"…'{LONG[238:276]}…", f"…'{LONG[238:250]}{'0' * 26}…"],
            id="different in the midst",
        ),
        pytest.param(
            [LONG, LONG[:250]], [f"…'{LONG[238:276]}…", f"…'{LONG[238:250]}'"], id="one is cut off"
        ),
    ],
)
def test_of_long_texts_it_is_shown_in_what_they_differ(texts: list[str], told: list[str]) -> None:
    assert apart(texts) == told


def test_a_script_catches_what_ends_a_process_only_where_that_was_seen() -> None:
    assert caught_by("it raised SystemExit('bye')") == "SystemExit"
    assert caught_by("it raises ValueError(SystemExit('bye'))") == "Exception"
    assert caught_by("it gave 1") == "Exception"
