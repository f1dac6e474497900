"""Values: each can be stored and comes back the same, and no two of them are the same."""

from __future__ import annotations

import copy
import itertools
import pickle
from collections import defaultdict, deque
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zodb_conformance.bench import VALUES
from zodb_conformance.programs import NAMESPACE
from zodb_conformance.things import DictSubclass, Holder, IntSubclass, ListSubclass, TextSubclass
from zodb_spec.values import EXPRESSIONS, same

PROTOCOL = 3
"""The protocol of pickles in records."""

ATOMS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.complex_numbers(),
    st.text(),
    st.binary(),
    st.binary().map(bytearray),
    st.dates(),
    st.datetimes().map(lambda moment: moment.replace(fold=0)),  # pickles leave it out
    st.timedeltas(),
    st.decimals(allow_nan=False),
    st.fractions(),
    st.uuids(),
    st.lists(st.integers(), max_size=3).map(deque),
    st.integers().map(IntSubclass),
    st.text().map(TextSubclass),
)
KEYS = st.one_of(st.none(), st.integers(), st.text(), st.binary(), st.dates())
ANYTHING = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.lists(inner, max_size=4).map(ListSubclass),
        st.dictionaries(KEYS, inner, max_size=4),
        st.dictionaries(KEYS, inner, max_size=4).map(DictSubclass),
        st.sets(KEYS, max_size=4),
        st.frozensets(KEYS, max_size=4),
        st.dictionaries(st.sampled_from(["x", "y"]), inner).map(lambda held: Holder(**held)),
        inner.map(lambda value: [value, value]),
    ),
    max_leaves=12,
)


def written(value: object) -> object:
    """A value as it comes back from a record."""
    return pickle.loads(pickle.dumps(value, PROTOCOL))


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_a_value_is_the_same_after_it_was_pickled(name: str) -> None:
    assert same(written(VALUES[name]), VALUES[name])


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_a_value_that_is_made_twice_is_the_same(name: str) -> None:
    assert same(eval(EXPRESSIONS[name], NAMESPACE), VALUES[name])


def test_values_of_different_names_differ() -> None:
    alike = [
        (one, other)
        for one, other in itertools.permutations(VALUES, 2)
        if same(VALUES[one], VALUES[other])
    ]
    assert alike == []


@given(ANYTHING)
def test_anything_is_the_same_after_it_was_pickled(value: object) -> None:
    assert same(written(value), value)


@given(ANYTHING, ANYTHING)
def test_to_be_the_same_works_both_ways(one: object, other: object) -> None:
    assert same(one, other) == same(other, one)


def shared() -> object:
    inner = [1]
    return [inner, inner]


def recursive(depth: int) -> object:
    """A list that contains itself so many levels down."""
    value: list[object] = []
    innermost = value
    for _ in range(depth):
        inner: list[object] = []
        innermost.append(inner)
        innermost = inner
    innermost.append(value)
    return value


def marked(value: Any) -> object:
    """An instance of a subclass with an attribute of its own."""
    value.mark = 1
    return value


BYTES = bytearray(b"b")
INSTANCE = Holder(x=1)
DEQUE = deque([1])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, True),
        (1, 1.0),
        (0.0, -0.0),
        (complex(0.0, 0.0), complex(0.0, -0.0)),
        (float("nan"), 1.0),
        (1, IntSubclass(1)),
        ("", b""),
        (b"b", bytearray(b"b")),
        ([1], (1,)),
        ([1], ListSubclass([1])),
        ([1, 2], [2, 1]),
        ([1], [1, 1]),
        ({1: 2}, {1: 2, 3: 4}),
        ({1: 2, 3: 4}, {3: 4, 1: 2}),
        ({1: [0.0]}, {1: [-0.0]}),
        ({1}, {1, 2}),
        ({1}, frozenset({1})),
        ({1}, {1.0}),
        (frozenset({0.0}), frozenset({-0.0})),
        (shared(), [[1], [1]]),
        ([BYTES, BYTES], [bytearray(b"b"), bytearray(b"b")]),
        ([INSTANCE, INSTANCE], [Holder(x=1), Holder(x=1)]),
        ([DEQUE, DEQUE], [deque([1]), deque([1])]),
        (deque([1], maxlen=2), deque([1], maxlen=3)),
        (deque([0.0]), deque([-0.0])),
        (recursive(0), recursive(1)),
        (recursive(1), recursive(2)),
        (defaultdict(list), defaultdict(dict)),
        (ListSubclass([1]), marked(ListSubclass([1]))),
        (DictSubclass(k=1), marked(DictSubclass(k=1))),
        (TextSubclass("t"), marked(TextSubclass("t"))),
        (Holder(x=1), Holder(x=2)),
        (Holder(x=1), Holder(y=1)),
        (Holder(x=1), Holder(x=1, y=1)),
        (len, repr),
        (dict, list),
        (range(3), range(4)),
        (None, ...),
    ],
)
def test_what_can_be_told_apart_is_not_the_same(one: object, other: object) -> None:
    assert not same(one, other)
    assert not same(other, one)
    assert same(one, copy.deepcopy(one))


def test_not_a_number_is_the_same_as_not_a_number() -> None:
    assert same(float("nan"), float("nan"))
    assert same([complex("nan")], [complex("nan")])


def test_equal_parts_that_can_not_change_may_be_shared_or_not() -> None:
    part = (1, "text")
    assert same([part, part], [(1, "text"), (1, "text")])


def test_one_list_in_two_places_is_not_one_list_in_two_other_places() -> None:
    one, two = [1], [1]
    assert same([one, one, two], [two, two, one])
    assert not same([one, one, two], [one, two, two])
