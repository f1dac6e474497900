"""``zodb-conformance replay``: one recorded failure, again."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from zodb_conformance import witnesses
from zodb_conformance.commands.options import check_name, check_place
from zodb_conformance.commands.run import ending_with
from zodb_conformance.errors import TargetUnusable
from zodb_conformance.reports import building, terminal
from zodb_conformance.reports.words import plain
from zodb_conformance.servers import lodging
from zodb_conformance.suite import Suite
from zodb_conformance.supervisor import stages
from zodb_conformance.supervisor.evidence import again
from zodb_conformance.supervisor.falls import deviation_of
from zodb_conformance.supervisor.findings import Finding
from zodb_conformance.supervisor.lanes import fall_of
from zodb_conformance.supervisor.nursery import Nursery
from zodb_conformance.supervisor.process import workplace

HOLDS, FAILS, UNUSABLE, INTERRUPTED = 0, 1, 3, 130


def add_to(commands: Any) -> None:
    """Add the subcommand to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "replay",
        help="run one recorded failure again",
        description="Runs one recorded failure again. The exit status is 1 where it still fails, "
        "and 0 where it does not.",
    )
    parser.set_defaults(act=replay)
    parser.add_argument(
        "witness", type=Path, metavar="WITNESS", help="a file of the folder witnesses of a report"
    )
    parser.add_argument(
        "target",
        nargs="?",
        default="",
        metavar="TARGET",
        help="run it on another target than the one it was recorded with",
    )


def replay(options: argparse.Namespace, suite: Suite) -> int:
    """Run the failure again, say what came of it, and give the exit status."""
    witness = witnesses.read(options.witness)
    plan = witness.plan
    if options.target:
        check_name(options.target, suite)
        plan = replace(plan, target=options.target, zconfig="", uri="", database="", second="")
    check_place(plan)
    clauses = suite.clauses()
    nursery = Nursery(plan, tuple(clauses), suite.runner, suite.limits)
    console = Console(highlight=False)
    name = stages.empty(plan).target.name
    with ending_with(nursery.stop), lodging.opened(workplace()):
        try:
            found = again(nursery, witness.deviation)
        except TargetUnusable as error:
            console.print(Text(plain(str(error))))
            return UNUSABLE
        deviation = found.deviation
        if deviation is None and found.ended.fell:
            deviation = deviation_of(nursery, fall_of(nursery, found.ended))
    if deviation is not None:
        # The witness that was replayed is its own record: no command is told that leads back here.
        finding = Finding(deviation, reproduced=True, output=found.ended.output)
        terminal.finding(building.told_alone(finding, clauses), console)
        console.print(Text.assemble(("✗ ", "bold red"), f"{name} still fails."))
        return FAILS
    if found.fails is False:
        console.print(Text.assemble(("✓ ", "bold green"), f"{name} does not fail any more."))
        return HOLDS
    if found.ended.kind == "stopped":
        console.print("The replay was interrupted.")
        return INTERRUPTED
    console.print(Text(stages.why_unusable(found.ended)))
    return UNUSABLE
