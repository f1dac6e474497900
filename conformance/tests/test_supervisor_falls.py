"""Targets that hang, crash or end the process: the run goes on, and tells what happened."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import fake_runner
import pytest
from fake_runner import SLOW, SLOW_AFTER_A_HANG, SLOW_OR_HANGS
from fake_spec import CLAUSES
from zodb_conformance.plan import Plan
from zodb_conformance.supervisor import stages
from zodb_conformance.supervisor.confirming import confirm
from zodb_conformance.supervisor.evidence import NOTHING_HAPPENED, program_of_fall
from zodb_conformance.supervisor.falls import shortened
from zodb_conformance.supervisor.lanes import Fall, Learnt, fall_of
from zodb_conformance.supervisor.nursery import Nursery
from zodb_conformance.supervisor.process import Ended, Limits, throw_away_flood
from zodb_conformance.supervisor.stages import new_candidates

HANG = 0.7
"""Seconds after which a fake target is taken to hang; what it does otherwise takes microseconds."""

COMMIT = ("commit",)

HANGS = {"loops", "deadlocks", "sleeps-in-c", "matches-forever"}

SAYS = {
    "segfaults": "signal 11 (SIGSEGV)",
    "exits": "status 0",
    "is-killed": "signal 9 (SIGKILL), as the system does when memory runs out",
    "calls-sys-exit": "status 7",
    "is-interrupted": "signal 2 (SIGINT), as Python does on a KeyboardInterrupt",
    **dict.fromkeys(HANGS, "did not return within 0.7 s"),
}


@pytest.fixture
def found(workplace):
    """Runs the fake target of that name, and gives the findings."""
    return run


def run(target, **options):
    plan = Plan(target=target, **options)
    nursery = Nursery(plan, tuple(CLAUSES), "fake_runner", Limits(start=20, hang=HANG))
    findings = stages.empty(plan)
    stages.run(nursery, findings)
    return findings


@pytest.fixture(scope="module")
def fallen(tmp_path_factory):
    """Like `found`, for targets that fall: each is run once for all tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTHONUNBUFFERED", raising=False)
        patch.setenv(
            "PYTHONPATH",
            os.pathsep.join(
                [str(Path(fake_runner.__file__).parent), os.environ.get("PYTHONPATH", "")]
            ),
        )
        patch.chdir(tmp_path_factory.mktemp("work"))
        yield functools.cache(run)


@pytest.mark.parametrize("target", fake_runner.FALLS)
def test_a_fall_is_a_deviation_with_the_shortest_script_that_shows_it(target, fallen):
    findings = fallen(target)
    [finding] = findings.findings
    deviation = finding.deviation
    assert deviation.kind == ("hang" if target in HANGS else "crash")
    assert deviation.clause == "fake.commit"
    assert SAYS[target] in deviation.observed
    assert sorted(deviation.script) == [("commit",), ("set", "a", "one"), ("set", "b", "two")]
    assert deviation.script[-1] == ("commit",)
    assert (finding.reproduced, finding.shown) == (True, True)


@pytest.mark.parametrize("target", fake_runner.FALLS)
def test_after_a_fall_the_other_checks_are_done(target, fallen):
    findings = fallen(target)
    assert set(findings.learnt.notes) == set(findings.checks)
    assert findings.learnt.notes["walk"] == ""
    assert findings.learnt.counts["fake.example"] == 1
    assert findings.learnt.counts["fake.get"] > 20
    assert not findings.unusable


@pytest.mark.parametrize("target", sorted(HANGS))
def test_a_hang_is_told_with_the_place_where_it_hangs(target, fallen):
    [finding] = fallen(target).findings
    assert "in perform" in finding.output
    assert 'File "<string>"' in finding.output


@pytest.mark.parametrize("target", ["segfaults", "loops"])
def test_the_plain_script_of_a_fall_shows_it_to_plain_python(target, fallen, tmp_path):
    [finding] = fallen(target).findings
    script = tmp_path / "witness.py"
    script.write_text(finding.deviation.witness)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert done.returncode == (1 if target in HANGS else -11)
    assert NOTHING_HAPPENED not in done.stdout
    assert ("Timeout" if target in HANGS else "Segmentation fault") in done.stderr


@pytest.mark.parametrize(
    ("target", "error"), [("calls-sys-exit", "SystemExit: 7"), ("is-interrupted", "KeyboardInter")]
)
def test_an_error_that_ends_a_process_is_told_with_its_traceback(target, error, fallen):
    [finding] = fallen(target).findings
    assert "Traceback" in finding.output
    assert error in finding.output


