"""What becomes of groups, transactions and collections when a database is closed."""

from __future__ import annotations

import pytest
from asking import owner
from zodb_spec.explore import SMALL_WORLDS
from zodb_spec.explore.checking import broken
from zodb_spec.operation import Returned, Step, operations
from zodb_spec.script import after, makes_sense, outcomes
from zodb_spec.world import UNSAVED, World

APART = SMALL_WORLDS["closings"].start()
"""A connection to `db` under the first manager, and one to `db2`, alone, under the second."""
CLOSE: Step = ("close-database", "db2")
GROUP: Step = ("get-connection", "connection1", "db2", "connection3")
NEW: tuple[Step, ...] = (("new", "x", "Thing"), ("set", "x", "a", "one"))
CHANGE: Step = ("set", "root1", "'a'", "one")


def is_open(world: World, connection: str) -> bool:
    return world.connections[connection].is_open.value


def test_a_group_without_the_database_goes_on() -> None:
    world = after(APART, CHANGE, CLOSE)
    assert list(world.databases) == ["db"]
    assert list(world.connections) == ["connection1"]
    assert is_open(world, "connection1")
    stored = after(world, ("commit", "manager1"))
    assert stored.databases["db"].last == 2


def test_a_group_with_it_ends_in_all_members() -> None:
    world = after(APART, GROUP, CHANGE, CLOSE)
    assert list(world.connections) == ["connection1"]
    assert not is_open(world, "connection1")
    assert world.managers["manager1"].joined == ()
    (found,) = outcomes(world, "root", "connection1", "y")
    assert found.clause == "connection.closed-refuses-use"


def test_what_is_left_of_a_group_may_be_handed_out_again() -> None:
    world = after(APART, GROUP, CLOSE)
    found = outcomes(world, "open", "db", "manager1", "connection9")
    seen = [each.seen for each in found if isinstance(each.seen, Returned)]
    assert [(each.kind, each.bind) for each in seen] == [
        ("new connection", "connection9"),
        ("connection", "connection1"),
    ]


@pytest.mark.parametrize("connection", ["connection1", "connection3"])
def test_what_was_new_in_a_group_is_unsaved_and_can_be_stored_elsewhere(connection: str) -> None:
    added: Step = ("add", connection, "x")
    world = after(APART, *NEW, GROUP, added, ("savepoint", "manager1", "s"), CLOSE)
    assert world.objects["x"].status.value == UNSAVED
    assert owner(world, "x") is None
    assert not world.savepoints["s"].valid.value
    opened = after(world, ("open", "db", "manager2", "again"), ("add", "again", "x"))
    assert owner(opened, "x") is not None


def test_a_name_is_free_again() -> None:
    world = after(APART, CLOSE, ("open-database", "db5", "second", "inside"))
    assert world.databases["db5"].name == "second"
    assert makes_sense(world, ("get-connection", "connection1", "db5", "connection6"))


def test_the_first_database_is_not_closed() -> None:
    assert not makes_sense(APART, ("close-database", "db"))


ROOT2: Step = ("root", "connection2", "root2")
CHANGE2: Step = ("set", "root2", "'a'", "one")
OTHER: Step = ("open", "db", "manager2", "connection9")
LINK: Step = ("link", "root1", "'b'", "root3", "strong")
ROOT: Step = ("root", "connection3", "root3")
STORED: tuple[Step, ...] = (
    ("root", "connection2", "root2"),
    ("set", "root2", "'a'", "one"),
    ("commit", "manager2"),
)


@pytest.mark.parametrize(
    "before",
    [
        [OTHER],  # which is in a transaction that is aborted, and in no group that ends
        [("savepoint", "manager2", "s")],
        [("doom", "manager2")],
        [ROOT2, CHANGE2, ("commit", "manager2"), ("undo", "manager1", "db2", "0")],
        [GROUP, ROOT, LINK, ("commit", "manager1")],
        [GROUP, ROOT, *NEW, ("link", "x", "b", "root3", "strong")],
        [*STORED, ("undo", "manager1", "db2", "0")],
        [*STORED, ("undo", "manager2", "db2", "0")],
    ],
)
def test_no_database_is_closed_where_nobody_says_what_comes_of_it(before: list[Step]) -> None:
    assert makes_sense(APART, CLOSE)
    assert not makes_sense(after(APART, *before), CLOSE)


def test_a_database_that_is_gone_breaks_no_law_of_undo() -> None:
    world = after(APART, *STORED, ("commit-with-undo", "manager1", "db2", "0"))
    (closed,) = outcomes(world, *CLOSE)
    assert broken(world, CLOSE, closed) is None


def test_what_is_left_in_the_mapping_is_taken_out() -> None:
    line = operations()["close-database"].line
    assert line(APART, "db2") == "db2.close(); db.databases.pop('second', None)"
    alone = after(APART, ("open-database", "db5", "", "outside"))
    assert line(alone, "db5") == "db5.close()"
