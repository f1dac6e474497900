"""``zodb-conformance run``: the whole job, from the arguments to the report."""

from __future__ import annotations

import argparse
import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from threading import Event as Flag
from types import FrameType
from typing import Any

from rich.console import Console
from zodb_spec.clause import Clause
from zodb_spec.editions import EDITIONS

from zodb_conformance import invocation, witnesses
from zodb_conformance import known as known_file
from zodb_conformance.commands.options import (
    add_level,
    add_target,
    check_level,
    check_target,
    kills,
    matching,
    seconds,
    seed,
)
from zodb_conformance.known import Known
from zodb_conformance.plan import PROFILES, SEED, SMOKE, Plan
from zodb_conformance.reports import building, folder, github, terminal
from zodb_conformance.reports.model import Report
from zodb_conformance.reports.progress import Progress, progress
from zodb_conformance.servers import lodging
from zodb_conformance.suite import Suite
from zodb_conformance.supervisor import stages
from zodb_conformance.supervisor.findings import Findings
from zodb_conformance.supervisor.nursery import Nursery
from zodb_conformance.supervisor.process import workplace
from zodb_conformance.witnesses import Witness

PATIENCE = b"zodb-conformance: the run is ending already, and writes down what was learnt.\n"
"""What is said to who interrupts a second time."""

STANDARD_ERROR = 2

LOOK = 0.1
"""Seconds between two looks at how far the run is."""


