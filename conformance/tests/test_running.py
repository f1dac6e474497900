"""Runs: a script performed on a target beside the model, up to the first contradiction."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import faulty_databases
import pytest
from free_databases import StoresNoEmptyTransaction
from zodb_conformance.performing import perform
from zodb_conformance.plan import Plan
from zodb_conformance.results import Step, Tally
from zodb_conformance.running import Run
from zodb_conformance.scripts import Finding, raw, resolved
from zodb_conformance.targets import Target, resolve
from zodb_reference import DB
from zodb_reference.committing import Commit
from zodb_spec.clause import clauses
from zodb_spec.editions import EDITIONS, Edition
from zodb_spec.preludes import PRELUDE, SHARED
from zodb_spec.script import WIDTH, after, initial, mix

REFERENCE = resolve(Plan(target="reference-memory"))
STORED: tuple[Step, ...] = (
    *PRELUDE,
    ("new", "x", "Thing"),
    ("set", "x", "b", "text"),
    ("link", "root1", "'a'", "x", "strong"),
    ("commit", "manager1"),
)
READ: tuple[Step, ...] = (
    ("begin", "manager2"),
    ("read", "root2", "'a'", "y"),
    ("read", "y", "b", "z"),
)


def faulty(name: str) -> Target:
    """The reference with a fault."""
    return replace(REFERENCE, open_database=getattr(faulty_databases, name))


class Log(Tally):
    """A recorder that keeps what it is told, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Any] = []

    def step(self, step: Step) -> None:
        self.told.append(step)

    def exercised(self, clauses: Any) -> None:
        self.told.append(set(clauses))


def on(name: str, *script: Step, **options: bool) -> Finding:
    """What is found on a faulty target."""
    finding = perform(faulty(name), resolved(script), Tally(), **options)
    assert finding is not None
    return finding


# What a raw script means.


def steps_on(target: Target, seed: int) -> tuple[Step, ...]:
    """The steps that a raw script comes to on a target, up to the first contradiction."""
    draw = random.Random(seed).randrange
    numbers = [[draw(1 << 16) for _ in range(WIDTH)] for _ in range(40)]
    log = Log()
    # The pool gives whichever connection it likes, which leads to different worlds.
    choice = mix({"open": 0, "close": 0})
    perform(target, raw(SHARED, numbers, choice), log)
    return tuple(step for step in log.told if isinstance(step, tuple))


@pytest.mark.parametrize("seed", range(8))
def test_a_raw_script_comes_to_the_same_steps_on_every_target(seed: int) -> None:
    pytest.importorskip("ZODB", reason="the other target is ZODB")
    mine = steps_on(REFERENCE, seed)
    other = steps_on(resolve(Plan(target="zodb-demo")), seed)
    assert len(mine) > len(SHARED)
    assert mine[: len(other)] == other


def test_a_raw_script_comes_to_the_same_steps_every_time() -> None:
    assert steps_on(REFERENCE, 1) == steps_on(REFERENCE, 1) != steps_on(REFERENCE, 2)


def test_a_raw_script_begins_with_its_prelude() -> None:
    assert steps_on(REFERENCE, 1)[: len(SHARED)] == SHARED


# What the recorder is told.


def test_every_step_is_told_before_and_its_clauses_after_it_was_performed() -> None:
    log = Log()
    assert perform(REFERENCE, resolved(PRELUDE), log) is None
    steps, clauses = log.told[: 2 * len(PRELUDE) : 2], log.told[1 : 2 * len(PRELUDE) : 2]
    assert tuple(steps) == PRELUDE
    assert all("connection.open-is-bound" in told for told in clauses[::2])
    assert log.scripts == 1


def test_the_step_that_contradicts_exercises_nothing() -> None:
    log = Log()
    add: Step = ("add", "connection1", "x")
    assert perform(faulty("adds_nothing"), resolved((*PRELUDE, STORED[4], add)), log) is not None
    assert log.told[-1] == add


