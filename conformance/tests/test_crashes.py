"""The check `crashes`: what survives it, what it finds, and how it is told."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import pytest
from zodb_conformance import runner
from zodb_conformance.context import Context
from zodb_conformance.crashes import __main__ as command
from zodb_conformance.crashes import check, recording
from zodb_conformance.crashes.check import CHECK, Crashes, crashes
from zodb_conformance.crashes.judging import Examined, Loss, rules_for
from zodb_conformance.crashes.killing import Life
from zodb_conformance.crashes.trials import Place, Recorded, Trials
from zodb_conformance.plan import SEED, Plan
from zodb_conformance.results import Deviation, Step, Tally
from zodb_conformance.servers import lodging
from zodb_conformance.targets import resolve
from zodb_conformance.targets.base import Target
from zodb_spec.clause import clauses, id_of
from zodb_spec.crash import Told, Written

CLAUSES = [clause.id for clause in clauses().values() if clause.kind == "crash"]


def ran(target: str | Target, **options: Any) -> tuple[Tally, str]:
    """What the check finds, and its note."""
    plan = Plan(target=target if isinstance(target, str) else target.name, seed=1, **options)
    tally = Tally()
    found = resolve(plan) if isinstance(target, str) else target
    return tally, crashes(Context(plan, found, tally))


def broken(tally: Tally) -> set[str]:
    return {found.clause for found in tally.deviations}


def test_the_reference_survives_what_it_should() -> None:
    tally, note = ran("reference-sqlite")
    assert [found.message for found in tally.deviations] == []
    assert set(tally.counts) == set(CLAUSES)
    assert note.startswith("15 kills, ")
    assert tally.scripts > 100


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # it leaves what it can't open to itself
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_file_storage_loses_nothing_that_it_had_told_but_where_it_is_packed() -> None:
    """What it does lose is on the page of the track record."""
    tally, _ = ran("zodb-file", kills=8, only=("storage.survives-*",))
    assert broken(tally) <= {"storage.survives-some-writes"}
    assert tally.counts["storage.survives-kill"] > 3


@pytest.mark.parametrize("only", ["storage.survives-kill", "storage.goes-on-after-kill"])
def test_each_time_that_a_storage_is_opened_again_is_a_step(
    only: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or what is slow to open would be taken to hang."""
    events: list[str] = []

    def noting(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*given: Any, **more: Any) -> Any:
            events.append(name)
            return function(*given, **more)

        return noted

    monkeypatch.setattr(Tally, "step", noting("step", Tally.step))
    for name in ("kill", "examine", "go_on"):
        monkeypatch.setattr(Trials, name, noting("open", getattr(Trials, name)))
    monkeypatch.setattr(check, "examine", noting("open", check.examine))
    ran("reference-sqlite", kills=1, only=(only,))
    assert events.count("open") > 2
    assert ("open", "open") not in pairwise(events)


def test_processes_that_never_come_to_an_end_are_not_waited_for_again_and_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def late(*_: Any, **__: Any) -> Life:
        return Life(-9, "", "late")

    monkeypatch.setattr(Trials, "kill", late)
    tally, note = ran("reference-sqlite", only=("storage.survives-kill",))
    assert note.startswith("3 kills, ")
    assert "given up: 3 processes took so long" in note
    assert broken(tally) == set()


def test_a_storage_without_undo_and_pack_has_other_work() -> None:
    target = resolve(Plan(target="reference-sqlite"))
    less = replace(target, capabilities=target.capabilities - {"undo", "pack", "iteration"})
    tally, note = ran(less, kills=3, only=("storage.survives-kill",))
    assert (broken(tally), note) == (set(), "3 kills, 0 power failures")


def test_what_was_not_asked_for_is_neither_judged_nor_done() -> None:
    tally, note = ran("reference-sqlite", kills=2, avoid=("storage.whole-or-absent",))
    assert "storage.whole-or-absent" not in tally.counts
    tally, note = ran("reference-sqlite", kills=2, only=("storage.syncs-the-folder",))
    assert set(tally.counts) == {"storage.syncs-the-folder"}
    assert note.startswith("0 kills, ")


def test_where_nothing_can_be_recorded_processes_are_killed_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recording, "reason_why_not", lambda: "there is no compiler")
    tally, note = ran("reference-sqlite", kills=4)
    assert note == "4 kills, 0 power failures; no power failures: there is no compiler"
    assert {"storage.survives-kill", "storage.goes-on-after-kill"} <= set(tally.counts)