def add_to(commands: Any) -> None:
    """Add the subcommand to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "run",
        help="check a target against the specification",
        description="Checks a target against the specification and writes a report.",
    )
    parser.set_defaults(act=run)
    add_target(parser)
    add_level(parser)
    parser.add_argument(
        "--edition",
        choices=[edition.value for edition in EDITIONS],
        default="current",
        help="which state of the rules; by default today's",
    )
    parser.add_argument(
        "--profile",
        choices=list(PROFILES),
        default="quick",
        help="how much work: "
        + ", ".join(f"{name} searches for {entry.budget:g} s" for name, entry in PROFILES.items())
        + "; by default quick",
    )
    parser.add_argument(
        "--budget",
        type=seconds,
        metavar="TIME",
        help="how long to search, such as 60s or 10m; by default as the profile says",
    )
    parser.add_argument(
        "--seed",
        type=seed,
        default=SEED,
        metavar="N",
        help=f"fixes the scripts; `random` takes a new one and prints it; by default {SEED}",
    )
    parser.add_argument(
        "--kills",
        type=kills,
        metavar="N",
        help="how many processes to kill at work, where the storage has to survive that; by "
        "default as the profile says: "
        + ", ".join(f"{name} {entry.kills}" for name, entry in PROFILES.items()),
    )
    parser.add_argument(
        "--strict", action="store_true", help="fail also where a SHOULD clause is broken"
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="GLOB",
        help="only clauses whose id matches, such as 'isolation.*'; can be given several times",
    )
    parser.add_argument(
        "--known",
        type=Path,
        metavar="FILE",
        help="a file of known deviations, which do not fail the run (see `init`)",
    )
    parser.add_argument(
        "--report",
        type=Path,
        default=Path("conformance-report"),
        metavar="DIR",
        help="the folder for the report; by default conformance-report",
    )


def run(options: argparse.Namespace, suite: Suite) -> int:
    """Do a run and give its exit status."""
    clauses = suite.clauses()
    plan = plan_of(options, suite, clauses)
    known = known_file.load(options.known, clauses) if options.known else ()
    folder.prepare(options.report)
    memories = [
        memory
        for memory in witnesses.remembered(options.report / "witnesses", plan)
        # The smoke test is always done, and what it finds always told.
        if memory.deviation.check == SMOKE
        or selected(memory.deviation.clause, options.only, clauses)
    ]
    nursery = Nursery(plan, tuple(clauses), suite.runner, suite.limits)
    findings = stages.empty(plan)
    console = Console(highlight=False)
    storage = [clause.id for clause in clauses.values() if clause.binds == "storage"]
    with ending_with(nursery.stop):
        with lodging.opened(workplace()), progress(console) as shown:
            supervise(
                nursery,
                findings,
                known,
                memories,
                shown,
                storage,
                asked=lambda: building.asked(clauses.values(), findings),
            )
        relied_on = {entry.path.resolve() for entry in known}
        going = [path for path in findings.replayed if path.resolve() not in relied_on]
        report = building.build(
            findings,
            clauses,
            strict=options.strict,
            folder=options.report,
            command=command_of(options.words, plan),
            taken=folder.taken(options.report, going),
        )
        try:
            folder.write(report, going)
        finally:  # what was found is told, whatever becomes of the files
            tell(report, console)
    return report.status


def plan_of(options: argparse.Namespace, suite: Suite, clauses: Mapping[str, Clause]) -> Plan:
    """The plan that the arguments come to.

    Raises UsageError where they make no sense.
    """
    check_target(options, suite)
    check_level(options)
    for pattern in options.only:
        matching(pattern, clauses)
    return Plan(
        target=options.target,
        zconfig=options.zconfig,
        uri=options.uri,
        database=options.database,
        second=options.with_second_target,
        level=options.level,
        edition=options.edition,
        profile=options.profile,
        budget=options.budget,
        seed=options.seed,
        kills=options.kills,
        only=tuple(options.only),
    )


def selected(id: str, patterns: Sequence[str], clauses: Mapping[str, Clause]) -> bool:
    """Whether a clause is among those that the run is about."""
    if not patterns:
        return True
    return any(id == clause.id for pattern in patterns for clause in matching(pattern, clauses))


def command_of(words: Sequence[str], plan: Plan) -> str:
    """The command line that does the run again: what the person wrote, with the seed that was
    used.
    """
    given = [word for word in words if word == "--seed" or word.startswith("--seed=")]
    if given and "random" not in words and "--seed=random" not in words:
        return invocation.command(*words)
    kept = list(words)
    if "--seed" in kept:
        place = kept.index("--seed")
        del kept[place : place + 2]
    kept = [word for word in kept if not word.startswith("--seed=")]
    return invocation.command(*kept, "--seed", str(plan.seed))


def supervise(
    nursery: Nursery,
    findings: Findings,
    known: Sequence[Known],
    memories: Sequence[Witness],
    shown: Progress,
    storage: Sequence[str] = (),
    *,
    asked: Callable[[], frozenset[str] | None] = lambda: None,
) -> None:
    """Do the stages in a thread of their own, and show meanwhile how far they are.

    asked  gives the clauses that may come to be compared, as far as that is known
    """
    announced: list[str] = []
    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(
            stages.run, nursery, findings, known, memories, announced.append, storage=storage
        )
        try:
            looked = 0
            while not wait([work], LOOK).done:
                if announced[looked:]:
                    nursery.asked = asked()
                for stage in announced[looked:] or announced[-1:]:
                    shown.show(stage, nursery.status())
                looked = len(announced)
        finally:
            # However this block ends, no child outlives it.  Where the work is done there is none;
            # an interrupt while the flag is being set here would wait for its lock forever.
            if not work.done():
                nursery.stop.set()
        work.result()


@contextmanager
def ending_with(stop: Flag) -> Iterator[None]:
    """Have Ctrl-C, and the signals that mean the same, set the flag.

    Another one is answered with a line, and changes nothing: it takes moments until all children
    are gone and what was learnt is written down.
    """
    heard = 0

    def end(_number: int, _frame: FrameType | None) -> None:
        nonlocal heard
        heard += 1
        if heard == 1:
            # Only once: the next signal may come in while the flag's lock is held.
            stop.set()
        elif heard == 2:
            # Not by `print`: the signal may come in while something is being printed.
            os.write(STANDARD_ERROR, PATIENCE)

    before = {
        number: signal.signal(number, end)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            # What was interrupted ends from here on: nothing has to be interrupted any more.
            signal.signal(number, signal.SIG_IGN if heard else handler)


def tell(report: Report, console: Console) -> None:
    """Say on the terminal, and to GitHub where it listens, what came of it."""
    terminal.summary(report, console)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        for line in github.annotation_lines(report):
            console.out(line, highlight=False)
        if path := os.environ.get("GITHUB_STEP_SUMMARY"):
            with Path(path).open("a", encoding="utf-8") as page:
                page.write(github.job_summary(report))
