"""What the model says of objects that a version holds, and of those who read what is current."""

from __future__ import annotations

import pytest
from asking import refusals
from zodb_spec.editions import Edition
from zodb_spec.operation import Step
from zodb_spec.script import after, initial, makes_sense, outcomes
from zodb_spec.world import Number, World

STORE_RED: tuple[Step, ...] = (
    ("open-as", "db", "manager2", "version='red'", "red"),
    ("root", "red", "red_root"),
    ("read", "red_root", "'a'", "red_one"),
    ("set", "red_one", "a", "one"),
    ("commit", "manager2"),
)
"""A version stores the object."""

STORE_TRUNK: tuple[Step, ...] = (
    ("open", "db", "manager2", "trunk"),
    ("root", "trunk", "trunk_root"),
    ("read", "trunk_root", "'a'", "trunk_one"),
    ("set", "trunk_one", "b", "one"),
    ("commit", "manager2"),
)
"""A connection in the trunk stores it."""


def begun(options: str) -> World:
    """A world with versions, and a connection that was opened with some options; it has an object
    that is stored.
    """
    return after(
        initial(edition=Edition.C, versions=True, managers=3),
        ("open", "db", "manager2", "first"),
        ("root", "first", "first_root"),
        ("new", "first_one", "Thing"),
        ("link", "first_root", "'a'", "first_one", "strong"),
        ("commit", "manager2"),
        ("close", "first"),
        ("open-as", "db", "manager1", options, "connection1"),
        ("root", "connection1", "root1"),
        ("read", "root1", "'a'", "one1"),
    )


# The lock.


def test_what_a_version_has_stored_is_locked_and_no_conflict() -> None:
    world = after(begun("version='blue'"), ("set", "one1", "a", "none"), *STORE_RED)
    assert refusals(world, "commit", "manager1") == {"version.locks"}


def test_a_conflict_that_a_connection_was_told_of_may_be_found_before_the_lock() -> None:
    changed = after(begun("synch=False"), ("set", "one1", "a", "none"))
    world = after(changed, *STORE_TRUNK, ("close", "trunk"), *STORE_RED)
    assert refusals(world, "commit", "manager1") == {
        "isolation.first-committer-wins",
        "version.locks",
    }


def test_what_a_savepoint_has_stored_meets_the_lock_or_the_conflict() -> None:
    saved: tuple[Step, ...] = (("set", "one1", "a", "none"), ("savepoint", "manager1", "saved"))
    told = after(begun("synch=False"), *saved, *STORE_TRUNK, ("close", "trunk"), *STORE_RED)
    assert refusals(told, "commit", "manager1") == {
        "isolation.first-committer-wins",
        "version.locks",
    }
    assert refusals(after(begun("synch=False"), *saved, *STORE_RED), "commit", "manager1") == {
        "version.locks"
    }


# Reading what is current.


@pytest.mark.parametrize(
    ("options", "end", "conflict"),
    [
        ("mvcc=False", "", {True}),
        ("mvcc=False", "blue", {False}),
        ("mvcc=False", "nowhere", {False, True}),
        ("version='blue'", "", {True}),
        ("version='blue'", "blue", {True}),
        ("version='blue'", "nowhere", {False, True}),
    ],
)
def test_the_end_of_a_version_is_a_read_conflict_for_those_whom_it_concerns(
    options: str, end: str, conflict: set[bool]
) -> None:
    ghost = after(begun(options), *STORE_RED, ("begin", "manager1"), ("invalidate", "one1"))
    world = after(ghost, ("commit-with-version", "manager3", "db", "red", end))
    found = outcomes(world, "read", "one1", "a", "seen")
    assert {each.clause == "current-read.conflict" for each in found} == conflict


def test_what_a_savepoint_has_stored_may_be_shown_where_the_object_has_changed() -> None:
    saved = after(
        begun("mvcc=False"),
        ("set", "one1", "a", "none"),
        ("savepoint", "manager1", "saved"),
        ("invalidate", "one1"),
    )
    (shown,) = outcomes(saved, "read", "one1", "a", "seen")
    assert shown.clause == "savepoint.keeps-changes"
    found = outcomes(after(saved, *STORE_TRUNK), "read", "one1", "a", "seen")
    assert {each.clause for each in found} == {"savepoint.keeps-changes", "current-read.conflict"}


def test_a_connection_that_could_not_read_takes_part_in_the_transaction() -> None:
    stale = after(begun("mvcc=False"), *STORE_TRUNK, ("invalidate", "one1"))
    world = after(stale, ("read", "one1", "a", "seen"))
    assert refusals(world, "close", "connection1") == {"connection.close-joined-refused"}
    assert refusals(world, "commit", "manager1") == {"current-read.commit-refused"}
    (closed,) = outcomes(after(world, ("abort", "manager1")), "close", "connection1")
    assert closed.clause == "connection.reader-does-not-join"


# Merging.

COUNT_TRUNK: tuple[Step, ...] = (
    ("open", "db", "manager2", "trunk"),
    ("root", "trunk", "trunk_root"),
    ("read", "trunk_root", "'a'", "trunk_counter"),
    ("increment", "trunk_counter"),
    ("commit", "manager2"),
    ("close", "trunk"),
)
"""A connection in the trunk counts."""


def counting(*before: Step) -> World:
    """A world in which a connection in the trunk has counted, and not committed, and another one
    has committed that it did.
    """
    return after(
        initial(edition=Edition.C, versions=True, resolves=True, managers=3),
        ("open", "db", "manager1", "connection1"),
        ("root", "connection1", "root1"),
        ("new", "counter1", "Counter"),
        ("link", "root1", "'a'", "counter1", "strong"),
        ("commit", "manager1"),
        ("increment", "counter1"),
        *before,
        *COUNT_TRUNK,
    )


def test_what_no_version_has_held_is_merged_also_where_there_are_versions() -> None:
    (merged,) = outcomes(counting(), "commit", "manager1")
    record = merged.world.databases["db"].history[-1].records[1]
    assert record.clause == "isolation.resolution-merges"
    assert record.value.state == {"n": Number(2)}


@pytest.mark.parametrize("end", ["", "nowhere"])
def test_nothing_is_said_of_merging_what_a_version_has_held(end: str) -> None:
    world = counting(
        ("open-as", "db", "manager3", "version='red'", "red"),
        ("root", "red", "red_root"),
        ("read", "red_root", "'a'", "red_counter"),
        ("increment", "red_counter"),
        ("commit", "manager3"),
        ("commit-with-version", "manager3", "db", "red", end),
    )
    assert not makes_sense(world, ("commit", "manager1"))
