"""What the operations on objects and connections allow, and in which order they refuse."""

from __future__ import annotations

import ast
from collections.abc import Sequence

import pytest
from asking import owner, state
from zodb_spec.explore import SMALL_WORLDS, begin
from zodb_spec.operation import Outcome, Raised, Returned, Step, operations
from zodb_spec.operations import choices
from zodb_spec.script import after, makes_sense, outcomes
from zodb_spec.world import NEVER, InMemory, Number, Plain, Stored, World

TWO = begin()
SHARED = SMALL_WORLDS["one-shared-object"].start()
"""Two connections that hold the root (`root1`, `root2`) and a thing (`one1`, `one2`)."""

STORED: tuple[Step, ...] = (("set", "one1", "a", "one"), ("commit", "manager1"))


def only(found: Sequence[Outcome]) -> Outcome:
    """The one outcome that there is."""
    (outcome,) = found
    return outcome


def refusal(world: World, *step: str) -> tuple[str, tuple[str, ...]]:
    """By which clause, and with which errors, a step is refused."""
    outcome = only(outcomes(world, *step))
    assert isinstance(outcome.seen, Raised)
    assert outcome.world.objects == world.objects
    assert outcome.world.databases == world.databases
    return outcome.clause, outcome.seen.errors


def status(world: World, name: str) -> str:
    return world.objects[name].status.value


# The table.

RARE = (
    *("open-database", "open-historical", "open-as"),
    *("commit-version", "abort-version", "commit-with-version"),
    *("invalidate-cache", "invalidate-one-cache", "exchange", "gc", "set-cache-size", "sweep"),
    *("undo", "commit-with-undo", "pack", "close-database"),
)
"""Operations that only some mixes choose: not every target can do them, or few programs do."""


def test_every_operation_goes_by_its_name_and_has_a_weight() -> None:
    for name, operation in operations().items():
        assert operation.name == name
        assert operation.weight > 0 or operation.name in RARE


def test_the_clause_of_an_outcome_is_always_among_those_exercised() -> None:
    world = SHARED._replace(step=SHARED.step + 1)
    found, trace = operations()["add"].outcomes(world, ("connection1", "one2"))
    assert only(found).clause in trace


@pytest.mark.parametrize(
    "step",
    [
        ("set", "root1", "'a'", "text"),
        ("link", "one1", "a", "one1", "dict"),
        ("link", "one1", "b", "one1", "weak"),
        ("set-unpicklable", "one1", "a", "local class"),
        ("commit-sabotaged", "manager1", "tpc_vote", "after"),
        ("read", "root1", "'a'", "new"),
        ("forget", "one1"),
    ],
)
def test_a_step_has_a_line_of_python(step: Step) -> None:
    assert ast.parse(operations()[step[0]].line(SHARED, *step[1:]))


# Making and finding objects.


def test_a_new_object_is_unsaved_and_empty() -> None:
    world = after(TWO, ("new", "x", "Thing"))
    assert (status(world, "x"), owner(world, "x"), state(world, "x")) == ("unsaved", None, {})


def test_no_more_than_a_few_unsaved_objects_are_made() -> None:
    world = after(TWO, *(("new", f"x{n}", "Thing") for n in range(choices.MOST_UNSAVED)))
    assert not makes_sense(world, ("new", "one-more", "Thing"))


def test_the_root_that_the_program_holds_is_found_again() -> None:
    seen = only(outcomes(TWO, "root", "connection1", "other")).seen
    assert seen == Returned("object", "root1")


def test_an_object_that_nobody_holds_is_found_under_a_new_name() -> None:
    outcome = only(outcomes(after(SHARED, ("forget", "one1")), "get", "connection1", "1", "other"))
    assert outcome.seen == Returned("new object", "other")
    assert owner(outcome.world, "other") == ("connection1", 1)


def test_what_a_cache_can_not_hold_is_found_as_a_ghost() -> None:
    world = after(TWO, ("new", "x", "Thing"), ("add", "connection1", "x"), ("commit", "manager1"))
    world = after(world, ("begin", "manager2"), ("get", "connection2", "1", "y"))
    assert status(world, "y") == "ghost"
    again = after(world, ("forget", "y"), ("get", "connection2", "1", "z"))
    assert status(again, "z") == "clean"


