"""What the end of a transaction allows, and in which order it refuses."""

from __future__ import annotations

import pytest
from asking import refusals, state
from zodb_spec.explore import SMALL_WORLDS, begin
from zodb_spec.operation import Raised, Returned, Step
from zodb_spec.script import after, initial, makes_sense, outcomes
from zodb_spec.world import Number, Plain, Stored, World

TWO = begin()
SHARED = SMALL_WORLDS["one-shared-object"].start()
"""Two connections that hold the root (`root1`, `root2`) and a thing (`one1`, `one2`)."""

SET_1: Step = ("set", "one1", "a", "one")
SET_2: Step = ("set", "one2", "a", "none")
COMMIT_1: Step = ("commit", "manager1")
COMMIT_2: Step = ("commit", "manager2")


def newest(world: World) -> dict[int, object]:
    """The records of the newest transaction."""
    records = world.databases["db"].history[-1].records
    return {oid: fact.value.state for oid, fact in records.items()}


# What is stored.


def test_a_commit_stores_what_changed_and_what_it_reaches() -> None:
    world = after(
        TWO,
        ("new", "near", "Thing"),
        ("new", "far", "Thing"),
        ("new", "apart", "Thing"),
        ("link", "near", "a", "far", "dict"),
        ("link", "root1", "'a'", "near", "weak"),
        COMMIT_1,
    )
    assert newest(world) == {
        0: {"'a'": Stored(1, weak=True)},
        1: {"a": Stored(2, inside="dict")},
        2: {},
    }
    assert world.objects["apart"].status.value == "unsaved"


def test_each_record_names_the_clause_for_which_it_was_stored() -> None:
    world = after(
        TWO,
        ("new", "linked", "Thing"),
        ("link", "root1", "'a'", "linked", "strong"),
        ("new", "weak", "Thing"),
        ("link", "root1", "'b'", "weak", "weak"),
        ("new", "added", "Thing"),
        ("add", "connection1", "added"),
        COMMIT_1,
    )
    records = world.databases["db"].history[-1].records
    assert {fact.clause for fact in records.values()} == {
        "transaction.commit-stores-changes",
        "reach.stored-with-referrer",
        "reach.weak-target-stored",
        "object.add-is-stored",
    }


def test_a_reference_to_an_object_of_the_own_database_names_no_database() -> None:
    world = after(SHARED, ("link", "one1", "b", "root1", "strong"), COMMIT_1)
    assert newest(world) == {1: {"b": Stored(0)}}


def test_a_commit_leaves_what_it_stored_unchanged() -> None:
    world = after(SHARED, SET_1, COMMIT_1)
    thing = world.objects["one1"]
    assert (thing.status.value, thing.state.value) == ("clean", None)
    assert state(world, "one1") == {"a": Plain("one")}
    assert world.managers["manager1"].joined == ()
    assert world.connections["connection1"].registered == ()


def test_what_was_invalidated_is_not_stored() -> None:
    world = after(SHARED, SET_1, ("invalidate", "one1"))
    assert {outcome.seen for outcome in outcomes(world, *COMMIT_1)} == {
        Returned("committed"),
        Returned("not recorded"),
    }


def test_an_implementation_records_empty_transactions_always_or_never() -> None:
    empty: tuple[Step, ...] = (("mark-changed", "one1"), ("invalidate", "one1"))
    for first in outcomes(after(SHARED, *empty), *COMMIT_1):
        (second,) = outcomes(after(first.world, *empty), *COMMIT_1)
        assert second.seen == first.seen
        grown = len(second.world.databases["db"].history) - len(first.world.databases["db"].history)
        assert grown == (first.seen == Returned("committed"))


def test_a_commit_without_changes_is_a_boundary_and_nothing_else() -> None:
    world = after(SHARED, SET_1, COMMIT_1)
    (outcome,) = outcomes(world, *COMMIT_2)
    assert outcome.seen == Returned("not recorded")
    assert state(outcome.world, "one2") == {"a": Plain("one")}


