"""The explorer as a command: `python -m zodb_spec.explore`."""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from textwrap import indent
from typing import Any

from zodb_spec.explore import (
    LARGE_STORAGE_WORLDS,
    LARGE_WORLDS,
    SMALL_WORLDS,
    STORAGE_WORLDS,
    Exploration,
    SmallWorld,
)
from zodb_spec.operation import operations

SMALL: dict[str, SmallWorld[Any]] = {**SMALL_WORLDS, **STORAGE_WORLDS}
LARGE: dict[str, SmallWorld[Any]] = {**LARGE_WORLDS, **LARGE_STORAGE_WORLDS}
WORLDS: dict[str, SmallWorld[Any]] = {**SMALL, **LARGE}


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    found = argparse.ArgumentParser(
        prog="python -m zodb_spec.explore",
        description="Explore small worlds of the model: take every step that makes sense, check\n"
        "every law after it, and count the distinct worlds. Exit status 1 if a law is broken.",
        epilog=f"small worlds of connections:\n{_listed(SMALL_WORLDS)}\n\n"
        f"small worlds of a storage:\n{_listed(STORAGE_WORLDS)}\n\n"
        f"large ones, which take minutes:\n{_listed(LARGE)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    found.add_argument("world", nargs="*", help="worlds to explore; all small ones if absent")
    found.add_argument("--objects", type=int, metavar="N", help="so many objects at most")
    found.add_argument("--connections", type=int, metavar="N", help="so many connections at most")
    found.add_argument("--transactions", type=int, metavar="N", help="so many transactions at most")
    found.add_argument("--savepoints", type=int, metavar="N", help="so many savepoints at most")
    found.add_argument(
        "--handles",
        type=int,
        metavar="N",
        help="so many ways to a storage at most, itself included",
    )
    found.add_argument("--steps", type=int, metavar="N", help="so many steps at most")
    found.add_argument("--worlds", type=int, metavar="N", help="so many distinct worlds at most")
    found.add_argument(
        "--operation",
        action="append",
        default=[],
        metavar="NAME",
        dest="operations",
        help="take this operation too; `all` takes the whole table",
    )
    found.add_argument(
        "--any-word", action="store_true", help="choose from all values, attributes, forms ..."
    )
    return found


def _listed(worlds: Mapping[str, SmallWorld[Any]]) -> str:
    return "\n".join(f"  {name}\n      {small.summary}" for name, small in worlds.items())


def chosen(options: argparse.Namespace) -> dict[str, SmallWorld[Any]]:
    """The worlds that the options ask for, with their bounds changed, as far as they have such.

    Raises LookupError where there is no such world or operation.
    """
    found = {}
    for name in options.world or SMALL:
        if name not in WORLDS:
            raise LookupError(f"there is no world {name!r}; there are {', '.join(WORLDS)}")
        bounds = WORLDS[name].bounds
        given = {
            each.name: value
            for each in fields(bounds)
            if each.name not in ("operations", "words")
            and (value := getattr(options, each.name, None)) is not None
        }
        table = operations(bounds.part)
        more = tuple(table) if "all" in options.operations else tuple(options.operations)
        taken = tuple(dict.fromkeys((*bounds.operations, *more)))
        words = {} if options.any_word else bounds.words
        bounds = replace(bounds, operations=taken, words=words, **given)
        bounds.table()
        found[name] = replace(WORLDS[name], bounds=bounds)
    return found


def told(name: str, found: Exploration, seconds: float) -> str:
    """What an exploration came to, in words."""
    extent = "all of them" if found.complete else "within the bounds"
    counts = f"{found.worlds} worlds, {extent}; {found.taken} steps"
    summary = f"{name}: {counts}; the farthest is {found.depth} steps away; {seconds:.1f} s"
    if found.violation is None:
        return summary
    trace = indent("\n".join(found.violation.lines), "    ")
    return f"{summary}\n  law {found.violation.law} is broken by\n{trace}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Explore what the arguments ask for; gives the exit status."""
    found = parser()
    options = found.parse_args(arguments)
    try:
        worlds = chosen(options)
    except LookupError as error:
        found.error(error.args[0])
    failed = False
    for name, small in worlds.items():
        began = time.monotonic()
        exploration = small.explore()
        sys.stdout.write(told(name, exploration, time.monotonic() - began) + "\n")
        failed = failed or exploration.violation is not None
    return int(failed)


if __name__ == "__main__":
    gc.disable()  # a world has no cycles, and millions of them would be searched for some
    sys.exit(main())