def test_get_gives_the_object_that_was_added() -> None:
    world = after(TWO, ("new", "x", "Thing"), ("add", "connection1", "x"))
    outcome = only(outcomes(world, "get", "connection1", "1", "y"))
    assert (outcome.clause, outcome.seen) == ("object.get-returns-added", Returned("object", "x"))


def test_get_of_an_oid_that_was_never_stored_is_refused() -> None:
    world = after(TWO, ("new", "x", "Thing"), ("add", "connection1", "x"))
    refused = ("identity.unknown-oid", ("KeyError",))
    assert refusal(world, "get", "connection1", "2", "y") == refused
    assert refusal(world, "get", "connection2", "1", "y") == refused


def test_get_of_an_object_that_is_newer_than_the_snapshot_is_refused() -> None:
    world = after(TWO, ("new", "x", "Thing"), ("add", "connection1", "x"), ("commit", "manager1"))
    refused = ("identity.newer-oid", ("ConflictError", "KeyError"))
    assert refusal(world, "get", "connection2", "1", "y") == refused


# Adding.


def test_add_gives_a_fresh_oid_at_once_and_joins() -> None:
    world = after(TWO, ("new", "x", "Thing"), ("add", "connection1", "x"))
    assert (status(world, "x"), owner(world, "x")) == ("added", ("connection1", 1))
    assert world.managers["manager1"].joined == ("connection1",)
    assert world.databases["db"].next_oid == 2


def test_add_of_an_own_object_does_nothing() -> None:
    assert only(outcomes(SHARED, "add", "connection1", "one1")).world.objects == SHARED.objects


def test_a_foreign_object_can_not_be_added() -> None:
    refused = ("object.add-foreign-refused", ("InvalidObjectReference",))
    assert refusal(SHARED, "add", "connection2", "one1") == refused


def test_an_oid_is_not_given_again_after_an_abort() -> None:
    add: tuple[Step, ...] = (("add", "connection1", "x"),)
    world = after(TWO, ("new", "x", "Thing"), *add, ("abort", "manager1"), *add)
    assert owner(world, "x") == ("connection1", 2)


# What a closed connection refuses comes before anything else.

CLOSED = after(SHARED, ("close", "connection1"))


@pytest.mark.parametrize(
    "step",
    [
        ("root", "connection1", "other"),
        ("get", "connection1", "1", "other"),
        ("get", "connection1", "2", "other"),
        ("add", "connection1", "one1"),
    ],
)
def test_a_closed_connection_refuses_its_use(step: Step) -> None:
    assert refusal(CLOSED, *step) == ("connection.closed-refuses-use", ("ConnectionStateError",))


def test_of_two_reasons_not_to_add_an_object_either_may_win() -> None:
    found = outcomes(CLOSED, "add", "connection1", "one2")
    assert [outcome.clause for outcome in found] == [
        "connection.closed-refuses-use",
        "object.add-foreign-refused",
    ]


@pytest.mark.parametrize(
    "step",
    [
        ("set", "one1", "a", "one"),
        ("link", "one1", "a", "one2", "strong"),
        ("set-unpicklable", "one1", "a", "lambda"),
        ("mark-changed", "one1"),
    ],
)
def test_a_closed_connection_refuses_changes(step: Step) -> None:
    refused = ("connection.closed-refuses-change", ("ConnectionStateError",))
    assert refusal(CLOSED, *step) == refused


def test_nothing_is_said_of_containers_of_a_closed_connection() -> None:
    assert not makes_sense(CLOSED, ("set", "root1", "'a'", "one"))


def test_a_closed_connection_may_serve_what_is_loaded_or_refuse() -> None:
    closed = ("set", "one1", "a", "one"), ("commit", "manager1"), ("close", "connection1")
    world = after(SHARED, *closed)
    for attribute, seen in (
        ("a", Returned("value", value=Plain("one"))),
        ("b", Raised(("AttributeError", "KeyError"))),
    ):
        found = outcomes(world, "read", "one1", attribute, "x")
        assert {outcome.clause for outcome in found} == {"connection.closed-may-serve-loaded"}
        assert [outcome.seen for outcome in found] == [Raised(("ConnectionStateError",)), seen]