def test_a_commit_says_for_each_copy_why_it_shows_what_it_does() -> None:
    quiet = after(SHARED, SET_1, COMMIT_1)
    busy = after(SHARED, SET_2, SET_1, COMMIT_1)
    assert quiet.objects["one1"].state.clause == "object.commit-keeps-state"
    assert quiet.objects["one2"].state.clause == "isolation.one-committed-state"
    assert busy.objects["one2"].state.clause == "isolation.own-changes-survive"
    assert after(quiet, ("begin", "manager2")).objects["one2"].state.clause == (
        "isolation.boundary-invalidates"
    )


# What is refused.


def test_the_first_committer_wins() -> None:
    world = after(SHARED, SET_1, SET_2, COMMIT_1)
    assert refusals(world, *COMMIT_2) == {"isolation.first-committer-wins"}


def test_after_a_conflict_and_an_abort_the_object_shows_what_was_committed() -> None:
    world = after(SHARED, SET_1, SET_2, COMMIT_1, COMMIT_2, ("abort", "manager2"))
    assert state(world, "one2") == {"a": Plain("one")}
    assert world.objects["one2"].state.clause == "isolation.conflict-reloads"


def test_a_conflict_is_merged_where_the_storage_and_the_class_can() -> None:
    world = SMALL_WORLDS["counter"].start()
    steps = (("increment", "one1"), ("increment", "one2"), ("increment", "one2"), COMMIT_1)
    merged = after(world, *steps, COMMIT_2)
    assert newest(merged) == {1: {"n": Number(3)}}
    assert state(merged, "one2") == {"n": Number(3)}
    unable = world.put("databases", "db", world.databases["db"]._replace(resolves=False))
    assert refusals(after(unable, *steps), *COMMIT_2) == {"isolation.first-committer-wins"}


def test_nothing_is_said_of_a_conflict_where_nobody_knows_whether_it_is_merged() -> None:
    world = SMALL_WORLDS["counter"].start()
    database = world.databases["db"]._replace(resolves=None)
    world = world.put("databases", "db", database)
    steps = (("increment", "one1"), ("increment", "one2"), COMMIT_1)
    assert not makes_sense(after(world, *steps), COMMIT_2)
    assert makes_sense(after(world, *steps, ("abort", "manager2"), steps[1]), COMMIT_2)


def test_a_conflict_that_no_storage_merges_is_one_in_any_case() -> None:
    unknown = SHARED.databases["db"]._replace(resolves=None)
    world = after(SHARED.put("databases", "db", unknown), SET_1, SET_2, COMMIT_1)
    assert refusals(world, *COMMIT_2) == {"isolation.first-committer-wins"}


def test_a_reference_to_an_object_of_another_connection_is_refused() -> None:
    world = after(SHARED, ("link", "one1", "a", "one2", "list"))
    assert refusals(world, *COMMIT_1) == {"reach.separate-connection-refused"}


def test_a_new_object_that_refers_to_another_connection_is_refused_too() -> None:
    world = after(
        SHARED,
        ("new", "x", "Thing"),
        ("link", "x", "a", "one2", "strong"),
        ("link", "one1", "a", "x", "strong"),
    )
    assert refusals(world, *COMMIT_1) == {"reach.separate-connection-refused"}


def test_any_refusal_that_applies_may_win() -> None:
    world = after(
        SHARED,
        ("read-current", "connection2", "root2"),
        ("set-unpicklable", "one2", "a", "lock"),
        ("link", "one2", "b", "one1", "strong"),
        SET_1,
        ("set", "root1", "'b'", "one"),
        COMMIT_1,
    )
    applying = {
        "record.unpicklable-refused",
        "reach.separate-connection-refused",
        "isolation.first-committer-wins",
        "isolation.read-current",
    }
    assert refusals(world, *COMMIT_2) == applying
    sabotaged = refusals(world, "commit-sabotaged", "manager2", "commit", "after")
    assert sabotaged == {*applying, "transaction.failure-stores-nothing"}