def test_a_storage_that_can_not_do_the_work_is_told_of() -> None:
    def without_undo(correct: Target) -> Target:
        return replace(correct, capabilities=correct.capabilities | {"undo"})

    tally, note = ran(replace(without_undo(resolve(Plan(target="zodb-mapping"))), name="x"))
    assert note.startswith("0 kills, 0 power failures; the work that was to be interrupted failed")
    assert tally.counts == {}


@pytest.fixture(scope="module")
def lost() -> Deviation:
    """What is found of a storage that finishes before it is durable."""
    tally, _ = ran(
        "double:a-commit-does-not-wait-for-the-disk", only=("storage.survives-power-loss",)
    )
    (found,) = tally.deviations
    return found


def test_a_deviation_says_what_was_expected_and_where_the_crash_was(lost: Deviation) -> None:
    assert lost.clause == "storage.survives-power-loss"
    assert lost.check == CHECK
    assert lost.noticed.startswith("the power fails in ")
    assert lost.trace == (f"# {lost.noticed}",)


def test_a_witness_shows_the_crash_by_itself(lost: Deviation, tmp_path: Path) -> None:
    script = tmp_path / "witness.py"
    script.write_text(lost.witness)
    done = subprocess.run(
        [sys.executable, script], check=False, capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 1
    assert done.stderr.startswith("storage.survives-power-loss: ")
    assert [path.name for path in tmp_path.iterdir()] == ["witness.py"]


def test_the_witness_is_silent_where_the_crash_left_what_it_should(
    lost: Deviation, tmp_path: Path
) -> None:
    """It is the state of the files that it shows: with what is allowed now it has no complaint."""
    text = lost.witness.replace("ALLOWED = [", "ALLOWED = [('0000000000000000', {}), ", 1)
    script = tmp_path / "witness.py"
    script.write_text(text.replace("sorted(LEFT)", "()"))
    done = subprocess.run([sys.executable, script], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_work_has_to_go_on_after_a_power_failure_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Crashes, "_points", lambda *_, **__: [])
    tally, note = ran(
        "double:oids-are-counted-in-memory", kills=4, only=("storage.goes-on-after-kill",)
    )
    assert note.startswith("0 kills, ")
    (found,) = tally.deviations
    assert found.noticed.startswith("the power fails in ")
    assert "a new object got the oid " in found.observed or "another one has" in found.message


@pytest.mark.parametrize("loss", get_args(Loss))
def test_what_is_about_to_be_made_need_not_outlive_a_disk_that_keeps_pages_at_random(
    loss: Loss,
) -> None:
    ids = [id_of(rule) for rule in rules_for(Told(), loss)]
    assert "storage.making-can-be-interrupted" in ids
    assert ("storage.goes-on-after-kill" in ids) == (loss not in ("some", "names"))


def test_work_goes_on_where_a_disk_that_keeps_pages_at_random_has_lost_nothing() -> None:
    one = (Written(bytes(8), {}),)
    ids = [id_of(rule) for rule in rules_for(Told(one), "some")]
    assert ids == ["storage.survives-some-writes", "storage.goes-on-after-kill"]


def test_a_crash_is_rendered_for_whoever_falls_in_it() -> None:
    step = ("crash", "storage.reopens-after-kill", "4")
    assert runner.render(Plan(target="reference-sqlite"), [step])[0] == step[1]


def test_a_server_is_killed_as_its_target_says() -> None:
    killed: list[Path] = []
    places: set[Path] = set()

    def kill(directory: Path) -> None:
        killed.append(directory)
        places.add(lodging.current())

    target = resolve(Plan(target="reference-sqlite"))
    assert target.storage is not None
    served = replace(target, storage=target.storage._replace(crash=kill))
    with lodging.opened() as run:
        tally, note = ran(served, kills=10, only=("storage.survives-kill",))
    assert note == "10 kills, 0 power failures; no power failures: its files are those of a server"
    assert broken(tally) == set()
    assert killed
    assert places, "a place of its own for servers"
    assert run not in places, "others are at work on the servers of the run"
    assert not any(place.exists() for place in places)


@pytest.mark.parametrize("stays", [True, False])
def test_what_is_wrong_with_what_was_left_counts_where_it_is_still_wrong(
    stays: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the kill comes is a matter of moments, and nothing like it may come again."""
    seen: list[Place] = []

    def unreadable(self: Trials, place: Place) -> Examined:
        found = examine(self, place)
        if not found.crash.told.finished or (seen and not stays):
            return found
        seen.append(place)
        return replace(found, crash=found.crash._replace(found=None))

    examine = Trials.examine
    monkeypatch.setattr(Trials, "examine", unreadable)
    tally, _ = ran("reference-sqlite", kills=6, only=("storage.reopens-after-kill",))
    assert broken(tally) == {"storage.reopens-after-kill"}
    assert [found.confirmed for found in tally.deviations] == [stays]


@pytest.mark.parametrize("avoid", [(), ("storage.survives-kill", "storage.pack-survives-kill")])
def test_what_breaks_a_known_clause_is_not_blamed_on_those_behind_it(
    avoid: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction that is lost is not there as a whole either."""

    def without_objects(self: Trials, place: Place) -> Examined:
        seen = examine(self, place)
        if seen.crash.found is None or not seen.crash.told.finished:
            return seen
        found = seen.crash.found._replace(current=dict.fromkeys(seen.crash.found.current))
        return replace(seen, crash=seen.crash._replace(found=found))

    examine = Trials.examine
    monkeypatch.setattr(Trials, "examine", without_objects)
    only = ("storage.survives-kill", "storage.pack-survives-kill", "storage.whole-or-absent")
    tally, _ = ran("reference-sqlite", kills=6, only=only, avoid=avoid)
    assert broken(tally) - {"storage.pack-survives-kill"} == {"storage.survives-kill"} - {*avoid}


def test_nobody_is_taken_to_hang_while_a_server_is_started_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[float] = []
    starting: list[tuple[float, float]] = []

    def kill(_: Path) -> None:
        begun = time.monotonic()
        time.sleep(0.4)
        starting.append((begun, time.monotonic()))

    class Listening(Tally):
        def step(self, step: Step) -> None:
            said.append(time.monotonic())
            super().step(step)

    monkeypatch.setattr(check, "HEARTBEAT", 0.05)
    target = resolve(Plan(target="reference-sqlite"))
    assert target.storage is not None
    served = replace(target, storage=target.storage._replace(crash=kill))
    plan = Plan(target=served.name, seed=1, kills=4, only=("storage.survives-kill",))
    with lodging.opened():
        crashes(Context(plan, served, Listening()))
    assert starting
    for begun, ended in starting:
        assert sum(begun < moment < ended for moment in said) > 2


def test_the_command_says_what_was_done_and_what_holds(
    capsys: pytest.CaptureFixture[str],
) -> None:
    only = ["--only", "storage.survives-kill"]
    assert command.main(["reference-sqlite", "--kills", "3", *only]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("reference-sqlite: 3 kills, 0 power failures, in ")
    assert printed.rstrip().endswith("holds")


def test_the_command_fails_where_something_is_lost(capsys: pytest.CaptureFixture[str]) -> None:
    target = "double:a-commit-is-written-with-the-next-one"
    assert command.main([target, "--kills", "6", "--only", "storage.survives-kill"]) == 1
    assert "storage.survives-kill: expected " in capsys.readouterr().out


def test_the_command_fails_where_it_could_not_kill_as_often(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    record = Trials.record

    def fail_the_second_time(trials: Trials) -> Recorded:
        recorded = record(trials)
        return recorded if trials.seed == SEED else replace(recorded, error="no room")

    monkeypatch.setattr(Trials, "record", fail_the_second_time)
    monkeypatch.setattr(check, "KILLS_FOR_A_STREAM", 2)
    only = ["--only", "storage.survives-kill"]
    assert command.main(["reference-sqlite", "--kills", "4", *only]) == 1
    assert "interrupted failed: no room" in capsys.readouterr().out


def test_the_command_refuses_what_keeps_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["reference-memory"]) == 3
    assert "is not durable" in capsys.readouterr().out


def test_work_that_is_recorded_tells_its_moments_and_its_changes(tmp_path: Path) -> None:
    plan = Plan(target="reference-sqlite")
    waits: list[None] = []
    wait: Callable[[], None] = lambda: waits.append(None)  # noqa: E731  # it is one
    recorded = Trials(plan, resolve(plan), tmp_path, 1, wait).record()
    assert (recorded.reason, recorded.error) == ("", "")
    assert {"finished", "refused", "packed", "undone", "closed"} <= {
        line["event"] for line in recorded.lines
    }
    kinds = {line.get("kind") for line in recorded.lines}
    assert kinds >= {"commit", "undo", "pack", "delete", "restore", "reopen"}
    assert sum(each.kind == "mark" for each in recorded.operations) == len(recorded.lines)
    assert waits
