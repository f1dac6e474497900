"""Tuples with named fields of which changed ones are made quickly."""

from __future__ import annotations

import copy
import pickle
from typing import NamedTuple

import pytest
from zodb_spec.protocol.world import NEVER, Notes, Store, Transaction
from zodb_spec.quick import quick


@quick
class Point(NamedTuple):
    x: int
    y: int = 0


def test_the_fields_that_are_given_are_changed_and_the_others_stay() -> None:
    point = Point(1, 2)
    assert point._replace(y=3) == Point(1, 3)
    assert point._replace(y=3, x=4) == Point(4, 3)
    assert type(point._replace()) is Point
    assert point == Point(1, 2)


def test_what_is_made_from_one_of_a_subclass_is_one_of_it() -> None:
    class Named(Point):
        """A point with more to it."""

    assert type(Named(1)._replace(y=3)) is Named


def test_a_changed_one_can_be_copied_and_pickled() -> None:
    point = Point(1, 2)._replace(y=3)
    copies = copy.copy(point), copy.deepcopy(point), pickle.loads(pickle.dumps(point))
    for each in copies:
        assert (each, type(each)) == (Point(1, 3), Point)


def test_there_has_to_be_a_field_of_that_name() -> None:
    with pytest.raises(KeyError):
        Point(1)._replace(z=1)  # type: ignore[call-arg]  # on purpose


def test_what_a_store_has_found_out_is_forgotten_by_a_changed_one() -> None:
    first, second = (Transaction(tid, Notes("", "", "{}"), {}) for tid in ("tid1", "tid2"))
    store = Store((first,))
    assert store.tids == ("tid1",)
    after = store._replace(history=(first, second))
    assert (after.tids, store.tids) == (("tid1", "tid2"), ("tid1",))
    assert after.until("tid1") == store
    assert after.until(NEVER).tids == ()
