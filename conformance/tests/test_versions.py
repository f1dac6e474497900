"""Runs in the edition with versions: what is looked at, and whom it speaks against that something
is wrong.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from script_runs import holds, taken
from zodb_conformance.auditing import audit, audit_all
from zodb_conformance.blaming import Stand
from zodb_conformance.comparing import promises_serial
from zodb_conformance.matching import look_at, look_at_connections
from zodb_conformance.plan import Plan
from zodb_conformance.results import Step
from zodb_conformance.running import Run
from zodb_conformance.scripts import beginning
from zodb_conformance.targets import resolve
from zodb_spec.chapters.current_reads import ABORTED
from zodb_spec.world import Database, Fact, Record, Transaction

REFERENCE = resolve(Plan(target="reference-memory", edition="2006-08-16"))
RED = "version='red'"

HELD: tuple[Step, ...] = (
    ("open", "db", "manager1", "connection1"),
    ("root", "connection1", "root1"),
    ("new", "shared1", "Thing"),
    ("link", "root1", "'a'", "shared1", "strong"),
    ("commit", "manager1"),
    ("open-as", "db", "manager2", RED, "connection2"),
    ("root", "connection2", "root2"),
    ("read", "root2", "'a'", "shared2"),
    ("set", "shared2", "a", "one"),
    ("new", "made2", "Thing"),
    ("link", "shared2", "b", "made2", "strong"),
    ("commit", "manager2"),
)
"""The trunk and a version, which holds an object and has created one."""

COMMITTED: Step = ("commit-with-version", "manager1", "db", "red", "")
GIVEN_UP: Step = ("commit-with-version", "manager1", "db", "red", "nowhere")


def run_of(directory: Path, *more: Step) -> Run:
    return taken(REFERENCE, (*HELD, *more), directory)


# The world in which a script begins.


@pytest.mark.parametrize(
    ("target", "edition", "versions"),
    [
        ("reference-memory", "2006-08-16", True),
        ("reference-memory", "2005-06-17", False),
        ("reference-memory", "current", False),
        ("zodb-mapping", "2006-08-16", False),
    ],
)
def test_a_script_begins_with_versions_where_the_target_has_them(
    target: str, edition: str, versions: bool
) -> None:
    if target.startswith("zodb-"):
        pytest.importorskip("ZODB", reason="the target needs it")
    world = beginning(resolve(Plan(target=target, edition=edition)))
    assert world.databases["db"].versions is versions
    assert world.edition.value == edition


# Records.


@pytest.mark.parametrize("more", [(), (COMMITTED,), (GIVEN_UP,)])
def test_the_records_of_the_trunk_and_of_versions_are_looked_at(
    more: tuple[Step, ...], tmp_path: Path
) -> None:
    run = run_of(tmp_path, *more)
    read: list[tuple[int, str]] = []
    correct = run.bench.variables["record_of"]
    numbers = {real: number for number, real in run.bench.databases["db"].oids.items()}

    def noted(database: Any, oid: bytes, version: str = "") -> Any:
        read.append((numbers[oid], version))
        return correct(database, oid, version)

    run.bench.variables["record_of"] = noted
    assert list(audit_all(run.bench, run.world)) == []
    held = [(1, "red"), (1, ""), (2, "red")] if not more else [(1, ""), (2, "")]
    assert sorted(read) == sorted([(0, ""), *held])
    run.bench.close()


def changed(run: Run, oid: int, version: str, result: Any) -> None:
    """Have another record found under an oid, looked at in a version."""
    correct = run.bench.variables["record_of"]
    real = run.bench.databases["db"].oids[oid]

    def read(database: Any, asked: bytes, asked_version: str = "") -> Any:
        if (asked, asked_version) == (real, version):
            return result
        return correct(database, asked, asked_version)

    run.bench.variables["record_of"] = read


def test_what_a_version_has_stored_wrongly_is_blamed_on_how_it_was_stored(tmp_path: Path) -> None:
    run = run_of(tmp_path)
    tid = run.bench.databases["db"].tids[3]
    changed(run, 1, "red", (tid, "Thing", {"a": 2, "b": None}))
    found = next(audit(run.bench, run.world, "db"))
    assert found.expected == "'a' in the record of oid1 to be 1"
    assert found.expression == "record_of(db, oid1, 'red')[2]['a'] == 1"
    assert not holds(run, found.expression)
    run.bench.close()


def test_what_the_trunk_has_wrongly_while_a_version_holds_it_is_blamed_on_the_version(
    tmp_path: Path,
) -> None:
    run = run_of(tmp_path)
    correct = run.bench.variables["record_of"]
    held = run.bench.databases["db"]
    changed(run, 1, "", correct(held.real, held.oids[1], "red"))
    assert {found.clause for found in audit_all(run.bench, run.world)} == {"version.sees-own"}
    run.bench.close()


def test_what_a_version_that_was_given_up_had_created_has_no_record(tmp_path: Path) -> None:
    run = run_of(tmp_path, GIVEN_UP)
    changed(run, 2, "", (b"", "Thing", {}))
    found = next(audit(run.bench, run.world, "db"))
    assert (found.clause, found.expected) == (ABORTED, "no record under oid2")
    assert found.observed == "there is one, of 'Thing'"
    assert not holds(run, found.expression)
    run.bench.close()


# Serials.


def history(*records: tuple[str, str], versions: bool = True) -> Database:
    """A database with one object, each of whose revisions is stored in a version by a clause."""
    return Database(
        tuple(
            Transaction(tid, {1: Fact(Record("Thing", {}, version=version), clause)})
            for tid, (version, clause) in enumerate(records, 1)
        ),
        versions=versions,
    )


STORED, MOVED = "object.commit-keeps-state", "version.committed"


@pytest.mark.parametrize(
    ("records", "tid", "version", "promised"),
    [
        ([("", STORED)], 1, "", True),
        ([("", STORED), ("", STORED)], 1, "", True),
        ([("", STORED), ("red", STORED)], 1, "", False),
        ([("", STORED), ("red", STORED)], 2, "red", True),
        ([("", STORED), ("red", STORED)], 1, "blue", False),
        ([("", STORED), ("red", STORED), ("", MOVED)], 3, "", True),
        ([("", STORED), ("red", STORED), ("blue", MOVED)], 1, "red", False),
        ([("", STORED), ("red", STORED), ("", ABORTED)], 3, "", False),
        ([("", STORED), ("red", STORED), ("", ABORTED), ("", STORED)], 4, "", True),
    ],
)
def test_a_serial_is_promised_where_no_other_version_has_had_the_object_since(
    records: list[tuple[str, str]], tid: int, version: str, promised: bool
) -> None:
    assert promises_serial(history(*records), 1, tid, version) is promised


def test_without_versions_every_serial_is_promised() -> None:
    assert promises_serial(history(("red", ABORTED), versions=False), 1, 1, "")


@pytest.mark.parametrize("ending", [COMMITTED, GIVEN_UP])
def test_either_serial_will_do_as_long_as_a_version_holds_an_object(
    ending: Step, tmp_path: Path
) -> None:
    run = run_of(tmp_path, ("begin", "manager1"), ("read", "shared1", "a", "seen"))
    run.bench.variables["shared1"]._p_serial = run.bench.databases["db"].tids[3]
    assert look_at(run.bench, Stand(run.world, "shared1", None, "test.cause"), audited=True) is None
    assert run.take(ending, 40) is None
    run.bench.close()


# Contents.


@pytest.mark.parametrize(
    ("more", "name", "clause"),
    [
        (
            (("minimize", "connection2"), ("read", "shared2", "a", "seen")),
            "shared2",
            "version.sees-own",
        ),
        ((("begin", "manager1"), ("read", "shared1", "a", "seen")), "shared1", "version.sees-own"),
        ((COMMITTED, ("read", "shared1", "a", "seen")), "shared1", "version.committed"),
        ((GIVEN_UP, ("read", "shared1", "a", "seen")), "shared1", ABORTED),
    ],
)
def test_what_the_trunk_or_a_version_shows_wrongly_is_blamed_on_what_versions_do(
    more: tuple[Step, ...], name: str, clause: str, tmp_path: Path
) -> None:
    run = run_of(tmp_path, *more)
    vars(run.bench.variables[name])["a"] = "tampered"
    found = look_at(run.bench, Stand(run.world, name, None, "test.cause"), audited=True)
    assert found is not None
    assert found.clause == clause
    run.bench.close()


def test_a_version_that_shows_through_is_blamed_although_the_record_is_wrong_as_well(
    tmp_path: Path,
) -> None:
    run = run_of(tmp_path, ("begin", "manager1"), ("read", "shared1", "a", "seen"))
    vars(run.bench.variables["shared1"])["a"] = "tampered"
    found = look_at(run.bench, Stand(run.world, "shared1", None, "test.cause"), audited=False)
    assert found is not None
    assert found.clause == "version.sees-own"
    run.bench.close()


# Connections.


def test_a_connection_that_is_in_another_version_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of(tmp_path)
    assert look_at_connections(run.bench, run.world, "test.cause") is None
    real = run.bench.variables["connection2"]
    monkeypatch.setattr(type(real), "getVersion", lambda connection: "blue")
    found = look_at_connections(run.bench, run.world, "test.cause")
    assert found is not None
    assert found.clause == "version.belongs"
    assert found.expected == "connection2 to be in the version 'red'"
    assert found.expression == "connection2.getVersion() == 'red'"
    monkeypatch.undo()
    run.bench.close()


@pytest.mark.parametrize("step", ["open-as", "open"])
def test_a_connection_of_the_pool_is_looked_at_when_it_is_opened_again(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of(tmp_path, ("close", "connection2"), ("close", "connection1"))
    again: Step = ("open", "db", "manager1", "connection3")
    if step == "open-as":
        again = ("open-as", "db", "manager1", RED, "connection3")
    database = type(run.bench.variables["db"])
    correct = database.open

    def opened(self: Any, *arguments: Any, **options: Any) -> Any:
        connection = correct(self, *arguments, **options)
        connection.transaction_manager = None
        return connection

    monkeypatch.setattr(database, "open", opened)
    finding = run.take(again, 40)
    assert finding is not None
    assert "its transaction_manager is None" in finding.mismatch.observed
    monkeypatch.undo()
    run.bench.close()