def test_a_mark_is_checked_if_something_else_is_stored() -> None:
    marked = after(SHARED, ("read-current", "connection2", "one2"), SET_1, COMMIT_1)
    assert refusals(after(marked, ("set", "root2", "'b'", "one")), *COMMIT_2) == {
        "isolation.read-current"
    }
    written = after(marked, SET_2)
    assert refusals(written, *COMMIT_2) == {"isolation.first-committer-wins"}


def test_a_mark_may_be_checked_or_not_if_nothing_is_stored() -> None:
    world = after(SHARED, ("read-current", "connection2", "one2"), SET_1, COMMIT_1)
    assert [outcome.seen for outcome in outcomes(world, *COMMIT_2)] == [
        Returned("not recorded"),
        Returned("committed"),  # where the reader joined for the sake of its mark
        Raised(("ReadConflictError",)),
    ]


def test_a_reader_whose_mark_holds_is_not_refused() -> None:
    world = after(SHARED, ("read-current", "connection2", "one2"))
    assert all(isinstance(outcome.seen, Returned) for outcome in outcomes(world, *COMMIT_2))


def test_a_mark_may_be_checked_or_not_where_the_changes_were_taken_back() -> None:
    world = after(SHARED, ("read-current", "connection2", "one2"), SET_1, COMMIT_1)
    world = after(world, ("mark-changed", "root2"), ("invalidate", "root2"))
    assert {outcome.seen for outcome in outcomes(world, *COMMIT_2)} == {
        Returned("committed"),
        Returned("not recorded"),
        Raised(("ReadConflictError",)),
    }


@pytest.mark.parametrize("joined", [True, False])
def test_it_is_not_clear_what_a_second_connection_with_marks_does(joined: bool) -> None:
    again = after(SHARED, ("close", "connection2"), ("open", "db", "manager1", "connection3"))
    marked = after(again, ("get", "connection3", "1", "x"), ("read-current", "connection3", "x"))
    world = after(marked, SET_1) if joined else marked
    assert makes_sense(world, COMMIT_1) == (not joined)
    assert not makes_sense(world, ("commit-sabotaged", "manager1", "tpc_vote", "after"))


def test_a_failed_transaction_refuses_before_a_doomed_one() -> None:
    failed = after(SHARED, SET_1, ("set-unpicklable", "one1", "b", "lambda"), COMMIT_1)
    assert refusals(failed, *COMMIT_1) == {"transaction.failed-refuses-commit"}
    assert not makes_sense(failed, ("doom", "manager1"))


def test_a_doomed_transaction_refuses_whatever_else_is_wrong() -> None:
    steps = (("set-unpicklable", "one1", "a", "lambda"), ("doom", "manager1"))
    assert refusals(after(SHARED, *steps), *COMMIT_1) == {"transaction.doomed-refuses-commit"}
    assert refusals(after(SHARED, ("doom", "manager1")), *COMMIT_1) == {
        "transaction.doomed-refuses-commit"
    }


@pytest.mark.parametrize("end", ["abort", "begin"])
@pytest.mark.parametrize("before", [("doom", "manager1"), ("set-unpicklable", "one1", "a", "lock")])
def test_a_new_transaction_is_usable_again(before: Step, end: str) -> None:
    world = after(SHARED, before, COMMIT_1, (end, "manager1"), SET_1)
    assert outcomes(world, *COMMIT_1)[0].seen == Returned("committed")


# Failures.


@pytest.mark.parametrize("phase", ["tpc_begin", "commit", "tpc_vote"])
@pytest.mark.parametrize("order", ["before", "after"])
def test_a_failure_before_the_second_phase_stores_nothing(phase: str, order: str) -> None:
    found = refusals(after(SHARED, SET_1), "commit-sabotaged", "manager1", phase, order)
    assert found == {"transaction.failure-stores-nothing"}


@pytest.mark.parametrize(("order", "stored"), [("before", False), ("after", True)])
def test_a_failure_in_the_second_phase_leaves_what_was_finished(order: str, stored: bool) -> None:
    world = after(SHARED, SET_1)
    (outcome,) = outcomes(world, "commit-sabotaged", "manager1", "tpc_finish", order)
    assert outcome.seen == Raised(("Sabotage",), recorded=True if stored else None)
    assert (outcome.world.databases != world.databases) == stored
    assert outcome.world.managers["manager1"].status.value == "failed"


