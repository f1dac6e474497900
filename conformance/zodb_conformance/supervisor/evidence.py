"""Nothing is reported that was not seen twice: scripts are replayed, and plain scripts are run by
plain Python.  What repeats the error of another may be told when that one has shown twice.
"""

from __future__ import annotations

import ast
import importlib.machinery
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from threading import Event as Flag
from typing import NamedTuple

from zodb_conformance import invocation
from zodb_conformance.errors import TargetUnusable
from zodb_conformance.plan import Plan
from zodb_conformance.results import Deviation
from zodb_conformance.servers import lodging
from zodb_conformance.showing import without_addresses
from zodb_conformance.stacks import PROGRAM
from zodb_conformance.supervisor.nursery import Nursery
from zodb_conformance.supervisor.process import TICK, Ended, kill_group, tail, workplace

TRIES = 3
"""How often a failure is tried before it is called flaky."""

NOTHING_HAPPENED = "Every step returned: nothing is wrong here."
"""What a plain script of a fall prints where it gets to its end."""

PROLOGUES = {
    "crash": "faulthandler.enable()  # says where, when the last step kills the process",
    "hang": "# The last step does not return: say where it is, and end with status 1.\n"
    "faulthandler.dump_traceback_later({seconds:g}, exit=True)",
}
"""What a plain script of a fall begins with."""


@dataclass(frozen=True)
class Again:
    """What came of doing a recorded failure again.

    deviation  what was found; None where nothing was, or where the target took the process down in
               another way than before
    ended      how the child ended
    """

    deviation: Deviation | None
    ended: Ended

    @property
    def fails(self) -> bool | None:
        """Whether something is still wrong; None where that could not be found out."""
        if self.deviation is not None or self.ended.fell:
            return True
        return False if self.ended.kind == "finished" else None


def again(nursery: Nursery, recorded: Deviation) -> Again:
    """Do a recorded failure again, in a child.

    A script may show another clause by now: whatever it finds counts.

    Raises TargetUnusable where no database could be opened: that says nothing about the failure.
    """
    ended = nursery.replay(recorded.script, check=recorded.check, clause=recorded.clause)
    if ended.kind == "unusable":
        raise TargetUnusable(ended.all("unusable")[0]["message"])
    if ended.kind == recorded.kind:
        return Again(recorded, ended)
    found = [Deviation.from_json(event["deviation"]) for event in ended.all("deviation")]
    if not recorded.script:
        found = [deviation for deviation in found if deviation.clause == recorded.clause]
    return Again(found[0] if found else None, ended)


def reproduces(nursery: Nursery, recorded: Deviation) -> bool | None:
    """Whether a failure shows again, in one of a few tries; None where the run is stopped, or where
    none of them could be made because the suite itself failed.
    """
    result = None
    for _ in range(TRIES):
        fails = again(nursery, recorded).fails
        if fails:
            return True
        if nursery.stop.is_set():
            return None
        if fails is False:
            result = False
    return result


def program_of_fall(program: str, kind: str, seconds: float) -> str:
    """A plain script that performs the steps, made into one that also tells how it ends.

    seconds  after how long a step is taken to hang
    """
    if not program:
        return ""
    lines = program.rstrip().splitlines()
    place = _end_of_heading(program)
    prologue = PROLOGUES[kind].format(seconds=seconds)
    beginning = ["import faulthandler", "", prologue, ""]
    ending = ["", f"print({NOTHING_HAPPENED!r})", ""]
    return "\n".join([*lines[:place], *beginning, *lines[place:], *ending])


def _end_of_heading(program: str) -> int:
    """How many lines of a program its docstring and its imports from the future take."""
    end = 0
    for statement in ast.parse(program).body:
        text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        future = isinstance(statement, ast.ImportFrom) and statement.module == "__future__"
        if not text and not future:
            break
        end = statement.end_lineno or end
    return end


class Shown(NamedTuple):
    """What came of running a plain script.

    shows   whether it showed by itself what was recorded; None where the run was stopped before
    output  the end of what it printed
    """

    shows: bool | None
    output: str


def shown(nursery: Nursery, recorded: Deviation) -> Shown:
    """Run the plain script of a deviation.

    To show it, it has to end with status 1 and its own sentence (an assertion, or a line that
    begins with the clause), die where a crash was recorded, or be ended by its own timer where a
    hang was.  Any other error says something about the script only.
    """
    seconds = 2 * nursery.patience.hang + nursery.patience.start
    status, output = run_plain(recorded.witness, nursery.plan, seconds, nursery.stop)
    if nursery.stop.is_set():
        return Shown(None, "")
    return Shown(_shows(recorded, status, output), output)


def _shows(recorded: Deviation, status: int | None, output: str) -> bool:
    lines = output.rstrip().splitlines() or [""]
    by_an_error = any(line.startswith("Traceback (most recent call last)") for line in lines)
    if recorded.kind == "crash":
        by_an_error &= status != -signal.SIGINT  # of a KeyboardInterrupt Python prints a traceback
        return status is not None and not by_an_error and NOTHING_HAPPENED not in lines
    if recorded.kind == "hang":
        return status == 1 and any(line.startswith("Timeout (") for line in lines)
    by_its_sentence = any(line.startswith(f"{recorded.clause}: ") for line in lines)
    by_an_assertion = by_an_error and lines[-1].startswith("AssertionError")
    return status == 1 and (by_its_sentence or by_an_assertion)


def run_plain(program: str, plan: Plan, seconds: float, stop: Flag) -> tuple[int | None, str]:
    """Run a plain script as its reader will, and give its status (None where it had to be killed)
    and its output, without what differs from one time to the next.
    """
    with tempfile.TemporaryDirectory(prefix="zodb-conformance-", dir=workplace()) as temporary:
        # A server that it starts may have to run as somebody else, who has to get through.
        Path(temporary).chmod(0o711)
        path, output = Path(temporary, PROGRAM), Path(temporary, "output")
        path.write_text(program, encoding="utf-8")
        environment = {**os.environ, "TMPDIR": temporary, "PATH": lodging.search_path()}
        if needs_this_folder(plan):
            paths = filter(None, [str(Path.cwd()), os.environ.get("PYTHONPATH")])
            environment["PYTHONPATH"] = os.pathsep.join(paths)
        with output.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, str(path)],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env=environment,
                start_new_session=True,
            )
        end = time.monotonic() + seconds
        while process.poll() is None and time.monotonic() < end and not stop.wait(TICK):
            pass
        status = process.poll()
        kill_group(process)
        said = without_addresses(tail(output.read_bytes())).replace(f"{temporary}/", "")
        return status, said


def needs_this_folder(plan: Plan) -> bool:
    """Whether a factory of the target is a module of the folder where the suite was started, and
    not installed.
    """
    here = str(Path.cwd())
    elsewhere = [entry for entry in sys.path if entry not in ("", ".", here)]
    for name in (plan.database or plan.target, plan.second):
        module, colon, _ = name.partition(":")
        top = module.partition(".")[0]
        if colon and importlib.machinery.PathFinder.find_spec(top, elsewhere) is None:
            return True
    return False


def command(path: Path, plan: Plan) -> str:
    """The command line that runs a plain script, as it was run here."""
    return f"{'PYTHONPATH=. ' if needs_this_folder(plan) else ''}{invocation.script(path)}"
