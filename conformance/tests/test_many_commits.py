"""Commits over several databases: what they store in each, and what is told where they do not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from group_runs import TARGET
from script_runs import Fake, holds, taken
from zodb_conformance.auditing import audit, audit_all
from zodb_conformance.results import Step
from zodb_conformance.running import Run
from zodb_spec.preludes import GROUPS, LINKED
from zodb_spec.world import CHANGED


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Two groups that share an object of each of two databases."""
    run = taken(TARGET, LINKED, tmp_path, footprint=False)
    yield run
    run.bench.close()


# What is wrong with records.


def reading(run: Run, form: Any) -> Callable[..., Any]:
    """A way of reading records that finds another form of reference in that of two3."""
    correct = run.bench.variables["record_of"]

    def read(database: Any, oid: bytes) -> Any:
        tid, kind, state = correct(database, oid)
        if database is run.bench.variables["db2"] and "a" in state:
            state = {**state, "a": ("reference", form)}
        return tid, kind, state

    return read


def one(run: Run) -> bytes:
    real = run.bench.oid("db", 1)
    assert real is not None
    return real


FORMS: list[tuple[bool, Callable[[bytes], Any]]] = [
    (True, lambda oid: ["m", ("unnamed", oid, Fake)]),
    (True, lambda oid: ["n", ("unnamed", oid)]),
    (False, lambda oid: ["m", ("second", oid, Fake)]),
    (False, lambda oid: ["m", ("unnamed", bytes(8), Fake)]),
    (False, lambda oid: ["w", (oid, "unnamed")]),
    (False, lambda oid: (oid, Fake)),
    (False, lambda oid: oid),
    (False, lambda oid: None),
]


@pytest.mark.parametrize(("right", "form"), FORMS)
def test_a_record_names_the_database_of_what_it_refers_to(
    run: Run, right: bool, form: Callable[[bytes], Any]
) -> None:
    run.bench.variables["record_of"] = reading(run, form(one(run)))
    found = list(audit_all(run.bench, run.world))
    if right:
        assert found == []
        return
    [mismatch] = found
    assert mismatch.clause == "xref.accepted"
    assert mismatch.expected == "'a' in the record of db2_oid1 to be a reference to oid1"
    assert not holds(run, mismatch.expression)
    run.bench.variables["record_of"] = reading(run, ["m", ("unnamed", one(run), Fake)])
    assert holds(run, mismatch.expression)


def test_the_newest_records_of_each_database_are_looked_at(run: Run) -> None:
    assert [list(audit(run.bench, run.world, name)) for name in ("db", "db2")] == [[], []]
    run.bench.variables["record_of"] = reading(run, None)
    assert [len(list(audit(run.bench, run.world, name))) for name in ("db", "db2")] == [0, 1]


# What is wrong with commits.


@pytest.mark.parametrize("lost", ["db", "db2"])
def test_a_commit_has_to_reach_every_database(run: Run, lost: str) -> None:
    for number, step in enumerate(
        (("begin", "manager1"), ("set", "root1", "'b'", "one"), ("set", "root3", "'b'", "one")), 50
    ):
        assert run.take(step, number) is None
    held = run.bench.databases[lost]
    held.real = SimpleNamespace(lastTransaction=lambda: held.last, close=held.real.close)
    finding = run.take(("commit", "manager1"), 60)
    assert finding is not None
    assert finding.mismatch.clause == "xref.changes-go-home"
    assert finding.mismatch.expected == "success, and db and db2 have a new last transaction"
    other = "db" if lost == "db2" else "db2"
    assert finding.mismatch.observed == f"{other} has a new last transaction"
    assert finding.mismatch.expression.startswith(f"{lost}.lastTransaction() != ")


@pytest.mark.parametrize(("own", "other"), [("root1", "db2"), ("root3", "db")])
def test_a_commit_that_failed_may_reach_none(run: Run, own: str, other: str) -> None:
    run.footprint = True
    assert run.take(("set", own, "'b'", "one"), 50) is None
    run.bench.perform(
        f"m = transaction.TransactionManager(); {other}.open(transaction_manager=m).root()['z'] = 1"
    )
    meddling(run, run.bench.variables["m"].commit)
    finding = run.take(("commit-sabotaged", "manager1", "tpc_vote", "after"), 60)
    assert finding is not None
    assert finding.mismatch.clause == "transaction.failure-stores-nothing"
    assert finding.mismatch.observed == f"{other} has a new last transaction"
    assert not holds(run, finding.mismatch.expression)


def meddling(run: Run, meddle: Callable[[], Any]) -> None:
    """Have something happen before each commit and each savepoint of the first manager."""
    real = run.bench.variables["manager1"]

    def after(call: Callable[[], Any]) -> Any:
        meddle()
        return call()

    run.bench.variables["manager1"] = SimpleNamespace(
        get=real.get,
        abort=real.abort,
        commit=lambda: after(real.commit),
        savepoint=lambda: after(real.savepoint),
    )


@pytest.mark.parametrize("step", [("commit", "manager1"), ("savepoint", "manager1", "savepoint1")])
def test_a_new_object_has_to_land_in_the_database_of_its_referrer(
    tmp_path: Path, step: Step
) -> None:
    script: tuple[Step, ...] = (
        *GROUPS,
        ("new", "x", "Thing"),
        ("link", "root1", "'a'", "x", "strong"),
        ("set", "root3", "'b'", "one"),
    )
    run = taken(TARGET, script, tmp_path)
    x, right, wrong = (run.bench.variables[name] for name in ("x", "connection1", "connection3"))
    meddling(run, lambda: wrong.add(x))
    finding = run.take(step, 60)
    assert finding is not None
    assert finding.mismatch.clause == "new-object.lands-with-referrer"
    assert finding.mismatch.expected == "x to be owned by connection1"
    assert finding.mismatch.observed == "it is owned by connection3"
    assert not holds(run, finding.mismatch.expression)
    run.bench.variables["x"] = Fake(x, _p_jar=right)
    assert holds(run, finding.mismatch.expression)
    run.bench.close()


def test_objects_of_two_databases_change_in_one_transaction(run: Run) -> None:
    for number, step in enumerate(
        (("set", "one2", "b", "one"), ("set", "two4", "b", "one"), ("commit", "manager2")), 50
    ):
        assert run.take(step, number) is None
    assert run.world.databases["db"].last == run.world.databases["db2"].last == 3
    assert all(run.world.objects[name].status.value != CHANGED for name in ("one2", "two4"))
