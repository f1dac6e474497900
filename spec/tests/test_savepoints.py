"""What savepoints keep, what comes back, and what the end of the transaction makes of them."""

from __future__ import annotations

import pytest
from asking import owner, state
from zodb_spec.editions import CURRENT, Edition
from zodb_spec.explore import SMALL_WORLDS, begin
from zodb_spec.operation import Raised, Step, operations
from zodb_spec.script import after, makes_sense, outcomes
from zodb_spec.world import InMemory, Plain, Stored, World, state_of

TWO = begin()
SHARED = SMALL_WORLDS["one-shared-object"].start()
"""Two connections that hold the root (`root1`, `root2`) and a thing (`one1`, `one2`)."""

SET: Step = ("set", "one1", "a", "one")
SET_AGAIN: Step = ("set", "one1", "a", "none")
SAVE: Step = ("savepoint", "manager1", "first")
SAVE_AGAIN: Step = ("savepoint", "manager1", "second")
RETURN: Step = ("rollback", "first")
RETURN_AGAIN: Step = ("rollback", "second")
COMMIT: Step = ("commit", "manager1")
ABORT: Step = ("abort", "manager1")
NEW: tuple[Step, ...] = (("new", "x", "Thing"), ("link", "root1", "'a'", "x", "strong"))
ADDED: tuple[Step, ...] = (("new", "x", "Thing"), ("add", "connection1", "x"))


def refusal(world: World, *step: str) -> str:
    """The one clause by which a step is refused."""
    (outcome,) = outcomes(world, *step)
    assert isinstance(outcome.seen, Raised)
    return outcome.clause


# What a savepoint keeps.


def test_what_a_savepoint_has_stored_counts_as_unchanged_and_can_be_read() -> None:
    world = after(SHARED, SET, SAVE)
    assert world.objects["one1"].status.value == "clean"
    assert state(world, "one1") == {"a": Plain("one")}


def test_nobody_else_sees_what_a_savepoint_has_stored() -> None:
    world = after(SHARED, SET, SAVE)
    assert world.databases == SHARED.databases
    assert state(world, "one2") == {}


def test_a_savepoint_shows_nothing_that_others_have_committed() -> None:
    other: tuple[Step, ...] = (("set", "root2", "'b'", "one"), ("commit", "manager2"))
    world = after(SHARED, SET, *other, SAVE)
    assert state(world, "root1") == state(SHARED, "root1")
    assert state(after(world, COMMIT), "root1") != state(SHARED, "root1")


def test_a_conflict_is_found_at_the_commit_and_not_at_the_savepoint() -> None:
    other: tuple[Step, ...] = (("set", "one2", "a", "none"), ("commit", "manager2"))
    world = after(SHARED, SET, *other, SAVE)
    assert refusal(world, *COMMIT) == "isolation.first-committer-wins"


def test_new_objects_get_their_oid_at_the_savepoint_and_keep_it() -> None:
    world = after(TWO, *NEW, SAVE)
    assert owner(world, "x") == ("connection1", 1)
    assert owner(after(world, SAVE_AGAIN, COMMIT), "x") == ("connection1", 1)


def test_a_new_object_has_no_serial_before_the_commit() -> None:
    world = after(TWO, *NEW, SAVE)
    assert state_of(world, "x").value == ({}, 0)


def test_it_is_remembered_whether_a_new_object_was_added_or_merely_reached() -> None:
    assert after(TWO, *NEW, SAVE).connections["connection1"].created == {1: True}
    assert after(TWO, *ADDED, SAVE).connections["connection1"].created == {1: False}


def test_a_savepoint_that_cannot_be_made_fails_the_transaction() -> None:
    world = after(SHARED, ("set-unpicklable", "one1", "a", "lambda"))
    assert refusal(world, *SAVE) == "record.unpicklable-refused"
    assert refusal(after(world, SAVE), *SAVE_AGAIN) == "savepoint.failed-refuses"
    assert refusal(after(world, SAVE), *COMMIT) == "transaction.failed-refuses-commit"


def test_savepoints_can_be_made_and_returned_to_in_a_doomed_transaction() -> None:
    world = after(SHARED, ("doom", "manager1"), SET, SAVE, SET_AGAIN, RETURN)
    assert state(world, "one1") == {"a": Plain("one")}
    assert refusal(world, *COMMIT) == "transaction.doomed-refuses-commit"


# What comes back.


def test_to_return_restores_what_was_changed_since_again_and_again() -> None:
    world = after(SHARED, SET, SAVE)
    for _ in range(2):
        world = after(world, SET_AGAIN, RETURN)
        assert world.objects["one1"].status.value == "clean"
        assert state(world, "one1") == {"a": Plain("one")}