def test_the_last_words_of_a_target_are_kept(fallen):
    [finding] = fallen("exits").findings
    assert finding.output == "last words\n"


def test_the_step_that_hangs_is_told_also_where_the_question_wakes_it_up(workplace):
    # A sleep in C ends when a signal comes in, and the signal is how the stacks are asked for.
    script = (("set", "a", "one"), ("set", "b", "two"), ("commit",), ("get", "a"))
    nursery = Nursery(Plan("sleeps-in-c"), tuple(CLAUSES), "fake_runner", Limits(20, HANG))
    ended = nursery.replay(script)
    assert ended.kind == "hang"
    assert ended.glance.script == script[:3]


def test_a_fall_has_a_clause_also_where_the_run_is_interrupted_right_after_it(workplace):
    nursery = Nursery(Plan("segfaults"), tuple(CLAUSES), "fake_runner", Limits(20, HANG))
    ended = nursery.replay((("set", "a", "one"), ("set", "b", "two"), COMMIT))
    nursery.stop.set()
    assert fall_of(nursery, ended).clause == "fake.commit"


def test_servers_that_the_target_started_are_gone_with_it(found, tmp_path):
    assert found("starts-a-server").findings == []
    end = time.monotonic() + 5
    while servers := running(str(tmp_path)):
        assert time.monotonic() < end, servers
        time.sleep(0.05)