def test_laws_count_where_they_were_checked_with_all_footprints() -> None:
    law = "isolation.no-lost-update"
    for footprint, lawful in ((True, True), (True, False), (False, True)):
        tally = Tally()
        perform(REFERENCE, resolved(STORED), tally, footprint=footprint, lawful=lawful)
        assert (law in tally.counts) == (footprint and lawful)


@pytest.mark.parametrize("edition", EDITIONS)
def test_of_the_laws_those_of_the_edition_count(edition: Edition) -> None:
    tally = Tally()
    target = resolve(Plan(target="reference-memory", edition=edition.value))
    perform(target, resolved(STORED), tally, lawful=True)
    stated = [
        clause
        for clause in clauses().values()
        if (clause.kind, clause.part) == ("law", "connection")
    ]
    in_force = {clause.id for clause in stated if edition in clause.editions}
    assert tally.counts.keys() & {clause.id for clause in stated} == in_force


# What is skipped.


def test_a_step_that_has_lost_its_sense_is_skipped() -> None:
    script = (*PRELUDE, ("set", "nobody", "a", "one"), ("begin", "manager1"))
    log = Log()
    assert perform(REFERENCE, resolved(script), log) is None
    assert [step for step in log.told if isinstance(step, tuple)] == [*PRELUDE, script[-1]]


def test_a_step_that_is_to_be_avoided_is_skipped() -> None:
    log = Log()
    perform(REFERENCE, resolved(STORED), log, avoid=lambda world, step: step[0] == "commit")
    assert STORED[-1] not in log.told
    assert STORED[-2] in log.told


# What a finding tells.


def test_an_error_that_was_not_due_is_a_finding() -> None:
    finding = on("sync_fails", *PRELUDE, ("sync", "connection1"))
    assert finding.mismatch.clause == "connection.sync-shows-newest"
    assert finding.mismatch.expected == "success"
    assert finding.mismatch.observed == "it raises OSError('the line is dead')"
    assert finding.mismatch.expression == ""


def test_a_refusal_that_does_not_come_is_a_finding() -> None:
    finding = on("adds_anything", *PRELUDE, ("add", "connection2", "root1"))
    assert finding.mismatch.clause == "object.add-foreign-refused"
    assert finding.mismatch.expected == "InvalidObjectReference"
    assert finding.mismatch.observed == "nothing is raised"


def test_a_value_that_was_lost_is_a_finding_with_the_step_that_established_it() -> None:
    finding = on("loses_b", *STORED, *READ, footprint=False)
    assert finding.noticed == "read"
    assert finding.mismatch.clause == "identity.ghost-loads"
    assert finding.mismatch.expected == "'text'"


def test_a_footprint_notices_before_anybody_reads() -> None:
    loaded = (*STORED, *READ[:2], ("mark-changed", "y"))
    assert on("loses_b", *loaded).noticed == "mark-changed"
    assert perform(faulty("loses_b"), resolved(loaded), Tally(), footprint=False) is None


def test_a_finding_has_the_steps_that_were_taken_and_their_numbers() -> None:
    skipped: Step = ("set", "nobody", "a", "one")
    add: Step = ("add", "connection1", "x")
    finding = on("adds_nothing", *PRELUDE, skipped, STORED[4], add)
    assert finding.script == (*PRELUDE, STORED[4], add)
    assert finding.numbers == (1, 2, 3, 4, 6, 7)
    assert [line.step for line in finding.lines if line.step] == list(finding.numbers)
    assert finding.lines[-1].text == "connection1.add(x)"


def test_a_finding_shows_again_where_its_script_is_replayed() -> None:
    finding = on("adds_nothing", *PRELUDE, STORED[4], ("add", "connection1", "x"))
    assert on("adds_nothing", *finding.script).mismatch == finding.mismatch


def test_a_commit_that_leaves_no_transaction_is_a_finding() -> None:
    finding = on("stands_still", *STORED)
    assert finding.mismatch.clause == "transaction.commit-stores-changes"
    assert finding.mismatch.observed == "the last transaction is the old one"
    assert finding.mismatch.expression == "db.lastTransaction() != tid1"


def test_tids_that_do_not_increase_are_a_finding() -> None:
    mismatch = on("runs_backwards", *STORED).mismatch
    assert mismatch.clause == "transaction.tids-increase"
    assert mismatch.expression == "tid2 > tid1"


