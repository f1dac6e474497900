"""What becomes of objects that take the places of others."""

from __future__ import annotations

import pytest
from asking import owner, state
from zodb_spec.chapters.connection_methods import takes_the_place
from zodb_spec.clause import id_of
from zodb_spec.explore import SMALL_WORLDS
from zodb_spec.operation import Returned, Step
from zodb_spec.script import after, makes_sense, outcomes
from zodb_spec.world import CHANGED, UNSAVED, Plain, World

SHARED = SMALL_WORLDS["exchanges"].start()
"""Two connections that hold the root (`root1`, `root2`) and a thing (`one1`, `one2`)."""

NEW: tuple[Step, ...] = (("new", "x", "Thing"), ("set", "x", "a", "text"))
EXCHANGE: Step = ("exchange", "connection1", "one1", "x")
SAVE: Step = ("savepoint", "manager1", "s")
COMMIT: Step = ("commit", "manager1")
ABORT: Step = ("abort", "manager1")


def unsaved(world: World, name: str) -> bool:
    return world.objects[name].status.value == UNSAVED and owner(world, name) is None


def test_the_new_object_has_the_place_and_what_it_held() -> None:
    world = after(SHARED, *NEW, EXCHANGE)
    assert "one1" not in world.objects
    taken = world.objects["x"]
    assert taken.owner.value == SHARED.objects["one1"].owner.value
    assert taken.owner.clause == id_of(takes_the_place)
    assert (taken.status.value, taken.base) == (CHANGED, 2)
    (found,) = outcomes(world, "get", "connection1", "1", "y")
    assert found.seen == Returned("object", "x")


def test_the_commit_stores_it_and_the_others_see_it() -> None:
    world = after(SHARED, *NEW, EXCHANGE, COMMIT, ("begin", "manager2"))
    assert state(world, "one2") == {"a": Plain("text")}


def test_it_is_in_conflict_with_what_others_have_made_of_the_old_one() -> None:
    world = after(SHARED, *NEW, EXCHANGE, ("set", "one2", "a", "one"), ("commit", "manager2"))
    assert {each.clause for each in outcomes(world, *COMMIT)} == {"isolation.first-committer-wins"}


@pytest.mark.parametrize("before", [[], [SAVE], [SAVE, ("set", "x", "a", "one")]])
def test_an_abort_takes_it_back(before: list[Step]) -> None:
    exchanged = after(SHARED, *NEW, EXCHANGE, *before)
    world = after(exchanged, ABORT)
    assert unsaved(world, "x")
    assert state(world, "x") == state(exchanged, "x")
    found = after(world, ("get", "connection1", "1", "y"))
    assert state(found, "y") == {}


def test_a_return_to_an_earlier_savepoint_takes_it_back_and_one_to_a_later_does_not() -> None:
    exchanged = after(SHARED, *NEW, SAVE, EXCHANGE, ("savepoint", "manager1", "t"))
    changed = after(exchanged, ("set", "x", "a", "one"))
    later = after(changed, ("rollback", "t"))
    assert state(later, "x") == {"a": Plain("text")}
    assert later.connections["connection1"].replaced.keys() == {1}
    assert unsaved(after(later, ("rollback", "s")), "x")


def test_a_return_to_a_savepoint_between_two_exchanges_takes_the_second_one_back() -> None:
    again = (("new", "y", "Thing"), ("exchange", "connection1", "x", "y"))
    world = after(SHARED, *NEW, EXCHANGE, SAVE, *again, ("rollback", "s"))
    assert unsaved(world, "y")
    found = after(world, ("get", "connection1", "1", "z"))
    assert state(found, "z") == {"a": Plain("text")}


def test_references_in_memory_are_not_read_before_they_are_loaded_again() -> None:
    read: Step = ("read", "root1", "'a'", "y")
    exchanged = after(SHARED, *NEW, EXCHANGE)
    assert not makes_sense(exchanged, read)
    assert makes_sense(after(exchanged, ABORT), read)
    stored = after(exchanged, COMMIT)
    assert not makes_sense(stored, read)
    reloaded = after(stored, ("invalidate", "root1"))
    (found,) = outcomes(reloaded, *read)
    assert isinstance(found.seen, Returned)
    assert found.seen.bind == "x"
    assert not makes_sense(after(SHARED, ("invalidate", "root1"), *NEW, EXCHANGE), read)


@pytest.mark.parametrize(
    ("before", "step"),
    [
        ([], ("exchange", "connection1", "root1", "x")),
        ([], ("exchange", "connection1", "one2", "x")),
        ([("new", "counter", "Counter")], ("exchange", "connection1", "one1", "counter")),
        ([("link", "x", "b", "one1", "strong")], EXCHANGE),
        ([("add", "connection1", "x")], EXCHANGE),
        ([("close", "connection1")], EXCHANGE),
        ([("invalidate-cache", "db")], EXCHANGE),
    ],
)
def test_nothing_is_exchanged_where_nobody_says_what_comes_of_it(
    before: list[Step], step: Step
) -> None:
    assert makes_sense(after(SHARED, *NEW), EXCHANGE)
    assert not makes_sense(after(SHARED, *NEW, *before), step)


def test_what_is_in_place_is_neither_made_a_ghost_nor_referred_to_weakly() -> None:
    world = after(SHARED, *NEW, EXCHANGE)
    assert not makes_sense(world, ("invalidate", "x"))
    assert not makes_sense(world, ("link", "root1", "'b'", "x", "weak"))
    assert makes_sense(after(world, COMMIT), ("invalidate", "x"))


def test_what_an_object_in_place_refers_to_is_not_forgotten_while_it_may_be_needed() -> None:
    linked = (*NEW, ("new", "y", "Thing"), ("link", "x", "b", "y", "strong"), EXCHANGE)
    world = after(SHARED, *linked, SAVE)
    assert not makes_sense(world, ("forget", "y"))
    assert makes_sense(after(world, COMMIT), ("forget", "y"))