def running(word):
    """The command lines of the processes that have a word in theirs."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found.append(path.read_bytes().decode(errors="replace"))
    return [each for each in found if word in each]


def test_a_child_that_dies_leaves_no_core_file(found):
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    try:
        assert found("good").target.packages["core"] == "0"
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))


def test_what_a_target_prints_without_end_does_not_fill_the_disk(tmp_path, monkeypatch):
    monkeypatch.setattr("zodb_conformance.supervisor.process.OUTPUT_MOST", 100)
    output = tmp_path / "output"
    with output.open("ab", buffering=0) as file:
        file.write(b"x" * 100)
        throw_away_flood(output)
        assert output.stat().st_size == 100
        file.write(b"x")
        throw_away_flood(output)
        assert output.stat().st_size == 0
        file.write(b"more")
    assert output.read_bytes() == b"more"


def test_what_a_target_prints_after_a_flood_is_kept(workplace, monkeypatch):
    monkeypatch.setattr("zodb_conformance.supervisor.process.OUTPUT_MOST", 1 << 19)
    nursery = Nursery(Plan("floods"), tuple(CLAUSES), "fake_runner", Limits(20, 5))
    assert nursery.run("smoke").output == "last words\n"


def test_the_prologue_of_a_plain_script_stands_where_python_wants_it():
    program = (
        '"""Text.\n\nMore.\n"""\n\nfrom __future__ import annotations\n\nimport os\n\nos.abort()\n'
    )
    made = program_of_fall(program, "crash", 1)
    compile(made, "witness.py", "exec")
    assert made.index("__future__") < made.index("faulthandler.enable()") < made.index("os.abort")
    assert program_of_fall("", "crash", 1) == ""


def test_a_fall_in_an_example_is_told_of_its_clause(found):
    findings = found("example-segfaults")
    [finding] = findings.findings
    assert (finding.deviation.clause, finding.deviation.kind) == ("fake.example", "crash")
    assert (finding.deviation.noticed, finding.deviation.noticed_at) == ("fake.example", 1)
    assert finding.reproduced
    assert findings.learnt.notes["examples"] == ""


def test_threads_that_the_target_leaves_behind_are_no_fall(found, monkeypatch):
    monkeypatch.setattr("zodb_conformance.supervisor.process.FAREWELL", 0.3)
    findings = found("stays")
    assert findings.findings == []
    assert findings.learnt.counts["fake.get"] > 20


def test_what_the_target_prints_stays_off_the_terminal(found, capfd):
    found("prints")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("cannot-connect", "Connection refused. Is the server that it needs running?"),
        ("is-none", "returned None; it must return the storage."),
        (
            "dies-at-birth",
            "killed the process: signal 11 (SIGSEGV), while the smoke test opened it",
        ),
        (
            "hangs-at-birth",
            "0.7 s, while the smoke test opened it, in fake_runner.py, line ",
        ),
    ],
)
def test_a_target_that_fails_before_anything_was_checked_is_unusable(target, sentence, found):
    findings = found(target)
    assert sentence in findings.unusable
    assert findings.findings == []


def test_a_fall_in_the_smoke_test_is_told_as_any_other(found):
    findings = found("dies-in-smoke")
    assert "in step 1 of the smoke test (commit)" in findings.unusable
    [finding] = findings.findings
    deviation = finding.deviation
    assert (deviation.clause, deviation.kind, deviation.check) == ("fake.commit", "crash", "smoke")
    assert deviation.script == (("commit",),)
    assert (finding.reproduced, finding.shown) == (True, True)


def test_an_error_of_the_suite_is_not_blamed_on_the_target(found):
    findings = found("breaks-the-suite")
    assert "a defect of the suite" in findings.learnt.broken[0]
    assert findings.findings == []
    assert findings.learnt.notes["examples"] == ""
    assert any("the suite itself failed" in note for note in findings.learnt.notes.values())


def test_a_runner_that_can_not_be_imported_is_an_error_of_the_suite(workplace):
    plan = Plan(target="good")
    findings = stages.empty(plan)
    stages.run(Nursery(plan, tuple(CLAUSES), "no_such_runner", Limits(20, 1)), findings)
    assert "no_such_runner" in findings.unusable


def test_a_failure_that_does_not_show_again_is_flaky(found):
    findings = found("is-flaky")
    [finding] = findings.findings
    assert finding.flaky
    assert finding.shown is None


@pytest.mark.parametrize("target", ["full-in-the-walk", "full-when-replayed"])
def test_what_was_found_is_told_where_the_target_becomes_unusable(target, found):
    findings = found(target)
    assert findings.unusable == f"{target}: the disk is full"
    [finding] = findings.findings
    assert finding.deviation.clause == "fake.get"
    assert not finding.flaky


@pytest.fixture
def hasty(monkeypatch):
    """After its first hang, a target is waited for less long than a slow step takes."""
    monkeypatch.setattr("zodb_conformance.supervisor.nursery.SHORTEST_HANG", SLOW / 3)
    monkeypatch.setitem(globals(), "HANG", SLOW * 4 / 3)


def test_what_is_only_slow_after_a_hang_is_not_told_and_not_called_right(found, hasty):
    findings = found(SLOW_AFTER_A_HANG)
    assert [each.deviation.clause for each in findings.findings] == ["fake.commit"]
    assert findings.findings[0].reproduced
    assert findings.slow == {
        "fake.get": "the target did not return within 0.3 s once, after a hang elsewhere, and was "
        "kept away from it; tried again, it returned"
    }


def test_a_hang_is_shown_again_where_it_was_shortened_to_what_is_only_slow(workplace, hasty):
    plan = Plan(SLOW_OR_HANGS)
    nursery = Nursery(plan, tuple(CLAUSES), "fake_runner", Limits(start=20, hang=HANG))
    script = (("set", "a", "one"), ("set", "b", "two"), ("set", "c", "one"), COMMIT)
    fall = Fall("hang", "hung", "fake.commit", "walk", script, whole=True, output="")
    [candidate] = new_candidates(nursery, Learnt(falls=[fall]), None)
    assert candidate.deviation.script == (*script[:2], COMMIT)
    findings = stages.empty(plan)
    confirm(nursery, findings, [candidate])
    [finding] = findings.findings
    assert finding.deviation.script == script
    assert (finding.reproduced, finding.shown) == (True, True)


def test_an_ordinary_deviation_is_reported_once_with_all_checks_that_found_it(found):
    [finding] = found("reads-wrong").findings
    assert finding.deviation.clause == "fake.get"
    assert finding.deviation.check not in finding.also
    assert finding.also
    assert (finding.reproduced, finding.shown) == (True, True)


def test_the_same_seed_gives_the_same_findings(found):
    def learnt(seed):
        findings = found("reads-wrong", seed=seed)
        told = [finding.deviation.to_json() for finding in findings.findings]
        return json.dumps([told, dict(findings.learnt.counts), findings.learnt.steps])

    assert learnt(3) == learnt(3)
    assert learnt(3) != learnt(4)


def test_a_lane_gives_up_where_every_child_falls(found, monkeypatch):
    monkeypatch.setattr("zodb_conformance.supervisor.lanes.MOST_FALLS", 1)
    findings = found("segfaults")
    assert "took down 1 processes before" in findings.learnt.notes["walk"]
    assert len(findings.findings) == 1


def test_a_fall_is_not_shortened_on_a_target_that_can_not_be_opened_any_more():
    class Gone(Nursery):
        tries = 0

        def replay(self, *_, **__):
            self.tries += 1
            return Ended("unusable")

    nursery = Gone(Plan(), ())
    script = tuple(("set", "a", str(number)) for number in range(20))
    fall = Fall("crash", "died", "fake.set", "walk", script, whole=True, output="")
    assert shortened(nursery, fall) == fall
    assert nursery.tries == 1
