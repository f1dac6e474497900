"""What becomes of caches that are reduced, or declared invalid."""

from __future__ import annotations

import pytest
from asking import owner, state
from zodb_spec.explore import SMALL_WORLDS, begin
from zodb_spec.operation import Raised, Step
from zodb_spec.script import after, makes_sense, outcomes
from zodb_spec.world import GHOST, World

SHARED = SMALL_WORLDS["invalid-caches"].start()
"""Two connections that hold the root (`root1`, `root2`) and a thing (`one1`, `one2`)."""
IN_2006 = SMALL_WORLDS["invalid-caches-in-2006"].start()
"""The same in 2006, where the second one was opened with mvcc=False."""

INVALID: Step = ("invalidate-cache", "db")
CHANGE: Step = ("set", "one1", "a", "one")
REFUSED = "cache.invalidated-refuses-reads"


def clauses_of(world: World, *step: str) -> list[str]:
    """The clauses by which a step may be refused, and "passes" where it may pass."""
    return [
        each.clause if isinstance(each.seen, Raised) else "passes"
        for each in outcomes(world, *step)
    ]


def test_what_may_be_loaded_already_may_be_read() -> None:
    world = after(SHARED, INVALID)
    assert set(clauses_of(world, "read", "root2", "'a'", "x")) == {"passes", REFUSED}


@pytest.mark.parametrize("step", [("read", "one1", "a", "x"), CHANGE])
def test_a_ghost_is_not_loaded(step: Step) -> None:
    world = after(SHARED, INVALID, ("invalidate", "one1"))
    assert clauses_of(world, *step) == [REFUSED]


def test_what_a_savepoint_has_stored_may_be_loaded() -> None:
    saved = (CHANGE, ("savepoint", "manager1", "s"), INVALID, ("invalidate", "one1"))
    found = clauses_of(after(SHARED, *saved), "read", "one1", "a", "x")
    assert set(found) == {"passes", REFUSED}


def test_what_the_program_holds_is_found_and_nothing_else_may_be() -> None:
    world = after(SHARED, ("forget", "one1"), INVALID)
    assert clauses_of(world, "get", "connection1", "0", "x") == ["passes"]
    assert clauses_of(world, "get", "connection1", "1", "x") == ["passes", REFUSED]
    assert clauses_of(world, "get", "connection1", "2", "x") == ["identity.unknown-oid", REFUSED]


def test_changes_are_not_committed() -> None:
    world = after(SHARED, CHANGE, INVALID)
    assert clauses_of(world, "commit", "manager1") == ["cache.invalidated-refuses-commit"]
    again = after(world, ("commit", "manager1"), ("abort", "manager1"), CHANGE)
    assert clauses_of(again, "commit", "manager1") == ["passes"]


def test_who_has_joined_without_changes_may_be_refused() -> None:
    world = after(SHARED, CHANGE, ("invalidate", "one1"), INVALID)
    found = clauses_of(world, "commit", "manager1")
    assert set(found) == {"passes", "cache.invalidated-refuses-commit"}


def test_who_only_reads_is_not_refused() -> None:
    assert clauses_of(after(SHARED, INVALID), "commit", "manager1") == ["passes"]


@pytest.mark.parametrize(
    "ending",
    [
        [("begin", "manager1")],
        [("abort", "manager1")],
        [("commit", "manager1")],
        [("sync", "connection1")],
    ],
)
def test_the_next_boundary_makes_ghosts_that_can_be_loaded(ending: list[Step]) -> None:
    world = after(SHARED, INVALID, *ending)
    assert world.objects["one1"].status.value == world.objects["root1"].status.value == GHOST
    assert world.objects["one2"].status.value != GHOST
    assert clauses_of(world, "read", "root1", "'a'", "x") == ["passes"]
    assert REFUSED in clauses_of(world, "read", "root2", "'a'", "x")


def test_a_closed_connection_has_ghosts_when_it_is_opened_again() -> None:
    closed = after(SHARED, ("close", "connection1"), INVALID)
    opened = closed._replace(step=closed.step + 1)
    (again,) = [
        each.world
        for each in outcomes(opened, "open", "db", "manager1", "connection9")
        if "connection9" not in each.world.connections
    ]
    assert again.objects["one1"].status.value == GHOST
    assert not again.connections["connection1"].invalid


def test_one_connection_alone_can_be_told_in_2006() -> None:
    step: Step = ("invalidate-one-cache", "connection1")
    assert not makes_sense(SHARED, step)
    world = after(IN_2006, step)
    assert [found.invalid for found in world.connections.values()] == [True, False]


def test_who_reads_what_is_current_remembers_a_read_that_failed() -> None:
    step: Step = ("invalidate-one-cache", "connection2")
    world = after(IN_2006, step, ("invalidate", "one2"), ("read", "one2", "a", "x"))
    assert world.connections["connection2"].conflicts
    assert world.managers["manager2"].joined == ("connection2",)


def test_who_is_not_told_of_a_boundary_stays_invalid() -> None:
    opened = ("open-as", "db", "manager2", "synch=False", "connection9")
    beginning = after(begin(edition=IN_2006.edition), opened)
    world = after(beginning, INVALID, ("begin", "manager2"))
    assert world.connections["connection9"].invalid
    assert not after(world, ("sync", "connection9")).connections["connection9"].invalid


def test_nobody_says_so_where_somebody_looks_at_the_past() -> None:
    world = after(SHARED, ("open-historical", "db", "manager1", "at", "2", "past"))
    assert not makes_sense(world, INVALID)
    assert makes_sense(after(SHARED, ("close", "connection1")), INVALID)


# Reducing them.


@pytest.mark.parametrize(
    "step", [("gc", "connection1"), ("set-cache-size", "db", "0"), ("sweep", "db")]
)
def test_to_reduce_a_cache_changes_nothing_but_what_is_loaded(step: Step) -> None:
    before = after(SHARED, CHANGE, ("new", "x", "Thing"), ("add", "connection1", "x"))
    world = after(before, step)
    for name in ("one1", "x", "one2"):
        assert state(world, name) == state(before, name)
        assert owner(world, name) == owner(before, name)
        assert world.objects[name].status.value == before.objects[name].status.value


def test_to_reduce_a_cache_makes_no_ghost_of_what_may_have_been_loaded_since() -> None:
    """Whoever looks at one loads it: it is a ghost for sure in the step alone that says so."""
    world = after(SHARED, ("invalidate", "one1"))
    said = world.objects["one1"].status
    reduced = after(world, ("gc", "connection1")).objects["one1"].status
    assert (said.value, reduced) == (GHOST, said)