def test_savepoints_nest() -> None:
    world = after(SHARED, SET, SAVE, SET_AGAIN, SAVE_AGAIN, SET)
    assert state(after(world, RETURN_AGAIN), "one1") == {"a": Plain("none")}
    assert state(after(world, RETURN_AGAIN, RETURN), "one1") == {"a": Plain("one")}


def test_to_return_ends_the_later_savepoints_and_no_earlier_one() -> None:
    world = after(SHARED, SET, SAVE, SAVE_AGAIN)
    assert refusal(after(world, RETURN), *RETURN_AGAIN) == "savepoint.later-are-invalid"
    assert makes_sense(after(world, RETURN_AGAIN), RETURN)
    assert after(world, RETURN_AGAIN).savepoints["first"].valid.value


def test_to_return_leaves_the_savepoints_of_others_alone() -> None:
    world = after(SHARED, SAVE, ("savepoint", "manager2", "other"), RETURN)
    assert world.savepoints["other"].valid.value


@pytest.mark.parametrize("end", [COMMIT, ABORT, ("begin", "manager1"), ("sync", "connection1")])
def test_the_end_of_the_transaction_ends_its_savepoints(end: Step) -> None:
    world = after(SHARED, SET, SAVE, end)
    assert refusal(world, *RETURN) == "savepoint.ends-with-the-transaction"


def test_the_end_of_a_transaction_leaves_the_savepoints_of_others_alone() -> None:
    world = after(SHARED, SET, SAVE, ("savepoint", "manager2", "other"), COMMIT)
    assert world.savepoints["other"].valid.value


@pytest.mark.parametrize("steps", [(), (SAVE_AGAIN,)])
def test_what_changed_in_a_connection_that_joined_later_is_discarded_for_that(
    steps: tuple[Step, ...],
) -> None:
    world = after(SHARED, SAVE, SET, *steps, RETURN)
    assert world.objects["one1"].state.clause == "savepoint.late-joiners-aborted"


@pytest.mark.parametrize(("steps", "relied_on"), [((), False), ((("doom", "manager1"),), True)])
def test_savepoints_rely_on_it_that_doomed_transactions_have_them_only_there(
    steps: tuple[Step, ...], relied_on: bool
) -> None:
    world = after(SHARED, *steps)
    for step in (SAVE, RETURN):
        numbered = world._replace(step=world.step + 1)
        _, trace = operations()[step[0]].outcomes(numbered, step[1:])
        assert ("savepoint.in-doomed" in trace) is relied_on
        world = after(world, step)


def test_to_return_disowns_what_was_added_or_stored_since() -> None:
    for steps in (ADDED, (*NEW, SAVE_AGAIN)):
        world = after(TWO, SAVE, *steps, ("set", "x", "b", "one"), RETURN)
        assert (owner(world, "x"), state(world, "x")) == (None, {"b": Plain("one")})


def test_to_return_keeps_what_was_new_before() -> None:
    world = after(TWO, *NEW, SAVE, ("set", "x", "b", "one"), RETURN)
    assert (owner(world, "x"), state(world, "x")) == (("connection1", 1), {})


def test_what_is_disowned_holds_the_objects_that_its_record_referred_to() -> None:
    world = after(TWO, *NEW, ("link", "x", "b", "root1", "strong"), SAVE, ABORT)
    assert state(world, "x") == {"b": InMemory("root1")}


def test_up_to_2006_nothing_is_said_of_objects_that_a_later_savepoint_stored() -> None:
    for edition, sensible in ((Edition.C, False), (CURRENT, True)):
        world = after(begin(edition=edition), SAVE, ("set", "root1", "'b'", "one"))
        late = after(world, ("savepoint", "manager1", "early"), *NEW, SAVE_AGAIN)
        assert makes_sense(late, ("rollback", "early")) is sensible


def test_who_joined_later_gives_up_its_changes_and_has_not_joined_any_more() -> None:
    world = after(SHARED, SAVE, SET, RETURN)
    assert state(world, "one1") == {}
    assert world.managers["manager1"].joined == ()


# The end of the transaction.


def test_a_commit_stores_each_object_once_as_it_was_last() -> None:
    world = after(SHARED, SET, SAVE, ("set", "root1", "'b'", "one"), SET_AGAIN, SAVE_AGAIN, COMMIT)
    transaction = world.databases["db"].history[-1]
    assert len(world.databases["db"].history) == len(SHARED.databases["db"].history) + 1
    assert {oid: fact.value.state for oid, fact in transaction.records.items()} == {
        0: {"'a'": Stored(1), "'b'": Plain("one")},
        1: {"a": Plain("none")},
    }


