"""What becomes of transactions that are undone, and when it is clear what that comes to."""

from __future__ import annotations

import pytest
from asking import state
from zodb_spec.editions import Edition
from zodb_spec.explore import SMALL_WORLDS
from zodb_spec.operation import Outcome, Raised, Returned, Step, operations
from zodb_spec.preludes import LINKED
from zodb_spec.script import after, initial, makes_sense, outcomes
from zodb_spec.world import NEVER, Plain, Undo, World

HELD = SMALL_WORLDS["undo"].start()
"""Two connections that hold an object, `one1` and `one2`, which the last transaction has made."""

CHANGED = after(HELD, ("set", "one1", "a", "one"), ("commit", "manager1"))
"""The same, changed by one more transaction."""

UNDONE = after(CHANGED, ("commit-with-undo", "manager1", "db", "0"))

MADE = SMALL_WORLDS["undone-creation"].start()
"""The object refers to another one, `made1`, which the last transaction has made."""

UNMADE = after(MADE, ("commit-with-undo", "manager1", "db", "0"))


def only(world: World, *step: str) -> Outcome:
    """The one outcome that a step has."""
    (found,) = outcomes(world, *step)
    return found


def asked(world: World, back: str = "0", manager: str = "manager2") -> World:
    return after(world, ("undo", manager, "db", back))


# Asking for it.


def test_to_ask_for_it_names_the_transaction_and_does_nothing() -> None:
    found = only(CHANGED, "undo", "manager2", "db", "1")
    assert found.seen == Returned("not recorded")
    assert found.clause == "database.undo-at-commit"
    assert found.world.managers["manager2"].changes == (Undo("db", 2),)
    assert found.world.databases == CHANGED.databases


def test_the_transaction_stays_the_one_that_was_asked_for() -> None:
    world = after(asked(CHANGED), ("set", "root1", "'b'", "text"), ("commit", "manager1"))
    assert world.managers["manager2"].changes == (Undo("db", 3),)
    assert state(after(world, ("commit", "manager2")), "one2") == {}


@pytest.mark.parametrize("end", [("abort", "manager2"), ("begin", "manager2")])
def test_what_is_aborted_undoes_nothing(end: Step) -> None:
    world = after(asked(CHANGED), end)
    assert world.managers["manager2"].changes == ()
    assert world.databases == CHANGED.databases


def test_the_line_counts_from_the_newest_transaction() -> None:
    line = operations()["commit-with-undo"].line(CHANGED, "manager2", "db", "1")
    assert line == 'db.undo(db.undoLog(1, 2)[0]["id"], manager2.get()); manager2.commit()'


@pytest.mark.parametrize(
    ("world", "back", "sensible"),
    [
        (CHANGED, "0", True),
        (CHANGED, "1", True),
        (CHANGED, "2", False),  # it has made the root
        (CHANGED, "7", False),
        (after(CHANGED, ("begin", "manager2"), ("pack", "db")), "0", False),
        (after(CHANGED, ("set", "one1", "a", "none"), ("commit", "manager1")), "1", True),
    ],
)
def test_what_can_be_asked_for(world: World, back: str, sensible: bool) -> None:
    assert makes_sense(world, ("undo", "manager2", "db", back)) == sensible


def test_one_transaction_of_a_database_is_undone_at_a_time() -> None:
    assert not makes_sense(asked(CHANGED), ("undo", "manager2", "db", "1"))
    assert makes_sense(asked(CHANGED), ("undo", "manager1", "db", "0"))


def test_nothing_is_said_of_savepoints_beside_it() -> None:
    changed = after(CHANGED, ("set", "one2", "b", "one"), ("savepoint", "manager2", "savepoint1"))
    assert makes_sense(changed, ("rollback", "savepoint1"))
    world = asked(changed)
    assert not makes_sense(world, ("rollback", "savepoint1"))
    assert not makes_sense(world, ("savepoint", "manager2", "savepoint2"))


def test_nothing_is_said_of_changes_of_the_same_database_beside_it() -> None:
    world = after(asked(CHANGED), ("set", "one2", "b", "one"))
    assert not makes_sense(world, ("commit", "manager2"))


# What it comes to.


def test_objects_are_what_they_were_under_a_new_serial() -> None:
    assert UNDONE.databases["db"].last == 4
    found = UNDONE.databases["db"].revision(1, 4)
    assert found is not None
    tid, record = found
    assert (tid, record.value.state, record.value.base) == (4, {}, 3)
    assert record.clause == "database.undo-restores"