def test_a_failure_in_the_second_phase_may_leave_an_empty_transaction() -> None:
    world = after(SHARED, ("mark-changed", "one1"), ("invalidate", "one1"))
    found = outcomes(world, "commit-sabotaged", "manager1", "tpc_finish", "after")
    assert [outcome.seen for outcome in found] == [
        Raised(("Sabotage",), recorded=True),
        Raised(("Sabotage",), recorded=False),
    ]
    recorded, not_recorded = (outcome.world.databases["db"] for outcome in found)
    assert len(recorded.history) == len(not_recorded.history) + 1


def test_what_is_refused_before_the_second_phase_does_not_reach_it() -> None:
    world = after(SHARED, SET_1, SET_2, COMMIT_1)
    found = refusals(world, "commit-sabotaged", "manager2", "tpc_finish", "after")
    assert found == {"isolation.first-committer-wins"}


def test_an_object_of_a_failed_commit_is_in_limbo_until_the_abort() -> None:
    world = after(
        SHARED,
        ("new", "x", "Thing"),
        ("link", "one1", "a", "x", "strong"),
        ("set-unpicklable", "x", "b", "lambda"),
        COMMIT_1,
    )
    assert world.managers["manager1"].limbo == {"x"}
    for step in (("set", "x", "a", "one"), ("read", "one1", "a", "y"), ("add", "connection2", "x")):
        assert not makes_sense(world, step)
    aborted = after(world, ("abort", "manager1"))
    assert aborted.managers["manager1"].limbo == frozenset()
    assert aborted.objects["x"].status.value == "unsaved"
    assert aborted.objects["x"].owner.clause == "object.abort-disowns"
    assert state(aborted, "x") == state(world, "x")
    assert makes_sense(aborted, ("set", "x", "a", "one"))


@pytest.mark.parametrize("reached", ["x", "one1"])
def test_a_commit_that_reaches_into_the_limbo_of_another_makes_no_sense(reached: str) -> None:
    world = after(
        SHARED,
        ("new", "x", "Thing"),
        ("link", "one1", "a", "x", "strong"),
        ("link", "one2", "a", reached, "strong"),
        ("set-unpicklable", "one1", "b", "lambda"),
        COMMIT_1,
    )
    assert not makes_sense(world, COMMIT_2)
    assert makes_sense(after(world, ("abort", "manager1")), COMMIT_2)


def test_a_late_comer_to_a_failed_transaction_is_refused() -> None:
    world = after(
        SHARED,
        ("open", "db", "manager1", "late"),
        ("root", "late", "root3"),
        ("get", "late", "1", "one3"),
        ("set-unpicklable", "one1", "a", "lambda"),
        COMMIT_1,
    )
    (outcome,) = outcomes(world, "change-after-failure", "one3", "a")
    assert outcome.seen == Raised(("TransactionFailedError",))
    assert outcome.world.objects == world.objects
    assert not makes_sense(world, ("change-after-failure", "one1", "a"))


def test_two_connections_in_one_transaction_are_not_committed_here() -> None:
    world = after(SHARED, ("open", "db", "manager1", "late"), ("get", "late", "1", "one3"), SET_1)
    assert makes_sense(world, COMMIT_1)
    assert not makes_sense(after(world, ("set", "one3", "b", "one")), COMMIT_1)


def test_a_manager_that_is_not_there_makes_no_sense() -> None:
    for name in ("begin", "abort", "commit", "doom"):
        assert not makes_sense(initial(), (name, "manager9"))


def test_what_is_discarded_in_the_past_may_be_refused_all_the_same() -> None:
    world = after(
        SMALL_WORLDS["history"].start(),
        ("set", "one3", "a", "one"),
        ("invalidate", "one3"),
    )
    found = outcomes(world, "commit", "manager2")
    assert [type(each.seen) for each in found] == [Returned, Returned, Raised]
    assert found[-1].clause == "historical.commit-refused"
    assert found[-1].world.managers["manager2"].status.value == "failed"