def test_a_commit_stores_what_has_changed_since_the_last_savepoint() -> None:
    assert state(after(SHARED, SET, SAVE, SET_AGAIN, COMMIT), "one1") == {"a": Plain("none")}


def test_a_commit_stores_what_nothing_leads_to_any_more() -> None:
    world = after(TWO, *NEW, SAVE, ("unlink", "root1", "'a'"), COMMIT)
    assert set(world.databases["db"].history[-1].records) == {0, 1}


def test_a_commit_does_not_store_what_was_taken_back() -> None:
    world = after(SHARED, SAVE, SET, SAVE_AGAIN, RETURN)
    assert after(world, COMMIT).databases == SHARED.databases


def test_an_abort_discards_what_savepoints_have_stored() -> None:
    world = after(SHARED, SET, SAVE, SET_AGAIN, ABORT)
    assert state(world, "one1") == {}
    assert world.connections["connection1"].saved == {}


def test_an_abort_makes_new_objects_unsaved_with_all_that_they_hold() -> None:
    world = after(TWO, *NEW, ("set", "x", "b", "one"), SAVE, ("minimize", "connection1"), ABORT)
    assert (owner(world, "x"), state(world, "x")) == (None, {"b": Plain("one")})


def test_what_is_disowned_refers_to_objects_as_it_did_before_it_was_stored() -> None:
    refers: Step = ("link", "x", "a", "root1", "list")
    world = after(TWO, *NEW, refers, SAVE, ("set", "x", "b", "one"))
    assert state(world, "x") == {"a": Stored(0, inside="list"), "b": Plain("one")}
    for end in (ABORT, ("begin", "manager1")):
        held = {"a": InMemory("root1", inside="list"), "b": Plain("one")}
        assert state(after(world, end), "x") == held


def test_a_counter_is_merged_with_what_a_savepoint_has_stored() -> None:
    world = SMALL_WORLDS["counter"].start()
    other: tuple[Step, ...] = (("increment", "one2"), ("commit", "manager2"))
    counted = after(world, ("increment", "one1"), SAVE, *other, COMMIT)
    assert counted.databases["db"].history[-1].records[1].value.state["n"].n == 2


# What makes no sense.


def test_a_connection_with_savepoint_data_is_not_closed() -> None:
    world = after(SHARED, SET, SAVE)
    assert refusal(world, "close", "connection1") == "savepoint.close-refused"


def test_an_object_that_a_savepoint_may_bring_back_is_not_forgotten() -> None:
    refers: Step = ("link", "x", "b", "root1", "strong")
    world = after(TWO, *NEW, refers, SAVE, ("unlink", "x", "b"), SAVE_AGAIN)
    assert not makes_sense(world, ("forget", "root1"))
    assert makes_sense(after(TWO, *NEW, SAVE), ("forget", "root1"))


@pytest.mark.parametrize(("form", "sensible"), [("weak", False), ("strong", True)])
def test_no_savepoint_stores_a_weak_reference(form: str, sensible: bool) -> None:
    world = after(TWO, ("new", "x", "Thing"), ("link", "root1", "'a'", "x", form))
    assert makes_sense(world, SAVE) is sensible


def test_no_weak_reference_leads_to_what_only_a_savepoint_has_stored() -> None:
    weakly: Step = ("link", "root1", "'b'", "x", "weak")
    world = after(TWO, *NEW, SAVE)
    assert not makes_sense(world, weakly)
    assert makes_sense(after(world, COMMIT), weakly)


def test_of_savepoints_that_are_over_the_newest_of_each_sort_is_returned_to_in_vain() -> None:
    (chosen,) = operations()["rollback"].arguments
    ended = after(TWO, SAVE, COMMIT, SAVE_AGAIN, COMMIT)
    assert chosen.choices(ended) == ["second"]
    more = (("savepoint", "manager1", "third"), ("savepoint", "manager1", "fourth"))
    taken_back = after(ended, *more, ("rollback", "third"))
    assert chosen.choices(taken_back) == ["second", "third", "fourth"]


def test_no_more_savepoints_are_made_than_are_worth_it() -> None:
    world = TWO
    for number in range(3):
        step = ("savepoint", "manager1", f"savepoint{number}")
        assert makes_sense(world, step)
        world = after(world, step)
    assert not makes_sense(world, ("savepoint", "manager1", "another"))
