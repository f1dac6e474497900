"""Matching: whatever an object or a record shows wrongly is told, blamed, and can be shown."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from persistent.wref import WeakRef
from script_runs import Fake, holds
from zodb_conformance.auditing import audit, audit_all
from zodb_conformance.bench import VALUES
from zodb_conformance.blaming import Stand
from zodb_conformance.comparing import Mismatch, agrees, comparison, in_words
from zodb_conformance.matching import contents, look, look_at
from zodb_conformance.plan import Plan
from zodb_conformance.results import Step, Tally
from zodb_conformance.running import Run
from zodb_conformance.showing import short
from zodb_conformance.targets import resolve
from zodb_conformance.things import Named, Thing
from zodb_spec.operation import operations
from zodb_spec.preludes import PRELUDE
from zodb_spec.world import InMemory, Number, Plain, Stored

SCRIPT: tuple[Step, ...] = (
    *PRELUDE,
    ("new", "x", "Thing"),
    ("set", "x", "a", "text"),
    ("link", "x", "b", "root1", "list"),
    ("link", "root1", "'a'", "x", "strong"),
    ("new", "c", "Counter"),
    ("increment", "c"),
    ("link", "root1", "'b'", "c", "weak"),
    ("commit", "manager1"),
    ("begin", "manager2"),
    ("read", "root2", "'a'", "y"),
    ("mark-changed", "y"),
    ("new", "new", "Thing"),
    ("set", "new", "a", "nan"),
    ("link", "new", "b", "y", "strong"),
)
"""Objects of every status: `x`, `c` and `root1` are loaded, `y` has changed, `new` is unsaved."""


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """A run of the script on the reference, without footprints."""
    run = Run(resolve(Plan(target="reference-memory")), tmp_path, Tally(), footprint=False)
    for number, step in enumerate(SCRIPT, 1):
        assert run.take(step, number) is None, step
    yield run
    run.bench.close()


def looked(run: Run) -> Mismatch | None:
    """What a first look at all objects finds."""
    return look(run.bench, run.world, {}, "test.cause", audited=True)


def test_where_everything_is_as_it_should_be_nothing_is_found(run: Run) -> None:
    assert looked(run) is None
    assert list(audit_all(run.bench, run.world)) == []


OTHER = b"\xee" * 8

Fault = Callable[[Run], Any]

OBJECTS: list[tuple[str, Fault, str, str]] = [
    # name, what stands there instead, whom it speaks against, what is expected
    (
        "x",
        lambda run: Fake(run.bench.variables["x"], _p_jar=None, _p_oid=None),
        "object.commit-sets-serial",
        "x to be owned by connection1",
    ),
    (
        "x",
        lambda run: Fake(run.bench.variables["x"], _p_jar=run.bench.variables["connection2"]),
        "object.commit-sets-serial",
        "x to be owned by connection1",
    ),
    (
        "x",
        lambda run: Fake(run.bench.variables["x"], _p_oid=None),
        "object.unsaved-or-owned",
        "x to be owned by connection1",
    ),
    (
        "x",
        lambda run: Fake(run.bench.variables["x"], _p_oid=OTHER),
        "object.commit-sets-serial",
        "x to have oid1",
    ),
    (
        "new",
        lambda run: Fake(run.bench.variables["new"], _p_oid=OTHER),
        "object.unsaved-or-owned",
        "new to be unsaved: no jar and no oid",
    ),
    (
        "new",
        lambda run: run.bench.variables["x"],
        "object.unsaved-or-owned",
        "new to be unsaved: no jar and no oid",
    ),
    (
        "x",
        lambda run: Fake(run.bench.variables["x"], _p_changed=True),
        "object.commit-keeps-state",
        "x._p_changed to be None or False",
    ),
    (
        "y",
        lambda run: Fake(run.bench.variables["y"], _p_changed=False),
        "tracking.changed-flag-marks",
        "y._p_changed to be True",
    ),
    (
        "new",
        lambda run: Fake(run.bench.variables["new"], _p_changed=True),
        "tracking.unsaved-is-free",
        "new._p_changed to be False",
    ),
    (
        "x",
        lambda run: Fake(run.bench.variables["x"], _p_serial=OTHER),
        "object.commit-keeps-state",
        "x to have the serial of transaction 2",
    ),
    (
        "x",
        lambda run: Fake(run.bench.variables["x"], _p_serial=run.bench.databases["db"].tids[1]),
        "object.commit-keeps-state",
        "x to have the serial of transaction 2",
    ),
    (
        "y",
        lambda run: Fake(run.bench.variables["y"], _p_serial=run.bench.databases["db"].tids[1]),
        "tracking.changed-flag-marks",
        "y to have the serial of transaction 2",
    ),
    (
        "x",
        lambda run: Fake(run.bench.variables["x"], {**vars(run.bench.variables["x"]), "z": 1}),
        "identity.ghost-loads",
        "x.z to be missing",
    ),
    (
        "x",
        lambda run: Fake(run.bench.variables["x"], {"b": [0, run.bench.variables["root1"]]}),
        "identity.ghost-loads",
        "x.a to be 'text'",
    ),
    (
        "x",
        lambda run: Fake(run.bench.variables["x"], {**vars(run.bench.variables["x"]), "a": "t"}),
        "identity.ghost-loads",
        "x.a to be 'text'",
    ),
    (
        "x",
        lambda run: Fake(
            run.bench.variables["x"],
            {**vars(run.bench.variables["x"]), "b": [0, run.bench.variables["c"]]},
        ),
        "identity.ghost-loads",
        "x.b to be a reference to oid0",
    ),
    (
        "new",
        lambda run: Fake(run.bench.variables["new"], {"a": 1.0, "b": run.bench.variables["y"]}),
        "tracking.unsaved-is-free",
        "new.a to be float('nan')",
    ),
    (
        "new",
        lambda run: Fake(
            run.bench.variables["new"],
            {"a": float("nan"), "b": run.bench.variables["x"]},
        ),
        "tracking.unsaved-is-free",
        "new.b to be a reference to y",
    ),
]


@pytest.mark.parametrize(("name", "fault", "clause", "expected"), OBJECTS)
def test_what_an_object_shows_wrongly_is_told_and_can_be_shown(
    run: Run, name: str, fault: Fault, clause: str, expected: str
) -> None:
    run.bench.variables[name], right = fault(run), run.bench.variables[name]
    found = look_at(run.bench, Stand(run.world, name, None, "test.cause"), audited=True)
    assert found is not None
    assert (found.clause, found.expected) == (clause, expected)
    assert not holds(run, found.expression)
    run.bench.variables[name] = right
    assert holds(run, found.expression)


def test_an_oid_that_another_object_has_is_told_and_can_be_shown(run: Run) -> None:
    fake = Fake(run.bench.variables["x"], _p_oid=run.bench.databases["db"].oids[2])
    run.bench.variables.update(x=fake, oid1=run.bench.databases["db"].oids[2])
    found = look_at(run.bench, Stand(run.world, "x", None, "test.cause"), audited=True)
    assert found is not None
    assert (found.clause, found.expected) == ("object.oids-are-fresh", "a fresh oid for x")
    assert not holds(run, found.expression)
    run.bench.variables["oid1"] = OTHER
    assert holds(run, found.expression)


def test_an_object_is_looked_at_again_only_where_something_changed(run: Run) -> None:
    seen: dict[str, Any] = {}
    assert look(run.bench, run.world, seen, "test.cause", audited=True) is None
    run.bench.variables["x"].__dict__["a"] = "tampered"
    assert look(run.bench, run.world, seen, "test.cause", audited=True) is None
    run.bench.variables["x"]._p_changed = True
    found = look(run.bench, run.world, seen, "test.cause", audited=True)
    assert found is not None
    assert found.clause == "test.cause"


def test_an_object_in_limbo_is_not_looked_at(run: Run) -> None:
    failed = run.world.managers["manager1"].status._replace(value="failed")
    manager = run.world.managers["manager1"]._replace(status=failed)
    run.world = run.world.put("managers", "manager1", manager)
    run.bench.variables["x"] = Fake(run.bench.variables["x"], _p_oid=None, _p_jar=None)
    assert looked(run) is None


def test_a_ghost_is_looked_at_without_loading_it(run: Run) -> None:
    run.bench.variables["x"]._p_deactivate()
    assert looked(run) is None
    assert run.bench.variables["x"]._p_changed is None


def test_of_a_closed_connection_only_the_owners_are_looked_at(run: Run) -> None:
    for number, step in enumerate((("abort", "manager1"), ("close", "connection1")), 30):
        assert run.take(step, number) is None
    run.bench.variables["x"] = Fake(run.bench.variables["x"], {}, _p_changed=True)
    assert looked(run) is None
    run.bench.variables["x"] = Fake(run.bench.variables["x"], _p_oid=OTHER)
    assert looked(run) is not None


# Records.


def record_of(run: Run, oid: int) -> tuple[Any, str, Any]:
    found: tuple[Any, str, Any] = run.bench.variables["record_of"](
        run.bench.variables["db"], run.bench.databases["db"].oids[oid]
    )
    return found


def reading(run: Run, oid: int, **changed: Any) -> Callable[..., Any]:
    """A way of reading records that finds something else under an oid."""
    correct = run.bench.variables["record_of"]

    def read(database: Any, real: bytes) -> Any:
        tid, kind, state = correct(database, real)
        if real != run.bench.databases["db"].oids[oid]:
            return tid, kind, state
        state = {**state, **changed.get("state", {})}
        state = {key: value for key, value in state.items() if value is not ...}
        return changed.get("tid", tid), changed.get("kind", kind), state

    return read


def lost(database: Any, oid: bytes) -> Any:
    raise KeyError(oid)


RECORDS: list[tuple[int, dict[str, Any], str, str]] = [
    (1, {"tid": OTHER}, "reach.stored-with-referrer", "a record of Thing under oid1"),
    (1, {"kind": "Named"}, "reach.stored-with-referrer", "a record of Thing under oid1"),
    (1, {"state": {"a": ...}}, "reach.stored-with-referrer", "'a' to be in the record of oid1"),
    (1, {"state": {"z": 1}}, "reach.stored-with-referrer", "'z' to be missing from the record"),
    (1, {"state": {"a": "t"}}, "record.value-comes-back", "'a' in the record of oid1 to be 'text'"),
    (
        1,
        {"state": {"b": [0, ("reference", (OTHER, None))]}},
        "record.reference-comes-back",
        "'b' in the record of oid1 to be a reference to oid0",
    ),
    (
        1,
        {"state": {"b": ("reference", (bytes(8), None))}},
        "record.reference-comes-back",
        "'b' in the record of oid1 to be a reference to oid0",
    ),
    (2, {"state": {"n": 2}}, "reach.weak-target-stored", "'n' in the record of oid2 to be 1"),
    (
        0,
        {"state": {"data": {"a": 1, "b": 2}}},
        "record.reference-comes-back",
        "'a' in the record of oid0 to be a reference to oid1",
    ),
]


@pytest.mark.parametrize(("oid", "changed", "clause", "expected"), RECORDS)
def test_what_a_record_holds_wrongly_is_told_and_can_be_shown(
    run: Run, oid: int, changed: dict[str, Any], clause: str, expected: str
) -> None:
    correct = run.bench.variables["record_of"]
    run.bench.variables["record_of"] = reading(run, oid, **changed)
    found = next(audit(run.bench, run.world, "db"))
    assert found.clause == clause
    assert found.expected.startswith(expected)
    assert not holds(run, found.expression)
    run.bench.variables["record_of"] = correct
    assert holds(run, found.expression)


def test_a_record_that_can_not_be_read_is_told(run: Run) -> None:
    run.bench.variables["record_of"] = lost
    found = list(audit(run.bench, run.world, "db"))
    assert len(found) == 3
    assert found[0].observed.startswith("reading it raises KeyError(")


def test_records_of_older_transactions_are_looked_at_in_the_end(run: Run) -> None:
    for number, step in enumerate((("set", "c", "a", "one"), ("commit", "manager1")), 30):
        assert run.take(step, number) is None
    run.bench.variables["record_of"] = reading(run, 1, state={"a": "t"})
    assert list(audit(run.bench, run.world, "db")) == []
    assert [found.clause for found in audit_all(run.bench, run.world)] == [
        "record.value-comes-back"
    ]


# Values.


def x(run: Run) -> Any:
    return run.bench.variables["x"]


@pytest.mark.parametrize(
    ("value", "right", "wrong"),
    [
        (Plain("one"), lambda run: 1, lambda run: True),
        (Plain("nan"), lambda run: float("nan"), lambda run: 1.0),
        (Number(1), lambda run: 1, lambda run: True),
        (Number(1), lambda run: 1, lambda run: 2),
        (InMemory("x"), x, lambda run: run.bench.variables["y"]),
        (InMemory("x"), x, lambda run: [0, x(run)]),
        (InMemory("x", inside="list"), lambda run: [0, x(run)], x),
        (InMemory("x", inside="list"), lambda run: [0, x(run)], lambda run: [1, x(run)]),
        (InMemory("x", inside="list"), lambda run: [0, x(run)], lambda run: (0, x(run))),
        (InMemory("x", inside="dict"), lambda run: {"k": x(run)}, lambda run: {"l": x(run)}),
        (InMemory("x", inside="dict"), lambda run: {"k": x(run)}, lambda run: {"k": x(run), 1: 2}),
        (InMemory("x", weak=True), lambda run: WeakRef(x(run)), x),
        (Stored(1), x, lambda run: run.bench.variables["y"]),
        (Stored(1), x, lambda run: Fake(x(run))),
        (Stored(1, weak=True), lambda run: WeakRef(x(run)), x),
        (
            Stored(1, weak=True),
            lambda run: WeakRef(x(run)),
            lambda run: WeakRef(run.bench.variables["c"]),
        ),
        (Stored(1, inside="list"), lambda run: [0, x(run)], x),
    ],
)
def test_a_value_agrees_with_what_is_there_and_with_nothing_else(
    run: Run, value: Any, right: Fault, wrong: Fault
) -> None:
    for real, expected in ((right(run), True), (wrong(run), False)):
        assert agrees(run.bench, run.world, "connection1", value, real) is expected


def test_a_reference_to_what_the_program_does_not_hold_agrees_by_oid_and_jar(run: Run) -> None:
    rest = {name: thing for name, thing in run.world.objects.items() if name != "x"}
    world = run.world._replace(objects=rest)
    real = x(run)
    assert agrees(run.bench, world, "connection1", Stored(1), Fake(real))
    for shown in ({"_p_oid": OTHER}, {"_p_jar": None}):
        assert not agrees(run.bench, world, "connection1", Stored(1), Fake(real, **shown))


def test_an_unsaved_object_holds_nothing_that_was_stored(run: Run) -> None:
    assert not agrees(run.bench, run.world, None, Stored(1), x(run))


@pytest.mark.parametrize("name", VALUES)
def test_the_comparison_of_a_value_is_true_of_it_and_of_no_other(run: Run, name: str) -> None:
    expression = comparison("where", Plain(name))
    run.bench.variables["where"] = pickle.loads(pickle.dumps(VALUES[name]))
    assert holds(run, expression)
    run.bench.variables["where"] = "another"
    assert not holds(run, expression)


def test_what_is_expected_is_said_in_python() -> None:
    assert in_words(Plain("list")) == "[1, [2, [3, [4, []]]]]"
    assert in_words(Number(3)) == "3"
    assert in_words(InMemory("x", weak=True)) == "a weak reference to x"
    assert in_words(Stored(2)) == "a reference to oid2"


def test_contents_leave_out_what_the_model_does_not_speak_of() -> None:
    named = Named("n")
    named._v_cached = 1
    named.a = 2
    assert contents(named) == {"a": 2}
    assert contents(Thing()) == {}


class Unshowable:
    def __repr__(self) -> str:
        raise RuntimeError


def test_whatever_is_shown_is_shown_short() -> None:
    assert short("x" * 100, 10) == "'xxxxxxxx…"
    assert short(Unshowable()) == "<Unshowable whose repr raises RuntimeError>"


def test_the_script_of_these_tests_uses_known_operations() -> None:
    assert {step[0] for step in SCRIPT} <= set(operations())