def test_a_failed_commit_that_leaves_a_transaction_is_a_finding() -> None:
    finding = on("never_stands_still", *PRELUDE, ("doom", "manager1"), ("commit", "manager1"))
    assert finding.mismatch.clause == "transaction.all-or-nothing"
    assert finding.mismatch.expression == "db.lastTransaction() == tid1"


TWO_STORED: tuple[Step, ...] = (
    *STORED[:-1],
    ("new", "w", "Thing"),
    ("link", "root1", "'b'", "w", "strong"),
    STORED[-1],
)
GET: Step = ("get", "connection2", "1", "y")


@pytest.mark.parametrize(
    ("fault", "script", "clause", "expression"),
    [
        ("gets_the_root", (GET,), "identity.connections-apart", "y is not root2"),
        (
            "gets_the_root",
            (("forget", "root2"), GET),
            "record.reference-comes-back",
            "type(y).__name__ == 'Thing'",
        ),
        (
            "gets_the_next",
            (GET,),
            "record.reference-comes-back",
            "y._p_oid == oid1",
        ),
        (
            "gets_from_another",
            (GET,),
            "identity.connections-apart",
            "y._p_jar is connection2",
        ),
    ],
)
def test_another_object_than_the_one_asked_for_is_a_finding(
    fault: str, script: tuple[Step, ...], clause: str, expression: str
) -> None:
    mismatch = on(fault, *TWO_STORED, ("begin", "manager2"), *script).mismatch
    assert (mismatch.clause, mismatch.expression) == (clause, expression)


def test_a_good_target_has_no_finding() -> None:
    assert perform(REFERENCE, resolved((*STORED, *READ)), Tally(), lawful=True) is None


EMPTY: tuple[Step, ...] = (("mark-changed", "x"), ("invalidate", "x"))
FAIL_LATE: Step = ("commit-sabotaged", "manager1", "tpc_finish", "after")


@pytest.mark.parametrize("kind", [DB, StoresNoEmptyTransaction])
@pytest.mark.parametrize("first", [("commit", "manager1"), FAIL_LATE])
def test_either_way_with_empty_transactions_is_followed(kind: type[DB], first: Step) -> None:
    script = (*STORED, *EMPTY, first, ("abort", "manager1"), *EMPTY, ("commit", "manager1"))
    target = replace(REFERENCE, open_database=lambda directory: kind())
    assert perform(target, resolved(script), Tally(), lawful=True) is None


# Fresh databases.


def test_every_run_has_a_database_and_a_folder_of_its_own_and_leaves_nothing() -> None:
    opened: list[tuple[Path, DB]] = []

    def open_database(directory: Path) -> DB:
        assert list(directory.iterdir()) == []
        opened.append((directory, DB(str(directory / "data.sqlite"))))
        return opened[-1][1]

    for _ in range(2):
        perform(replace(REFERENCE, open_database=open_database), resolved(STORED), Tally())
    (one, first), (other, second) = opened
    assert first is not second
    assert one != other
    assert not one.exists()
    assert not other.exists()
    with pytest.raises(Exception, match="closed"):
        first.open()


def test_a_run_ends_well_although_the_target_can_not_be_closed() -> None:
    class Stubborn(DB):
        def close(self) -> None:
            super().close()
            raise OSError("never")

    target = replace(REFERENCE, open_database=lambda directory: Stubborn())
    assert perform(target, resolved(STORED), Tally()) is None


def test_a_run_follows_the_outcome_that_it_observed(tmp_path: Path) -> None:
    run = Run(REFERENCE, tmp_path, Tally())
    for number, step in enumerate((*STORED, ("close", "connection2")), 1):
        assert run.take(step, number) is None
    assert run.take(("open", "db", "manager2", "again"), 9) is None
    assert "again" not in run.world.connections
    assert run.world.connections["connection2"].is_open.value
    run.bench.close()


# What is looked at.


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """A run in which two objects are about to be stored."""
    run = Run(REFERENCE, tmp_path, Tally())
    for number, step in enumerate(TWO_STORED[:-1], 1):
        assert run.take(step, number) is None
    yield run
    run.bench.close()


