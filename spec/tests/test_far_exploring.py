"""Large worlds, explored as far as a machine goes in minutes: two databases, two groups of two
connections, three objects.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from zodb_spec.explore import LARGE_WORLDS, explore


@pytest.mark.parametrize(
    ("worlds", "taken", "depth"),
    [
        pytest.param(100_000, 0, 0, marks=pytest.mark.far, id="a-hundred-thousand"),
        pytest.param(1_000_000, 0, 0, marks=pytest.mark.million, id="a-million"),
    ],
)
@pytest.mark.timeout(3600)
def test_no_law_is_broken_in_so_many_worlds(worlds: int, taken: int, depth: int) -> None:
    large = LARGE_WORLDS["two-groups"]
    found = explore(large.start(), replace(large.bounds, worlds=worlds))
    assert found.violation is None
    assert (found.worlds, found.taken, found.depth) == (worlds, taken, depth)