# Changing.


def test_a_change_of_an_unsaved_object_joins_nothing() -> None:
    world = after(TWO, ("new", "x", "Thing"), ("set", "x", "a", "one"))
    assert (status(world, "x"), state(world, "x")) == ("unsaved", {"a": Plain("one")})
    assert world.managers == TWO.managers


def test_a_change_registers_and_remembers_what_it_was_made_from() -> None:
    world = after(SHARED, *STORED, ("set", "one1", "b", "none"))
    assert (status(world, "one1"), world.objects["one1"].base) == ("changed", 3)
    assert state(world, "one1") == {"a": Plain("one"), "b": Plain("none")}
    assert world.connections["connection1"].registered == ("one1",)


def test_a_change_is_made_from_what_the_snapshot_shows() -> None:
    world = after(SHARED, *STORED, ("set", "one2", "b", "none"))
    assert (state(world, "one2"), world.objects["one2"].base) == ({"b": Plain("none")}, 2)


def test_an_added_object_stays_added_when_it_changes() -> None:
    world = after(TWO, ("new", "x", "Thing"), ("add", "connection1", "x"), ("set", "x", "a", "one"))
    assert (status(world, "x"), world.objects["x"].base) == ("added", NEVER)
    assert world.connections["connection1"].registered == ("x",)


def test_only_an_attribute_that_is_there_is_deleted() -> None:
    assert not makes_sense(SHARED, ("unlink", "one1", "a"))
    world = after(SHARED, *STORED, ("unlink", "one1", "a"))
    assert state(world, "one1") == {}


def test_to_mark_an_object_as_changed_keeps_what_it_holds() -> None:
    world = after(SHARED, *STORED, ("mark-changed", "one1"))
    assert (status(world, "one1"), state(world, "one1")) == ("changed", {"a": Plain("one")})


def test_a_counter_counts_from_zero() -> None:
    world = after(TWO, ("new", "x", "Counter"), ("increment", "x"), ("increment", "x"))
    assert state(world, "x") == {"n": Number(2)}


def test_a_counter_that_never_counted_reads_as_zero() -> None:
    world = after(TWO, ("new", "x", "Counter"))
    assert only(outcomes(world, "read", "x", "n", "y")).seen == Returned("value", value=Number(0))


def test_a_change_is_ignored_by_deactivation_and_discarded_by_invalidation() -> None:
    changed = after(SHARED, *STORED, ("set", "one1", "a", "none"))
    assert state(after(changed, ("deactivate", "one1")), "one1") == {"a": Plain("none")}
    assert state(after(changed, ("invalidate", "one1")), "one1") == {"a": Plain("one")}


def test_an_added_object_is_not_turned_into_a_ghost() -> None:
    world = after(TWO, ("new", "x", "Thing"), ("add", "connection1", "x"))
    for name in ("deactivate", "invalidate", "mark-changed"):
        assert not makes_sense(world, (name, "x"))


@pytest.mark.parametrize("target", ["one2", "root2"])
def test_a_weak_reference_stays_inside_its_connection(target: str) -> None:
    assert not makes_sense(SHARED, ("link", "one1", "a", target, "weak"))
    assert makes_sense(SHARED, ("link", "one1", "a", target, "strong"))


# Reading.


def test_what_is_missing_raises_what_python_raises() -> None:
    outcome = only(outcomes(SHARED, "read", "one1", "a", "x"))
    assert outcome.seen == Raised(("AttributeError", "KeyError"))


def test_a_value_is_read_with_the_clause_that_established_it() -> None:
    world = after(SHARED, *STORED)
    outcome = only(outcomes(world, "read", "one1", "a", "x"))
    assert outcome.seen == Returned("value", value=Plain("one"))
    assert outcome.clause == "transaction.commit-stores-changes"


