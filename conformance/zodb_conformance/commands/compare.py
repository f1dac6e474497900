"""``zodb-conformance compare``: two reports, clause by clause."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from zodb_conformance.compare import Change, differences, read
from zodb_conformance.reports.words import counted
from zodb_conformance.suite import Suite

STYLES: dict[Change, str] = {
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
    table = Table.grid(padding=(0, 2))
    for change, style in STYLES.items():
        for entry in found:
            if entry.change == change:
                verdicts = f"{entry.before or '-'} → {entry.after or '-'}"
                table.add_row(
                    Text(change, style), entry.clause, verdicts, Text(entry.message, "dim")
                )
    if table.row_count:
        console.print(table)
        console.print()
    numbers = Counter(entry.change for entry in found)
    told = [f"{numbers[change]} {change}" for change in STYLES if numbers[change]]
    same = f"{counted(numbers['same'], 'clause')} the same"
    console.print(Text(", ".join([*told, same]) + "."))
    return int(numbers["worse"] > 0)