def test_the_one_who_undoes_sees_it_and_others_from_their_next_boundary_on() -> None:
    begun = after(CHANGED, ("begin", "manager2"))
    world = after(begun, ("commit-with-undo", "manager1", "db", "0"))
    assert (state(world, "one1"), state(world, "one2")) == ({}, {"a": Plain("one")})
    assert state(after(world, ("begin", "manager2")), "one2") == {}


def test_what_was_undone_can_be_undone() -> None:
    world = after(UNDONE, ("commit-with-undo", "manager1", "db", "0"))
    assert state(world, "one1") == {"a": Plain("one")}


@pytest.mark.parametrize("others", [(), (("set", "one1", "b", "one"),)])
def test_a_change_since_then_refuses_all_of_it(others: tuple[Step, ...]) -> None:
    world = after(CHANGED, ("set", "one1", "a", "none"), *others, ("commit", "manager1"))
    found = only(asked(world, "1"), "commit", "manager2")
    assert (found.clause, found.seen) == ("database.undo-refused", Raised(("UndoError",)))
    assert found.world.databases == world.databases
    assert found.world.managers["manager2"].status.value == "failed"


def test_it_is_not_clear_whether_it_may_be_undone_what_is_the_same_again() -> None:
    world = after(CHANGED, ("set", "one1", "a", "one"), ("commit", "manager1"))
    assert not makes_sense(asked(world, "1"), ("commit", "manager2"))


@pytest.mark.parametrize(("resolves", "sensible"), [(False, True), (True, False), (None, False)])
def test_it_is_not_clear_what_becomes_of_what_may_be_merged(
    resolves: bool | None, sensible: bool
) -> None:
    steps: tuple[Step, ...] = (
        ("open", "db", "manager1", "connection1"),
        ("root", "connection1", "root1"),
        ("new", "counter1", "Counter"),
        ("link", "root1", "'a'", "counter1", "strong"),
        ("commit", "manager1"),
        *(("increment", "counter1"), ("commit", "manager1")) * 2,
    )
    world = after(initial(resolves=resolves), *steps)
    assert makes_sense(asked(world, "1"), ("commit", "manager2")) == sensible


# Creations.


def test_what_was_created_is_not_there_any_more() -> None:
    assert "made1" not in UNMADE.objects
    found = only(after(UNMADE, ("begin", "manager2")), "get", "connection2", "2", "x")
    assert (found.clause, found.seen) == ("database.undo-uncreates", Raised(("KeyError",)))


def test_it_is_there_again_when_that_is_undone() -> None:
    world = after(UNMADE, ("commit-with-undo", "manager2", "db", "0"))
    assert only(world, "get", "connection2", "2", "x").seen == Returned("new object", "x")


def test_a_cache_may_still_give_it_as_a_ghost() -> None:
    assert not makes_sense(UNMADE, ("get", "connection1", "2", "x"))


def test_nothing_is_said_to_who_shows_that_it_is_gone_when_it_is_there_again() -> None:
    gone = after(UNMADE, ("begin", "manager2"))
    assert makes_sense(gone, ("get", "connection2", "2", "x"))
    world = after(gone, ("commit-with-undo", "manager1", "db", "0"))
    assert not makes_sense(world, ("get", "connection2", "2", "x"))


def test_a_connection_that_shows_it_may_not_come_to_hold_it() -> None:
    begun = after(MADE, ("begin", "manager2"))
    world = after(begun, ("commit-with-undo", "manager1", "db", "0"))
    assert not makes_sense(world, ("read", "one2", "a", "x"))
    assert not makes_sense(world, ("get", "connection2", "2", "x"))


def test_a_connection_to_the_past_goes_on_to_hold_it() -> None:
    past: tuple[Step, ...] = (
        ("open-historical", "db", "manager2", "at", "3", "connection3"),
        ("get", "connection3", "2", "made3"),
    )
    world = after(MADE, *past, ("commit-with-undo", "manager1", "db", "0"))
    assert ("made3" in world.objects, "made1" in world.objects) == (True, False)
    assert makes_sense(after(world, ("forget", "made3")), ("get", "connection3", "2", "x"))


@pytest.mark.parametrize(
    "steps",
    [
        (("set", "made1", "a", "one"),),
        (("set", "made1", "a", "one"), ("invalidate", "made1")),
        (("link", "root1", "'b'", "made1", "strong"),),
        (("link", "root1", "'b'", "made1", "weak"),),
        (("link", "root1", "'b'", "made1", "list"), ("commit", "manager1")),
        (("set", "made1", "a", "one"), ("savepoint", "manager1", "savepoint1")),
        (("link", "root1", "'b'", "made1", "strong"), ("savepoint", "manager1", "savepoint1")),
        (("read-current", "connection1", "made1"),),
        (("new", "x", "Thing"), ("link", "x", "a", "made1", "strong")),
        (("forget", "made1"), ("set", "one1", "b", "one")),
    ],
)
def test_nothing_is_said_where_something_has_to_do_with_it(steps: tuple[Step, ...]) -> None:
    back = str(len([step for step in steps if step[0] == "commit"]))
    world = asked(after(MADE, *steps), back)
    assert not makes_sense(world, ("commit", "manager2"))


