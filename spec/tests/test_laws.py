"""What a law notices by itself, in worlds that the model doesn't make, or another law refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from zodb_spec.chapters import joint_laws, laws, step_laws
from zodb_spec.explore import SMALL_WORLDS, begin
from zodb_spec.operation import Step
from zodb_spec.preludes import GROUPS
from zodb_spec.script import after, outcomes
from zodb_spec.world import CHANGED, NOTHING, Fact, Record, Transaction, World

TWO = begin()
SHARED = SMALL_WORLDS["one-shared-object"].start()

SET: Step = ("set", "one1", "a", "one")
SET_AGAIN: Step = ("set", "one1", "a", "none")
SAVE: Step = ("savepoint", "manager1", "first")
SAVE_AGAIN: Step = ("savepoint", "manager1", "second")
RETURN: Step = ("rollback", "first")
COMMIT: Step = ("commit", "manager1")
NEW: tuple[Step, ...] = (("new", "x", "Thing"), ("add", "connection1", "x"))
SAVED_IN_BOTH = after(
    begin(GROUPS), ("set", "root1", "'b'", "one"), ("set", "root3", "'b'", "one"), SAVE
)


def spoiled(world: World, table: str, name: str, **fields: Any) -> World:
    """A world in which fields of one thing are others."""
    return world.put(table, name, getattr(world, table)[name]._replace(**fields))


def stored_instead(world: World, *oids: int) -> tuple[Transaction, ...]:
    """The history after a commit that has stored other objects than it should."""
    *before, last = after(world, COMMIT).databases["db"].history
    records = {oid: last.records.get(oid, Fact(Record("Thing", {}), "test")) for oid in oids}
    return (*before, last._replace(records=records))


@pytest.mark.parametrize(
    ("law", "world", "change"),
    [
        pytest.param(
            laws.savepoint_data_belongs,
            after(SHARED, SET, SAVE),
            ("connections", "connection1", {"is_open": Fact(False, "test")}),
            id="a closed connection has savepoint data",
        ),
        pytest.param(
            laws.savepoint_data_belongs,
            after(SHARED, SET, SAVE),
            ("connections", "connection1", {"created": {99: True}}),
            id="an object is new of which nothing is stored",
        ),
        pytest.param(
            laws.one_each,
            begin(GROUPS),
            ("databases", "db2", {"collection": "db2"}),
            id="a group leads out of the collection",
        ),
    ],
)
def test_a_law_about_worlds_notices(
    law: Callable[[World], bool], world: World, change: tuple[str, str, dict[str, Any]]
) -> None:
    table, name, fields = change
    assert law(world)
    assert not law(spoiled(world, table, name, **fields))


@pytest.mark.parametrize(
    ("law", "before", "step", "change"),
    [
        pytest.param(
            joint_laws.valid_in_its_transaction,
            after(SHARED, SAVE, COMMIT),
            SAVE_AGAIN,
            ("savepoints", "first", {"valid": Fact(True, "test")}),
            id="a savepoint is valid again",
        ),
        pytest.param(
            joint_laws.returns_exactly,
            after(SHARED, SET, SAVE),
            SET_AGAIN,
            ("savepoints", "first", {"members": NOTHING}),
            id="a savepoint forgets what it has kept",
        ),
        pytest.param(
            joint_laws.returns_exactly,
            after(TWO, SAVE, *NEW, SAVE_AGAIN),
            RETURN,
            ("objects", "x", {"owner": Fact(("connection1", 1), "test")}),
            id="a later object stays owned",
        ),
        pytest.param(
            joint_laws.returns_exactly,
            after(SHARED, SAVE, SET),
            RETURN,
            ("objects", "one1", {"status": Fact(CHANGED, "test")}),
            id="a later change is still one",
        ),
        pytest.param(
            step_laws.transaction_end_catches_up,
            after(SHARED, SET, SAVE),
            ("abort", "manager1"),
            ("connections", "connection1", {"saved": {1: None}}),
            id="savepoint data outlives its transaction",
        ),
        pytest.param(
            step_laws.transaction_end_catches_up,
            after(SHARED, SET),
            ("abort", "manager1"),
            ("connections", "connection1", {"registered": ("one1",)}),
            id="a change outlives its transaction",
        ),
        pytest.param(
            step_laws.stored_as_held,
            after(SHARED, SET, SAVE),
            COMMIT,
            ("databases", "db", {"history": stored_instead(after(SHARED, SET, SAVE))}),
            id="what a savepoint has stored is left out",
        ),
        pytest.param(
            step_laws.stored_as_held,
            after(SHARED, SET),
            COMMIT,
            ("databases", "db", {"history": stored_instead(after(SHARED, SET), 0, 1)}),
            id="an object is stored that has not changed",
        ),
        pytest.param(
            step_laws.all_or_nothing,
            SAVED_IN_BOTH,
            COMMIT,
            ("databases", "db2", {"history": SAVED_IN_BOTH.databases["db2"].history}),
            id="what a savepoint has stored is left out in one database",
        ),
    ],
)
def test_a_law_about_steps_notices(
    law: Callable[..., bool],
    before: World,
    step: Step,
    change: tuple[str, str, dict[str, Any]],
) -> None:
    table, name, fields = change
    (outcome,) = outcomes(before, *step)
    assert law(before, step, outcome)
    broken = outcome._replace(world=spoiled(outcome.world, table, name, **fields))
    assert not law(before, step, broken)