def test_a_reference_in_memory_leads_to_the_object_itself() -> None:
    world = after(SHARED, ("link", "one1", "a", "one2", "list"))
    seen = only(outcomes(world, "read", "one1", "a", "x")).seen
    assert seen == Returned("object", "one2", InMemory("one2", inside="list"))


def test_a_stored_reference_leads_to_the_object_that_is_held_or_to_a_new_name() -> None:
    held = only(outcomes(SHARED, "read", "root1", "'a'", "x")).seen
    assert held == Returned("object", "one1", Stored(1))
    given_up = after(SHARED, ("forget", "one1"))
    found = only(outcomes(given_up, "read", "root1", "'a'", "x")).seen
    assert found == Returned("new object", "x", Stored(1))


def test_another_connection_reads_the_new_value_after_its_boundary_and_not_before() -> None:
    world = after(SHARED, *STORED)
    assert state(world, "one2") == {}
    for boundary in ("begin", "abort", "commit"):
        assert state(after(world, (boundary, "manager2")), "one2") == {"a": Plain("one")}


@pytest.mark.parametrize(
    "steps",
    [
        (("set", "one1", "a", "one"),),
        (("mark-changed", "one1"), ("invalidate", "one1")),
        (("link", "root1", "'b'", "one1", "strong"),),
    ],
)
def test_what_a_transaction_or_another_object_needs_is_not_given_up(
    steps: tuple[Step, ...],
) -> None:
    assert makes_sense(SHARED, ("forget", "one1"))
    assert not makes_sense(after(SHARED, *steps), ("forget", "one1"))


# Connections.


def test_open_gives_a_new_connection_or_any_from_the_pool() -> None:
    world = after(SHARED, ("close", "connection1"), ("close", "connection2"))
    found = outcomes(world, "open", "db", "manager1", "other")
    assert [outcome.seen for outcome in found] == [
        Returned("new connection", "other"),
        Returned("connection", "connection1"),
        Returned("connection", "connection2"),
    ]


def test_a_connection_that_is_opened_again_has_caught_up_under_its_new_manager() -> None:
    world = after(SHARED, ("close", "connection2"), *STORED)
    again = outcomes(world, "open", "db", "manager1", "other")[1].world
    connection = again.connections["connection2"]
    assert (connection.is_open.value, connection.manager, connection.snapshot) == (
        True,
        "manager1",
        3,
    )
    assert state(again, "one2") == {"a": Plain("one")}


def test_no_more_than_a_few_connections_are_open() -> None:
    world = after(TWO, ("open", "db", "manager1", "other"))
    assert not makes_sense(world, ("open", "db", "manager1", "one-more"))


def test_a_connection_that_has_joined_can_not_be_closed() -> None:
    world = after(SHARED, ("set", "one1", "a", "one"))
    refused = ("connection.close-joined-refused", ("ConnectionStateError",))
    assert refusal(world, "close", "connection1") == refused


def test_a_reader_can_be_closed_and_closed_again() -> None:
    world = after(SHARED, ("read-current", "connection1", "one1"), ("close", "connection1"))
    assert not world.connections["connection1"].is_open.value
    assert not world.connections["connection1"].read_current
    assert only(outcomes(world, "close", "connection1")).clause == (
        "connection.close-again-is-nothing"
    )


def test_sync_aborts_and_shows_the_newest_state() -> None:
    world = after(SHARED, ("set", "one2", "a", "none"), *STORED, ("sync", "connection2"))
    assert state(world, "one2") == {"a": Plain("one")}
    assert world.managers["manager2"].joined == ()


@pytest.mark.parametrize(
    ("step", "sensible"),
    [
        (("read-current", "connection1", "one1"), True),
        (("read-current", "connection1", "one2"), False),
        (("read-current", "connection1", "x"), False),
        (("read-current", "connection1", "y"), False),
    ],
)
def test_an_own_object_that_is_stored_can_be_marked_as_read(step: Step, sensible: bool) -> None:
    world = after(SHARED, ("new", "x", "Thing"), ("new", "y", "Thing"), ("add", "connection1", "x"))
    assert makes_sense(world, step) == sensible
