"""The process that does the work: ``python -m zodb_conformance.supervisor.child FOLDER PARENT``.

It is asked by a file, notes on its board what it is doing, and writes to its journal what it
learnt.  Nothing here tries to survive the target; that is what the supervisor is for.
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import faulthandler
import gc
import glob
import importlib
import os
import resource
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

from zodb_conformance.errors import TargetUnusable
from zodb_conformance.plan import SMOKE, Plan
from zodb_conformance.supervisor.board import Board
from zodb_conformance.supervisor.journal import Journal
from zodb_conformance.supervisor.request import Meeting, Request

STACKS = signal.SIGUSR1
"""The signal on which a child prints where all its threads are, whatever they are busy with."""

PARENT_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of Linux."""


def main(folder: str, parent: str) -> None:
    """Do what the request in `folder` asks for, as a child of the process with the id `parent`."""
    die_with(int(parent))
    faulthandler.enable(all_threads=True)
    faulthandler.register(STACKS, all_threads=True)
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    meeting = Meeting(Path(folder))
    request = meeting.asked()
    journal = Journal(meeting.journal)
    board = Board(meeting.board, request.clauses, journal)
    try:
        perform(request, board, journal)
    except TargetUnusable as error:
        journal.write("unusable", message=str(error))
    except Exception as error:  # noqa: BLE001 - whatever it is, the supervisor has to hear of it
        journal.write("broke", error=describe(error), traceback=traceback.format_exc())
    except SystemExit:
        traceback.print_exc()  # Python would end without a word on where it came from
        raise
    board.over()


def die_with(parent: int) -> None:
    """Have the system kill this process when its parent is gone, where the system can."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)


def describe(error: BaseException) -> str:
    """The error as Python prints it, in one line."""
    return " ".join("".join(traceback.format_exception_only(error)).split())


def perform(request: Request, board: Board, journal: Journal) -> None:
    """Do what is asked for, with the runner that the request names."""
    runner: Any = importlib.import_module(request.runner)
    # Targets collect garbage, some at every turn; what is imported now is none, and most there is.
    gc.freeze()
    plan = request.plan
    match request.mode:
        case "smoke":
            introduce(runner, plan, journal)
            runner.run_checks(dataclasses.replace(plan, checks=(SMOKE,)), board)
        case "try":
            board.check("try")
            introduce(runner, try_out(runner, plan, journal), journal)
        case "checks":
            runner.run_checks(plan, board)
        case "replay" if request.script:
            board.check(request.check)
            found = runner.replay(plan, request.script, board)
            if found is not None:
                board.deviation(found)
        case "replay":
            one = plan.just(only=(request.clause,), checks=(glob.escape(request.check),))
            runner.run_checks(one, board)
        case "judge":
            for script in request.scripts:
                board.check("judge")
                found = runner.replay(plan, script, board)
                journal.write("judged", clause="" if found is None else found.clause)
        case "render":
            clause, trace, place, witness = runner.render(plan, request.script)
            told = {"clause": clause, "trace": list(trace), "place": place, "witness": witness}
            journal.write("rendered", **told)


def try_out(runner: Any, plan: Plan, journal: Journal) -> Plan:
    """Find out what the target of a plan has no way to say; the plan with what was found."""
    for name in runner.tried(plan):
        journal.write("found", name=name)
        plan = dataclasses.replace(plan, found=(*plan.found, name))
    return plan


def introduce(runner: Any, plan: Plan, journal: Journal) -> None:
    """Say what the target of a plan is, and which checks there are."""
    journal.write("target", **runner.describe(plan))
    journal.write("checks", names=list(runner.check_names(plan)))


if __name__ == "__main__":
    main(*sys.argv[1:])