def lost(database: Any, oid: bytes) -> Any:
    raise KeyError(oid)


def test_the_records_of_a_commit_are_looked_at_behind_it(run: Run) -> None:
    run.bench.variables["record_of"] = lost
    finding = run.take(("commit", "manager1"), 90)
    assert finding is not None
    assert finding.mismatch.observed.startswith("reading it raises KeyError(")


def test_all_records_are_looked_at_in_the_end(run: Run) -> None:
    assert run.take(("commit", "manager1"), 90) is None
    assert run.end() is None
    run.bench.variables["record_of"] = lost
    finding = run.end()
    assert finding is not None
    assert finding.noticed == "end"
    assert finding.mismatch.observed.startswith("reading it raises KeyError(")


def test_an_object_that_has_a_name_gets_no_second_one(run: Run) -> None:
    assert run.take(("commit", "manager1"), 90) is None
    assert run.take(("get", "connection1", "1", "again"), 91) is None
    assert run.bench.lines[-1].text == "again = connection1.get(oid1)"
    assert "again" not in run.bench.variables


def test_an_object_that_is_new_to_the_program_is_none_of_those_that_it_holds(run: Run) -> None:
    run.footprint = False
    for number, step in enumerate((("commit", "manager1"), READ[0], ("new", "v", "Thing")), 90):
        assert run.take(step, number) is None
    run.bench.variables["v"] = run.bench.variables["connection2"].root()["a"]
    finding = run.take(READ[1], 99)
    assert finding is not None
    assert finding.mismatch.clause == "identity.connections-apart"
    assert finding.mismatch.expression == "y is not v"


def test_the_model_steps_of_these_tests_make_sense() -> None:
    assert after(initial(resolves=True), *STORED, *READ).step == len(STORED) + len(READ)


def test_what_a_target_leaves_open_raises_no_alarm_either_way() -> None:
    conflict = (
        *SHARED,
        ("increment", "counter1"),
        ("increment", "counter2"),
        ("commit", "manager1"),
        ("commit", "manager2"),
        ("abort", "manager2"),
    )
    for resolves in (True, False):
        capabilities = frozenset({"conflict-resolution"}) if resolves else frozenset()
        target = replace(resolve(Plan(target="reference-memory")), capabilities=capabilities)
        finding = perform(target, resolved(conflict), Tally())
        assert (finding is None) == resolves
    silent = replace(
        resolve(Plan(target="reference-memory")),
        capabilities=frozenset(),
        unknown=frozenset({"conflict-resolution"}),
    )
    assert perform(silent, resolved(conflict), Tally()) is None


def test_what_should_be_missing_is_blamed_like_what_is_wrong() -> None:
    target = resolve(Plan(target="double:ghosts-load-the-newest-revision"))
    script = (
        *PRELUDE,
        ("new", "x", "Thing"),
        ("link", "root1", "'a'", "x", "strong"),
        ("commit", "manager1"),
        ("begin", "manager2"),
        ("read", "root2", "'a'", "y"),
        ("set", "x", "a", "one"),
        ("commit", "manager1"),
        ("read", "y", "a", "z"),
    )
    finding = perform(target, resolved(script), Tally())
    assert finding is not None
    assert finding.mismatch.observed == "nothing is raised"
    assert finding.mismatch.clause == "isolation.one-committed-state"


def test_what_a_second_phase_left_is_told_on_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(directory: Path) -> DB:
        database = DB()
        monkeypatch.setattr(Commit, "finish", Commit.abort)  # it gives up what it has voted for
        return database

    script = (
        *PRELUDE,
        ("set", "root1", "'a'", "one"),
        ("commit-sabotaged", "manager1", "tpc_finish", "after"),
    )
    finding = perform(replace(REFERENCE, open_database=opened), resolved(script), Tally())
    assert finding is not None
    assert finding.mismatch.clause == "transaction.second-phase-failure"
    assert finding.mismatch.expected == "Sabotage, and the database has a new last transaction"
    assert finding.mismatch.observed.endswith(", and the database has no new last transaction")
