"""Worlds have one canonical form if no program can tell them apart, and two if one can."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import pytest
import zodb_spec.contents  # noqa: F401  # states all clauses
from wandering import pairs_of_one_form, walk, what_can_happen
from zodb_spec.editions import Edition
from zodb_spec.explore import SMALL_WORLDS, begin
from zodb_spec.explore.canonical import canonical
from zodb_spec.operation import Step
from zodb_spec.script import after
from zodb_spec.world import Fact, InMemory, Stored, World


def renamed(value: Any, names: Mapping[str, str], shift: int) -> Any:
    """A world with other names, and with other oids for everything but the root."""
    if isinstance(value, str):
        return names.get(value, value)
    if type(value) is Stored:
        return value._replace(oid=value.oid and value.oid + shift)
    if isinstance(value, dict):
        return {
            renamed(key, names, shift) if isinstance(key, str) else key and key + shift: renamed(
                found, names, shift
            )
            for key, found in value.items()
        }
    if isinstance(value, frozenset):
        return frozenset(
            item and item + shift if isinstance(item, int) else names[item] for item in value
        )
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        changed = {name: renamed(getattr(value, name), names, shift) for name in value._fields}
        if "owner" in changed and changed["owner"].value is not None:
            connection, oid = changed["owner"].value
            changed["owner"] = changed["owner"]._replace(value=(connection, oid and oid + shift))
        return value._replace(**changed)
    if isinstance(value, tuple):
        return tuple(renamed(item, names, shift) for item in value)
    return value


@pytest.mark.parametrize("name", SMALL_WORLDS)
@pytest.mark.parametrize("seed", range(3))
def test_names_and_oids_make_no_difference(name: str, seed: int) -> None:
    for world in walk(SMALL_WORLDS[name], seed, 15):
        old = [*world.managers, *world.connections, *world.objects]
        new = [f"other{number}" for number in range(len(old))]
        random.Random(seed).shuffle(new)
        twin = renamed(world, dict(zip(old, new, strict=True)), shift=10)
        twin = twin._replace(
            managers=dict(reversed(twin.managers.items())),
            connections=dict(reversed(twin.connections.items())),
            objects=dict(reversed(twin.objects.items())),
        )
        assert twin != world
        assert canonical(twin) == canonical(world)


@pytest.mark.once
@pytest.mark.parametrize("name", SMALL_WORLDS)
def test_in_worlds_of_one_form_the_same_can_happen(name: str) -> None:
    pairs = pairs_of_one_form(SMALL_WORLDS[name])
    assert len(pairs) > 10
    for one, other in pairs[:40]:
        assert what_can_happen(one, SMALL_WORLDS[name], why=False) == what_can_happen(
            other, SMALL_WORLDS[name], why=False
        )


# What makes a difference, and what makes none.

ONE = SMALL_WORLDS["one-object"].start()
SHARED = SMALL_WORLDS["one-shared-object"].start()
TWO_NEW: tuple[Step, ...] = (("new", "x", "Thing"), ("new", "y", "Thing"))


def linked(*pairs: tuple[str, str]) -> World:
    steps = [("link", one, "a", other, "strong") for one, other in pairs]
    return after(ONE, *TWO_NEW, *steps)


def test_two_objects_that_refer_to_each_other_are_not_two_that_refer_to_themselves() -> None:
    assert canonical(linked(("x", "y"), ("y", "x"))) != canonical(linked(("x", "x"), ("y", "y")))


def test_which_of_two_new_objects_refers_to_the_other_makes_no_difference() -> None:
    assert canonical(linked(("x", "y"))) == canonical(linked(("y", "x")))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((("link", "one1", "a", "one1", "strong"),), (("link", "one1", "a", "root1", "strong"),)),
        ((("link", "one1", "a", "one1", "strong"),), (("link", "one1", "a", "one1", "weak"),)),
        ((("link", "one1", "a", "one1", "list"),), (("link", "one1", "a", "one1", "dict"),)),
        ((("set", "one1", "a", "one"),), (("set", "one1", "a", "none"),)),
        ((("set", "one1", "a", "one"),), (("set", "one1", "b", "one"),)),
        ((("new", "x", "Thing"),), (("new", "x", "Counter"),)),
        ((("new", "x", "Thing"),), (("new", "x", "Thing"), ("add", "connection1", "x"))),
        ((("read-current", "connection1", "one1"),), (("read-current", "connection1", "root1"),)),
        ((("doom", "manager1"),), ()),
        ((("close", "connection1"),), ()),
        ((("forget", "one1"),), ()),
        ((("set", "one1", "a", "one"), ("invalidate", "one1")), ()),
        (
            (("mark-changed", "one1"), ("invalidate", "one1"), ("mark-changed", "root1")),
            (("mark-changed", "root1"),),
        ),
    ],
)
def test_what_a_program_can_notice_makes_a_difference(
    one: tuple[Step, ...], other: tuple[Step, ...]
) -> None:
    assert canonical(after(SHARED, *one)) != canonical(after(SHARED, *other))


STORED: tuple[Step, ...] = (("set", "one1", "a", "one"), ("commit", "manager1"))
CAUGHT_UP: tuple[Step, ...] = (*STORED, ("begin", "manager2"))


def test_a_connection_that_sees_an_old_revision_makes_a_difference() -> None:
    assert canonical(after(SHARED, *STORED)) != canonical(after(SHARED, *CAUGHT_UP))


def test_revisions_that_nobody_sees_any_more_make_no_difference() -> None:
    assert canonical(after(SHARED, *CAUGHT_UP)) == canonical(after(SHARED, *CAUGHT_UP, *CAUGHT_UP))


def test_the_length_of_a_history_makes_a_difference_where_it_is_asked_for() -> None:
    once, twice = after(SHARED, *CAUGHT_UP), after(SHARED, *CAUGHT_UP, *CAUGHT_UP)
    assert canonical(once, lengths=True) != canonical(twice, lengths=True)


def test_what_is_newest_makes_a_difference_even_if_no_connection_sees_it() -> None:
    nobody = {"connections": {}, "objects": {}}
    old, new = SHARED._replace(**nobody), after(SHARED, *STORED)._replace(**nobody)
    assert canonical(old) != canonical(new)


def test_which_objects_a_failed_commit_left_in_limbo_makes_a_difference() -> None:
    world = after(ONE, *TWO_NEW)
    manager = world.managers["manager1"]
    failed = manager._replace(status=Fact("failed", "test"))
    limbo = failed._replace(limbo=frozenset({"x"}))
    forms = {canonical(world.put("managers", "manager1", each)) for each in (failed, limbo)}
    assert len(forms) == 2


def test_a_change_that_is_in_conflict_makes_a_difference() -> None:
    mine: Step = ("set", "one2", "a", "none")
    in_conflict = after(SHARED, mine, *STORED)
    in_time = after(SHARED, *CAUGHT_UP, mine)
    assert canonical(in_conflict) != canonical(in_time)


def test_the_order_of_savepoints_makes_a_difference() -> None:
    def saved(*values: str) -> World:
        world = SHARED
        for number, value in enumerate(values):
            change: Step = ("set", "one1", "a", value)
            world = after(world, change, ("savepoint", "manager1", f"savepoint{number}"))
        return world

    assert canonical(saved("one", "none", "text")) != canonical(saved("none", "one", "text"))


def test_a_reference_that_names_its_own_database_is_not_one_that_names_none() -> None:
    first = begin(edition=Edition.A)
    forms = {
        canonical(after(first, ("link", "root1", "'a'", target, "strong"), ("commit", "manager1")))
        for target in ("root1", "root2")
    }
    assert len(forms) == 2


def test_whether_an_unchanged_object_is_loaded_makes_no_difference() -> None:
    assert canonical(after(SHARED, ("deactivate", "one1"))) == canonical(SHARED)


def test_which_clause_established_a_fact_makes_no_difference() -> None:
    thing = SHARED.objects["one1"]
    other = SHARED.put(
        "objects", "one1", thing._replace(state=Fact(None, "another-clause", step=99))
    )
    assert canonical(other) == canonical(SHARED)


def test_whether_an_empty_transaction_is_recorded_makes_a_difference_once_it_is_known() -> None:
    database = SHARED.databases["db"]
    forms = {
        canonical(SHARED.put("databases", "db", database._replace(empty_recorded=known)))
        for known in (None, True, False)
    }
    assert len(forms) == 3


def test_a_reference_to_an_object_that_is_not_there_has_a_form_too() -> None:
    database = SHARED.databases["db"]
    *before, last = database.history
    dangling = last.records[1].value._replace(state={"a": Stored(99)})
    records = {**last.records, 1: last.records[1]._replace(value=dangling)}
    broken = database._replace(history=(*before, last._replace(records=records)))
    assert canonical(SHARED.put("databases", "db", broken)) != canonical(SHARED)


def test_the_renaming_of_these_tests_reaches_references() -> None:
    world = after(SHARED, ("link", "one1", "a", "root1", "strong"))
    twin = renamed(world, {"root1": "trunk"}, shift=10)
    assert twin.objects["one1"].state.value == {"a": InMemory("trunk")}
    assert twin.databases["db"].history[-1].records.keys() == {0, 11}
    assert begin() == renamed(begin(), {}, shift=0)
