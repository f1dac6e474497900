"""Scripts that drive a storage through its protocol alone."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from zodb_conformance import runner
from zodb_conformance.context import Context
from zodb_conformance.drivers.search import Search
from zodb_conformance.performing import perform
from zodb_conformance.plan import Plan
from zodb_conformance.results import Deviation, Step, Tally
from zodb_conformance.scripts import Finding, resolved
from zodb_conformance.targets import Target, resolve
from zodb_conformance.targets.base import Storage
from zodb_conformance.telling import deviation_of
from zodb_reference.storages import MemoryStorage
from zodb_spec.clause import SHOULD, clauses
from zodb_spec.protocol.preludes import LINKED_RECORDS, STORED

Execute = Callable[[str], subprocess.CompletedProcess[str]]
REFERENCE = resolve(Plan(target="reference-memory"))
READ_AGAIN: tuple[Step, ...] = (*STORED, ("load", "storage", "oid1"))


def over(opened: Callable[[], Any]) -> Target:
    """The reference over other storages."""
    return replace(REFERENCE, storage=Storage(lambda directory: opened(), ()))


def performed(
    target: Target, script: Sequence[Step], tally: Tally | None = None, **looks: Any
) -> Finding | None:
    return perform(target, resolved(script), tally or Tally(), part="storage", **looks)


class Forgetful(MemoryStorage):
    """Keeps the tid of what was stored first, whatever was stored since."""

    def load(self, oid: bytes, version: str = "") -> tuple[bytes, bytes]:
        data, tid = super().load(oid, version)
        return data, self.__dict__.setdefault("first", {}).setdefault(oid, tid)


class Careless(MemoryStorage):
    """Loses the second record of each transaction."""

    def tpc_vote(self, transaction: object) -> Any:
        if self._commit is not None and len(self._commit.records) > 1:
            self._commit.records.popitem()
        return super().tpc_vote(transaction)


class Odd(MemoryStorage):
    """Fails in an odd way where a conflict is to be told."""

    def store(self, *args: Any) -> None:
        try:
            super().store(*args)
        except Exception as error:
            raise ZeroDivisionError from error


class Touchy(MemoryStorage):
    """Gives up what is being committed where another transaction is refused."""

    def tpc_vote(self, transaction: object) -> Any:
        if self._commit is not None and self._commit.meta is not transaction:
            self.tpc_abort(self._commit.meta)
        return super().tpc_vote(transaction)


class Shy(MemoryStorage):
    """Tells of what was finished once somebody has loaded something."""

    is_known = True

    def tpc_finish(self, *args: Any) -> bytes:
        self.is_known = False
        return super().tpc_finish(*args)

    def load(self, oid: bytes, version: str = "") -> tuple[bytes, bytes]:
        self.is_known = True
        return super().load(oid, version)

    def lastTransaction(self) -> bytes:  # noqa: N802  # the protocol calls it so
        return super().lastTransaction() if self.is_known else bytes(8)


def test_a_right_storage_is_right() -> None:
    tally = Tally()
    assert performed(REFERENCE, READ_AGAIN, tally, lawful=True) is None
    assert tally.counts["protocol.load"] > 3


def test_a_read_is_to_blame_where_another_one_shows_it_rightly() -> None:
    found = performed(over(Forgetful), READ_AGAIN)
    assert found is not None
    assert (found.mismatch.clause, found.noticed) == ("protocol.load", "tpc-finish")


def test_who_stored_it_is_to_blame_where_all_reads_agree() -> None:
    found = performed(over(Careless), STORED)
    assert found is not None
    assert (found.mismatch.clause, found.noticed) == ("protocol.store", "tpc-finish")


def test_without_footprints_it_is_noticed_when_it_is_read() -> None:
    load = ("load", "storage", "oid1")
    found = performed(over(Forgetful), (*STORED[:6], load, *STORED[6:], load), footprint=False)
    assert found is not None
    assert (found.mismatch.clause, found.noticed) == ("protocol.load", "load")


def test_what_heals_when_everything_is_looked_at_is_no_flaky_finding() -> None:
    target = over(Shy)
    script = (*STORED, ("last-transaction",))
    assert performed(target, script) is None
    search = Search(Context(Plan(), target, Tally()), "walk.storage", "storage")
    search.try_script(resolved(script), footprint=False)
    (told,) = search.recorder.deviations  # type: ignore[attr-defined]
    assert (told.clause, told.kind) == ("protocol.last-transaction", "deviation")
    assert len(told.script) < len(script)


def test_an_odd_error_is_a_deviation_and_no_crash() -> None:
    script = (
        *STORED,
        ("tpc-begin", "storage", "meta9"),
        ("store", "storage", "meta9", "oid0", "z64", "'two'"),
    )
    found = performed(over(Odd), script)
    assert found is not None
    assert found.mismatch.clause == "protocol.conflict"
    assert found.mismatch.observed == "it raises ZeroDivisionError()"


def test_reads_that_are_kept_away_from_are_left_out() -> None:
    of_load = ("load", "list-records")
    found = performed(over(Forgetful), STORED, avoid=lambda world, step: step[0] in of_load)
    assert found is None


def deviation(target: Target, script: Sequence[Step]) -> Deviation:
    found = performed(target, script)
    assert found is not None
    return deviation_of(found, "walk.storage", target)


@pytest.mark.parametrize("script", [STORED, LINKED_RECORDS])
def test_a_witness_fails_with_one_sentence_and_without_the_suite(
    script: tuple[Step, ...], execute: Execute
) -> None:
    target = resolve(Plan(target="double:a-commit-is-finished-in-silence"))
    told = deviation(target, script)
    assert (told.clause, told.noticed) == ("protocol.finish", "tpc-finish")
    suite = [line for line in told.witness.splitlines() if "zodb_conformance" in line]
    assert suite == ["    from zodb_conformance.doubles import open_double_storage"]
    ended = execute(told.witness)
    assert ended.returncode == 1
    assert ended.stderr.startswith("protocol.finish: expected ([tid")


RESTORED: tuple[Step, ...] = (
    *STORED,
    ("begin-with-tid", "storage", "now", "noted9"),
    ("restore-hinted", "storage", "noted9", "oid0", "tid2", "'two'"),
    ("tpc-vote", "storage", "noted9"),
    ("tpc-finish", "storage", "noted9", "tid9"),
)


def test_a_witness_restores_without_the_suite(execute: Execute) -> None:
    told = deviation(resolve(Plan(target="double:a-hint-says-it-all")), RESTORED)
    assert (told.clause, told.noticed) == ("protocol.restore-hinted", "tpc-finish")
    ended = execute(told.witness)
    assert ended.returncode == 1
    assert ended.stderr.startswith("protocol.restore-hinted: expected")
    assert performed(REFERENCE, RESTORED) is None


def test_a_witness_passes_where_the_storage_is_right(execute: Execute) -> None:
    target = resolve(Plan(target="double:a-commit-is-finished-in-silence"))
    told = deviation(target, STORED)
    right = told.witness.replace(
        "open_double_storage('a-commit-is-finished-in-silence', "
        "pathlib.Path(directory.name), plain=False, read_only=False)",
        "MemoryStorage()",
    ).replace(
        "from zodb_conformance.doubles import open_double_storage",
        "from zodb_reference.storages import MemoryStorage",
    )
    assert right != told.witness
    assert execute(right).returncode == 0


FACTORY = """
from zodb_reference.storages import MemoryStorage