def test_a_reference_from_another_database_is_one() -> None:
    linked = after(initial(), *LINKED)
    assert makes_sense(linked, ("commit-with-undo", "manager2", "db2", "0"))
    assert not makes_sense(linked, ("commit-with-undo", "manager2", "db", "0"))


def test_a_reference_that_is_undone_with_it_is_none() -> None:
    linked = after(initial(), *LINKED)
    world = after(linked, ("undo", "manager2", "db2", "0"), ("undo", "manager2", "db", "0"))
    found = only(world, "commit", "manager2").world
    assert [database.last for database in found.databases.values()] == [3, 3]
    assert not {"one1", "one2", "two3", "two4"} & found.objects.keys()


def test_of_two_databases_none_is_undone_where_one_refuses() -> None:
    linked = after(initial(), *LINKED, ("set", "two3", "b", "one"), ("commit", "manager1"))
    world = after(linked, ("undo", "manager2", "db2", "1"), ("undo", "manager2", "db", "0"))
    found = only(world, "commit", "manager2")
    assert found.clause == "database.undo-refused"
    assert found.world.databases == linked.databases


def test_nothing_is_said_of_what_a_version_has_to_do_with() -> None:
    steps: tuple[Step, ...] = (
        ("open-as", "db", "manager1", "version='red'", "connection1"),
        ("root", "connection1", "root1"),
        ("set", "root1", "'a'", "one"),
        ("commit", "manager1"),
    )
    world = after(initial(edition=Edition.C, versions=True), *steps)
    assert not makes_sense(asked(world), ("commit", "manager2"))
    over = after(world, ("commit-with-version", "manager2", "db", "red", ""))
    assert not makes_sense(asked(over), ("commit", "manager2"))


# Pack.


def test_a_pack_changes_nothing_but_what_can_still_be_asked_for() -> None:
    found = only(after(CHANGED, ("begin", "manager2")), "pack", "db")
    assert found.seen == Returned("not recorded")
    assert found.world.databases["db"].packed == 3
    assert found.world.databases["db"].history == CHANGED.databases["db"].history
    assert CHANGED.databases["db"].packed == NEVER


@pytest.mark.parametrize(
    ("steps", "sensible"),
    [
        ((), True),
        ((("set", "one1", "b", "one"), ("commit", "manager1")), False),  # connection2 looks back
        ((("set", "one1", "b", "one"), ("commit", "manager1"), ("close", "connection2")), True),
        ((("open-historical", "db", "manager2", "at", "3", "connection3"),), True),
        ((("open-historical", "db", "manager2", "at", "2", "connection3"),), False),
        ((("undo", "manager2", "db", "0"),), False),
        ((("unlink", "root1", "'a'"), ("commit", "manager1"), ("begin", "manager2")), False),
        ((("set", "one1", "b", "one"), ("savepoint", "manager1", "savepoint1")), True),
    ],
)
def test_when_a_pack_is_decided(steps: tuple[Step, ...], sensible: bool) -> None:
    world = after(CHANGED, ("begin", "manager2"), *steps)
    assert makes_sense(world, ("pack", "db")) == sensible


def test_nothing_is_packed_while_a_version_holds_something() -> None:
    steps: tuple[Step, ...] = (
        ("open-as", "db", "manager1", "version='red'", "connection1"),
        ("root", "connection1", "root1"),
        ("set", "root1", "'a'", "one"),
    )
    world = after(initial(edition=Edition.C, versions=True), *steps)
    assert makes_sense(world, ("pack", "db"))
    assert not makes_sense(after(world, ("commit", "manager1")), ("pack", "db"))


@pytest.mark.parametrize(
    ("option", "tid", "sensible"),
    [("at", "2", False), ("at", "3", True), ("before", "3", False), ("before", "4", True)],
)
def test_what_was_packed_away_can_not_be_shown(option: str, tid: str, sensible: bool) -> None:
    world = after(CHANGED, ("begin", "manager2"), ("pack", "db"))
    world = after(world, ("set", "one1", "b", "one"), ("commit", "manager1"))
    step = ("open-historical", "db", "manager1", option, tid, "connection3")
    assert makes_sense(world, step) == sensible
