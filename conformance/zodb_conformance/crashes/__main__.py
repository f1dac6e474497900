"""``python -m zodb_conformance.crashes``: kill processes that work on storages, see what is lost.

It does in one process, without a report, what the check ``crashes`` does in a run of the suite.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape

from zodb_conformance.context import Context
from zodb_conformance.crashes.check import GIVEN_UP, crashes
from zodb_conformance.errors import TargetUnusable
from zodb_conformance.plan import SEED, WORK_FAILED, Plan
from zodb_conformance.results import Tally
from zodb_conformance.runner import quiet
from zodb_conformance.targets import resolve

KILLS = 300
"""How many processes are killed where nothing is said."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Kill processes that work on the targets that are named, and print what came of it.

    Returns 0 where everything holds, 1 where not, or where it could not be seen as often as was
    asked for, and 3 where a target can't be used.
    """
    parser = argparse.ArgumentParser(
        prog="python -m zodb_conformance.crashes",
        description="Kill processes that work on storages, and say what was lost.",
    )
    parser.add_argument("targets", nargs="+", metavar="TARGET", help="as `zodb-conformance run`")
    parser.add_argument("--kills", type=int, default=KILLS, metavar="N")
    parser.add_argument("--seed", type=int, default=SEED, metavar="N", help="fixes the work")
    parser.add_argument(
        "--only", action="append", default=[], metavar="GLOB", help="only clauses like this"
    )
    options = parser.parse_args(arguments)
    console, status = Console(highlight=False), 0
    for name in options.targets:
        plan = Plan(target=name, kills=options.kills, seed=options.seed, only=tuple(options.only))
        try:
            status = max(status, _crash(plan, console))
        except TargetUnusable as error:
            console.print(f"[bold]{name}[/]: {escape(str(error))}", soft_wrap=True)
            status = 3
    return status


def _crash(plan: Plan, console: Console) -> int:
    target, tally, begun = resolve(plan), Tally(), time.monotonic()
    if "durable" not in target.capabilities or target.storage is None:
        raise TargetUnusable("what it keeps is gone with its process: it is not durable")
    with quiet():
        note = crashes(Context(plan, target, tally))
    seconds = time.monotonic() - begun
    console.print(f"[bold]{target.name}[/]: {escape(note)}, in {seconds:.0f} s", soft_wrap=True)
    broken = {found.clause: found for found in tally.deviations}
    for clause, count in sorted(tally.counts.items()):
        verdict = "[red]broken[/]" if clause in broken else "holds"
        console.print(f"  {clause:<40} {count:6}  {verdict}")
    for found in broken.values():
        console.print(f"\n  [bold]{found.clause}[/]: {escape(found.message)}", soft_wrap=True)
        console.print(escape("\n".join(f"    {line}" for line in found.trace)), soft_wrap=True)
    is_complete = GIVEN_UP not in note and WORK_FAILED not in note
    return int(bool(broken) or not tally.counts or not is_complete)


if __name__ == "__main__":
    sys.exit(main())
