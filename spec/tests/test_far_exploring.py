"""Large worlds, explored as far as a machine goes in minutes: two databases with two groups of two
connections, and a storage with an instance; each with three objects.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from zodb_spec.explore import LARGE_STORAGE_WORLDS, LARGE_WORLDS, explore

LARGE = LARGE_WORLDS["two-groups"]
STORAGE = LARGE_STORAGE_WORLDS["whole-storage"]


@pytest.mark.far
@pytest.mark.timeout(1800)
def test_a_hundred_thousand_worlds_obey_every_law() -> None:
    found = explore(LARGE.start(), replace(LARGE.bounds, worlds=100_000))
    assert found.violation is None
    assert (found.worlds, found.taken, found.depth) == (100_000, 687_555, 6)


@pytest.mark.far
@pytest.mark.timeout(1800)
def test_a_hundred_thousand_worlds_of_a_storage_obey_every_law() -> None:
    found = explore(STORAGE.start(), replace(STORAGE.bounds, worlds=100_000))
    assert found.violation is None
    assert (found.worlds, found.taken, found.depth) == (100_000, 560_778, 9)


@pytest.mark.million
@pytest.mark.timeout(7200)
def test_a_million_worlds_obey_every_law() -> None:
    found = LARGE.explore()
    assert found.violation is None
    assert (found.worlds, found.taken, found.depth) == (1_000_000, 8_195_184, 7)