class Silent(MemoryStorage):
    def tpc_finish(self, transaction, callback=None):
        return super().tpc_finish(transaction)


def open_storage(directory):
    return Silent()
"""


@pytest.mark.parametrize(("script", "part"), [(STORED, "storage"), ((), "connection")])
def test_a_witness_can_name_a_factory_that_is_called_as_the_suite_calls_its_own(
    script: tuple[Step, ...],
    part: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    execute: Execute,
) -> None:
    (tmp_path / "silent_storage.py").write_text(FACTORY)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    target = resolve(Plan(target="silent_storage:open_storage"))
    if part == "connection":
        checked = ("examples.isolation", "walk.isolation")
        tally = Tally()
        runner.run_checks(Plan(target=target.name, checks=checked, seed=1, budget=10), tally)
        told = tally.deviations[0]
    else:
        told = deviation(target, script)
    ended = execute(told.witness)
    assert (ended.returncode, ended.stderr[:20]) == (1, f"{told.clause}: expected"[:20])


def test_a_recorded_script_is_performed_again() -> None:
    plan = Plan(target="double:a-commit-is-finished-in-silence")
    told = runner.replay(plan, STORED, Tally())
    assert told is not None
    assert told.clause == "protocol.finish"
    assert runner.replay(Plan(), STORED, Tally()) is None


def test_a_script_is_told_without_performing_it(execute: Execute) -> None:
    clause, lines, place, program = runner.render(Plan(), READ_AGAIN)
    assert (clause, place) == ("protocol.load", len(lines))
    assert lines[0] == "storage = open_storage()"
    assert lines[-1].endswith(".load(oid1))")
    assert execute(program).returncode == 0


def test_walks_and_machines_drive_storages(tmp_path: Path) -> None:
    plan = Plan(checks=("*.storage*",), seed=3, budget=20)
    tally = Tally()
    runner.run_checks(plan, tally)
    assert tally.deviations == []
    assert tally.counts["protocol.finish"] > 100


def test_a_database_that_is_no_storage_is_not_driven_so() -> None:
    plan = Plan(database="faulty_databases:faultless")
    assert not [name for name in runner.check_names(plan) if "storage" in name]


def test_a_wrapper_whose_instances_are_bare_is_found() -> None:
    tally = Tally()
    plan = Plan(target="bad_storages:wrapped_snapshots", checks=("examples.storage.instances",))
    runner.run_checks(plan, tally)
    assert "storage.instances-are-alike" in {each.clause for each in tally.deviations}


@pytest.mark.once
@pytest.mark.parametrize("name", ["reference-snapshots", "reference-clients"])
def test_the_other_forms_of_the_reference_obey_what_concerns_storages(name: str) -> None:
    """The first two are what `tox -e conformance` runs."""
    plan = Plan(target=name, checks=("examples.storage.*", "walk.storage*"), seed=7, budget=30)
    tally = Tally()
    runner.run_checks(plan, tally)
    assert [(each.clause, each.message) for each in tally.deviations] == []


@pytest.mark.parametrize(
    "then",
    [
        pytest.param((), id="at once"),
        pytest.param((("abort-as-stranger", "metadata()"),), id="beside another suspect"),
    ],
)
def test_who_gives_up_the_current_one_with_the_one_refused_breaks_what_says_so(
    then: Sequence[Step],
) -> None:
    script = (
        ("tpc-begin", "storage", "meta1"),
        ("call-as-stranger", "tpc_vote", "metadata()"),
        *then,
        ("tpc-vote", "storage", "meta1"),
    )
    finding = performed(over(Touchy), script)
    assert finding is not None
    clause = clauses()[finding.mismatch.clause]
    assert (clause.id, clause.level) == ("storage.refusal-spares-the-current", SHOULD)
