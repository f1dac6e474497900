"""Delta debugging."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zodb_conformance.minimising import minimise


def always():
    return True


@given(
    st.integers(1, 60).flatmap(
        lambda size: st.tuples(st.just(size), st.sets(st.integers(0, size - 1)))
    )
)
def test_what_the_failure_needs_is_what_is_left(case):
    size, needed = case
    left = minimise(range(size), needed.issubset, again=always)
    assert left == tuple(sorted(needed))


def test_no_single_item_can_be_left_out_of_the_result():
    # Either of two pairs is enough, and neither is a chunk.
    def fails(part):
        return {3, 17}.issubset(part) or {5, 11}.issubset(part)

    left = minimise(range(20), fails, again=always)
    assert fails(left)
    assert not any(fails(left[:n] + left[n + 1 :]) for n in range(len(left)))


def test_the_order_of_the_items_stays():
    left = minimise("hgfedcba", {"g", "b"}.issubset, again=always)
    assert left == ("g", "b")


@pytest.mark.parametrize("tries", [0, 1, 5])
def test_after_the_last_try_the_shortest_so_far_is_given(tries):
    left_over = itertools.chain([True] * tries, itertools.repeat(False))
    asked = []

    def fails(part):
        asked.append(part)
        return 7 in part

    left = minimise(range(40), fails, again=lambda: next(left_over))
    assert 7 in left
    assert len(asked) == tries


def test_few_tries_are_needed_where_few_steps_matter():
    tries = 0

    def fails(part):
        nonlocal tries
        tries += 1
        return {20, 59}.issubset(part)

    assert minimise(range(60), fails, again=always) == (20, 59)
    assert tries < 40
