"""Blaming: whom it speaks against that an object, or its record, holds something else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from script_runs import taken
from zodb_conformance.bench import VALUES
from zodb_conformance.blaming import Stand
from zodb_conformance.matching import look_at
from zodb_conformance.plan import Plan
from zodb_conformance.results import Step
from zodb_conformance.running import Run
from zodb_conformance.targets import resolve
from zodb_spec.preludes import PRELUDE, SAVED

REFERENCE = resolve(Plan(target="reference-memory"))


def tampered(run: Run, name: str, attribute: str, value: Any) -> str:
    """The clause that is blamed where nobody had looked at an object that holds something else."""
    real = run.bench.variables[name]
    real._p_activate()
    vars(real).get("data", vars(real))[attribute] = value
    found = look_at(run.bench, Stand(run.world, name, None, "test.cause"), audited=True)
    run.bench.close()
    assert found is not None
    return found.clause


CHANGED_TWICE: tuple[Step, ...] = (
    *PRELUDE,
    ("set", "root1", "'a'", "one"),
    ("commit", "manager1"),
    ("set", "root1", "'a'", "text"),
)


CONFLICT: tuple[Step, ...] = (
    ("set", "root2", "'a'", "list"),
    ("commit", "manager1"),
    ("commit", "manager2"),
    ("abort", "manager2"),
)


@pytest.mark.parametrize(
    ("discarding", "name", "clause"),
    [
        ((("abort", "manager1"),), "root1", "transaction.abort-discards"),
        ((("begin", "manager1"),), "root1", "transaction.begin-aborts"),
        (CONFLICT, "root2", "isolation.conflict-reloads"),
    ],
)
def test_what_was_not_discarded_is_blamed_on_what_discards(
    tmp_path: Path, discarding: tuple[Step, ...], name: str, clause: str
) -> None:
    run = taken(REFERENCE, (*CHANGED_TWICE, *discarding), tmp_path)
    assert tampered(run, name, "a", "tampered") == clause


@pytest.mark.parametrize(
    ("held", "clause"),
    [(VALUES["text"], "savepoint.is-no-boundary"), ("tampered", "identity.ghost-loads")],
)
def test_what_a_savepoint_of_another_connection_has_stored_is_told_from_the_rest(
    tmp_path: Path, held: str, clause: str
) -> None:
    run = taken(REFERENCE, (*SAVED, ("read", "shared2", "a", "deep2")), tmp_path)
    assert tampered(run, "shared2", "b", held) == clause


def test_what_a_savepoint_had_stored_is_blamed_on_the_commit_that_stores_it(
    tmp_path: Path,
) -> None:
    run = taken(REFERENCE, SAVED, tmp_path)
    correct = run.bench.variables["record_of"]

    def read(database: Any, oid: bytes) -> Any:
        tid, kind, state = correct(database, oid)
        return tid, kind, {**state, "b": "tampered"} if "b" in state else state

    run.bench.variables["record_of"] = read
    finding = run.take(("commit", "manager1"), 90)
    assert finding is not None
    assert finding.mismatch.clause == "savepoint.commit-stores"
    run.bench.close()
