"""``python -m zodb_conformance.doubles``: hunt the doubles, and say which the suite misses."""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Sequence
from fnmatch import fnmatch
from statistics import median

from rich.console import Console
from rich.markup import escape

from zodb_conformance.doubles.double import Double, registered
from zodb_conformance.doubles.hunting import Hunt, hunt
from zodb_conformance.plan import PROFILES

SLOWEST = 10
"""Of how many doubles it is told how long the hunt took, where it took longest."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Hunt the doubles that are asked for, and print what came of it.

    Returns 0 where each was caught and nothing else was blamed, 1 where not, and 2 where no double
    has such a name.
    """
    parser = argparse.ArgumentParser(
        prog="python -m zodb_conformance.doubles", description="Hunt the faulty doubles."
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="GLOB",
        help="only doubles whose name, or whose clause, is like this",
    )
    parser.add_argument("--profile", default="quick", choices=sorted(PROFILES))
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="fixes the scripts")
    parser.add_argument(
        "--sample", type=int, metavar="N", help="only so many of them, which the seed draws"
    )
    options = parser.parse_args(arguments)
    chosen = [double for double in registered().values() if _is_wanted(double, options.only)]
    if options.sample is not None:
        drawn = random.Random(options.seed).sample(chosen, min(options.sample, len(chosen)))
        chosen = [double for double in chosen if double in drawn]
    console = Console(highlight=False)
    if not chosen:
        console.print(f"no double is like {', '.join(options.only)}")
        return 2
    hunts = []
    for double in chosen:
        hunts.append(hunt(double, profile=options.profile, seed=options.seed))
        console.print(_row(hunts[-1]), soft_wrap=True)
    failed = [found for found in hunts if not found.succeeded]
    for found in failed:
        console.print(f"\n[bold]{found.double.name}[/]\n{escape(_explanation(found))}")
    seconds = sum(found.seconds for found in hunts)
    console.print(f"\n{len(hunts)} doubles, {len(failed)} not as they should be, {seconds:.0f} s")
    console.print(_times(hunts), soft_wrap=True)
    return 1 if failed else 0


def _times(hunts: Sequence[Hunt]) -> str:
    """How long it took until doubles were caught."""
    found = sorted(((h.found, h.double.name) for h in hunts if h.found is not None), reverse=True)
    if not found:
        return ""
    slowest = "".join(f"\n{seconds:8.1f} s  {name}" for seconds, name in found[:SLOWEST])
    middle = median(seconds for seconds, _ in found)
    return f"Caught after {middle:.1f} s of processor time (median); after most time:{slowest}"


def _is_wanted(double: Double, patterns: Sequence[str]) -> bool:
    return not patterns or any(
        fnmatch(double.name, pattern) or fnmatch(double.clause, pattern) for pattern in patterns
    )


def _row(found: Hunt) -> str:
    double, caught = found.double, found.caught
    by = "[red]MISSED[/]" if caught is None else caught.check
    if found.astray:
        by = f"[red]BLAMED ON {', '.join(sorted({one.clause for one in found.astray}))}[/]"
    elif caught is not None and caught.noticed_at is not None:
        since = "" if caught.established_at is None else f"established at {caught.established_at}, "
        by += f", {since}noticed at line {caught.noticed_at}"
    effort = f"{found.scripts:5} scripts {found.seconds:5.1f} s"
    return f"{double.name:<56} {double.clause:<40} {effort}  {by}"


def _explanation(found: Hunt) -> str:
    parts = [found.double.text]
    if found.caught is None:
        parts.append(f"No verdict fell on {found.double.clause}.")
    for deviation in found.astray:
        trace = "".join(f"\n    {line}" for line in deviation.trace)
        parts.append(f"Blamed on {deviation.clause}: {deviation.message}{trace}")
    return "\n".join(parts)


if __name__ == "__main__":
    sys.exit(main())
