"""``zodb-conformance compare``: two reports, clause by clause."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from zodb_conformance.compare import Change, differences, read
from zodb_conformance.reports.words import counted, plain
from zodb_conformance.suite import Suite

STYLES: Mapping[Change, str] = {
    "worse": "bold red",
    "better": "green",
    "changed": "yellow",
    "new": "cyan",
    "gone": "dim",
}


def add_to(commands: Any) -> None:
    """Add the subcommand to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "compare",
        help="compare two report folders, clause by clause",
        description="Compares two reports, clause by clause. The exit status is 1 where some "
        "clause became worse, and 0 otherwise.",
    )
    parser.set_defaults(act=compare)
    parser.add_argument("before", type=Path, metavar="A", help="the folder of a report")
    parser.add_argument("after", type=Path, metavar="B", help="the folder of another report")


def compare(options: argparse.Namespace, _suite: Suite) -> int:
    """Print what differs, and say by the exit status whether something became worse."""
    console = Console(highlight=False)
    before, after = read(options.before), read(options.after)
    found = differences(before, after)
    for report, folder in ((before, options.before), (after, options.after)):
        parts = [report["target"]["name"], report["edition"], report["profile"], report["verdict"]]
        if (level := report.get("level", "all")) != "all":
            parts.insert(1, f"level {level}")
        console.print(Text.assemble((f"{folder}", "bold"), f"  {', '.join(parts)}"), soft_wrap=True)
    console.print()
    shown = [entry for change in STYLES for entry in found if entry.change == change]
    widest = max((len(entry.clause) for entry in shown), default=0)
    for entry in shown:
        # An id is there to be copied: it is never cut, however narrow the terminal is.
        verdicts = f"{entry.before or '-'} → {entry.after or '-'}"
        line = Text.assemble(
            (f"{entry.change:<7}  ", STYLES[entry.change]), f"{entry.clause:<{widest}}  {verdicts}"
        )
        console.print(line, soft_wrap=True)
        if entry.message:
            console.print(Padding(Text(plain(entry.message), "dim"), (0, 2, 0, 9)))
    if shown:
        console.print()
    numbers = Counter(entry.change for entry in found)
    told = [f"{numbers[change]} {change}" for change in STYLES if numbers[change]]
    told.append(f"{counted(numbers['same'], 'clause')} the same")
    if numbers["unasked"]:
        told.append(f"{numbers['unasked']} in only one of the two runs")
    console.print(Text(", ".join(told) + "."))
    return int(numbers["worse"] > 0)
