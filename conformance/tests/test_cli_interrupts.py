"""`zodb-conformance run`: interrupts, and other ways in which a run may end before its time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import fake_command
import pytest
from fake_command import report_of
from fake_spec import CLAUSES
from rich.console import Console
from zodb_conformance.commands import run
from zodb_conformance.plan import Plan
from zodb_conformance.reports.progress import Plain
from zodb_conformance.supervisor import stages
from zodb_conformance.supervisor.nursery import Nursery

FAKE = [sys.executable, fake_command.__file__]


def children_of(parent):
    """The children that a supervisor with this id started and that are still there."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"zodb_conformance.supervisor.child" in words and str(parent).encode() in words:
            found.append(path.parent.name)
    return found


def until(fact, seconds=20):
    end = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_ends_in_a_report_of_what_was_learnt(number, workplace):
    process = subprocess.Popen(
        [*FAKE, "run", "is-slow"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    until(lambda: len(children_of(process.pid)) == 2)
    time.sleep(0.5)
    process.send_signal(number)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "The run was interrupted" in output
    assert children_of(process.pid) == []
    report = report_of()
    assert report["verdict"] == "interrupted"
    assert report["steps"] > 50
    assert report["clauses"]["fake.commit"]["verdict"] == "holds"
    assert Path("conformance-report/report.html").exists()


SLOW_TO_WRITE = """
import sys, time
from pathlib import Path
import fake_command
from zodb_conformance.reports import html

page = html.page

def slow(report):
    Path("writing").touch()
    time.sleep(1)
    return page(report)

html.page = slow
sys.exit(fake_command.main(["run", "is-slow"]))
"""


def started(*arguments):
    """A run in a process group of its own, as a terminal has it."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    until(lambda: len(children_of(process.pid)) == 2)
    return process


def check_interrupted(process):
    output, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert errors == run.PATIENCE.decode()
    assert output.splitlines()[-1].startswith("  again")
    assert report_of()["verdict"] == "interrupted"
    assert Path("conformance-report/report.html").read_text().rstrip().endswith("</html>")
    names = {path.name for path in Path("conformance-report").iterdir()}
    assert names == {"report.json", "report.html", "junit.xml", "badge.json"}
    assert children_of(process.pid) == []


def test_further_interrupts_do_not_harm_the_report_that_is_being_written(workplace):
    process = started("-c", SLOW_TO_WRITE)
    os.killpg(process.pid, signal.SIGINT)
    until(Path("writing").exists)
    for _ in range(3):
        time.sleep(0.1)
        os.killpg(process.pid, signal.SIGINT)
    check_interrupted(process)


@pytest.mark.parametrize("pause", [0.001, 0.01])
def test_interrupts_up_to_the_end_of_the_process_do_not_harm_the_report(pause, workplace):
    process = started(*FAKE[1:], "run", "is-slow")
    while process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(pause)
    check_interrupted(process)


def test_an_interrupt_while_another_one_is_handled_leaves_the_flag_alone(capfd):
    class Flag:
        times = 0

        def set(self):
            self.times += 1
            signal.raise_signal(signal.SIGINT)

    flag = Flag()
    before = signal.getsignal(signal.SIGINT)
    try:
        with run.ending_with(flag):
            signal.raise_signal(signal.SIGINT)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, before if number == signal.SIGINT else signal.SIG_DFL)
    assert flag.times == 1
    assert capfd.readouterr().err == run.PATIENCE.decode()


def test_an_interrupt_before_anything_is_learnt_is_one_line(command, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "plan_of", interrupted)
    assert command("run", "good") == (130, "", "zodb-conformance: interrupted.\n")


def test_an_interrupt_keeps_deviations_that_were_found(workplace, tmp_path):
    process = subprocess.Popen(
        [*FAKE, "run", "loops"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    # It hangs within moments, after a second that is found out, and then shrinking takes long.
    time.sleep(6.0)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 130
    report = report_of()
    assert [told["clause"] for told in report["deviations"]] == ["fake.commit"]
    assert report["clauses"]["fake.commit"]["verdict"] == "deviates"


def test_an_error_of_the_supervisor_itself_ends_the_children_at_once(workplace):
    class Broken(Plain):
        def show(self, stage, status):
            if stage == "checks":
                raise OSError("the terminal is gone")

    nursery = Nursery(Plan("is-slow"), tuple(CLAUSES), "fake_runner")
    shown = Broken(Console())
    begun = time.monotonic()
    with pytest.raises(OSError, match="the terminal is gone"):
        run.supervise(nursery, stages.empty(nursery.plan), (), (), shown)
    assert time.monotonic() - begun < 5
    assert children_of(os.getpid()) == []


def test_an_interrupt_as_a_run_ends_does_not_wait_for_itself(workplace):
    class Flag(threading.Event):
        def set(self):
            # As where a signal comes in while its lock is held.
            raise AssertionError("the flag of a run that is over was set")

    nursery = Nursery(Plan("good"), tuple(CLAUSES), "fake_runner", stop=Flag())
    run.supervise(nursery, stages.empty(nursery.plan), (), (), Plain(Console()))


def test_children_do_not_outlive_a_supervisor_that_is_killed(workplace, tmp_path, monkeypatch):
    # Who is killed like this leaves its temporary files behind.
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    process = subprocess.Popen([*FAKE, "run", "is-slow"], stdout=subprocess.DEVNULL)
    until(lambda: len(children_of(process.pid)) == 2)
    process.kill()
    process.wait()
    until(lambda: children_of(process.pid) == [])


def test_a_run_that_is_put_to_sleep_does_not_take_that_for_a_hang(workplace):
    process = subprocess.Popen([*FAKE, "run", "is-slow"], stdout=subprocess.DEVNULL)
    until(lambda: len(children_of(process.pid)) == 2)
    # The children stand still first and longest, as on a machine that is put to sleep.
    children = [int(pid) for pid in children_of(process.pid)]
    for pid in [*children, process.pid]:
        time.sleep(0.1)
        os.kill(pid, signal.SIGSTOP)
    time.sleep(1.5)
    for pid in [process.pid, *children]:
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    assert report_of()["deviations"] == []
