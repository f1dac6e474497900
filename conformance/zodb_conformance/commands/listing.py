"""``zodb-conformance list``: what there is."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping
from importlib import metadata
from typing import Any

from rich.console import Console
from rich.text import Text
from zodb_spec.clause import Clause, Level
from zodb_spec.editions import EDITIONS

from zodb_conformance.commands.options import matching
from zodb_conformance.commands.printing import pairs
from zodb_conformance.commands.show import BINDS
from zodb_conformance.errors import UsageError
from zodb_conformance.reports.words import EDITION_TEXTS
from zodb_conformance.suite import Suite
from zodb_conformance.targets import CAPABILITIES
from zodb_conformance.targets.base import ONLY_IN
from zodb_conformance.targets.resolving import GROUP


def add_to(commands: Any) -> None:
    """Add the subcommand to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "list", help="list targets, clauses, capabilities, editions or doubles"
    )
    parser.set_defaults(act=list_)
    parser.add_argument(
        "what",
        choices=("clauses", *LISTS),
        metavar="WHAT",
        help=f"what to list: {', '.join(('clauses', *LISTS))}",
    )
    parser.add_argument(
        "patterns",
        nargs="*",
        default=[],  # without this it would be named as missing, where WHAT is
        metavar="GLOB",
        help="with clauses: only those whose id matches",
    )
    parser.add_argument(
        "--binds", choices=tuple(BINDS), help="with clauses: only those that bind it"
    )
    parser.add_argument(
        "--level",
        choices=[level.value for level in Level],
        type=str.upper,
        help="with clauses: only those of this level of obligation",
    )


def list_(options: argparse.Namespace, suite: Suite) -> int:
    """Print the list.

    Raises UsageError where something is asked for that only clauses have.
    """
    chosen = options.patterns or options.binds or options.level
    if chosen and options.what != "clauses":
        raise UsageError(
            f"`list {options.what}` lists all of them; GLOB, --binds and --level go with "
            "`list clauses`."
        )
    console = Console(highlight=False)
    if options.what == "clauses":
        clauses(console, chosen_of(options, suite.clauses()))
    else:
        LISTS[options.what](console, suite)
    return 0


def chosen_of(options: argparse.Namespace, known: Mapping[str, Clause]) -> list[Clause]:
    """The clauses that are asked for.

    Raises UsageError where there are none.
    """
    ids = {clause.id for pattern in options.patterns for clause in matching(pattern, known)}
    found = [
        clause
        for clause in known.values()
        if (not options.patterns or clause.id in ids)
        and options.binds in (None, clause.binds)
        and options.level in (None, clause.level.value)
    ]
    if not found:
        asked = [f"--binds {options.binds}"] * bool(options.binds)
        asked += [f"--level {options.level}"] * bool(options.level)
        raise UsageError(f"No clause is left with {' and '.join([*options.patterns, *asked])}.")
    return found


def targets(console: Console, suite: Suite) -> None:
    """The registered targets."""
    console.print(pairs(((name, target_text(name)) for name in suite.targets()), "cyan"))
    console.print(
        "\nA storage of your own needs no registration: name a function that opens it in a given "
        "folder as package.module:name, or use --zconfig, --uri or --database of `run`. A faulty "
        "double (see `list doubles`) is a target too, as double:name.",
        style="dim",
    )


def target_text(name: str) -> str:
    """What a registered target says of itself, in a line."""
    points = metadata.entry_points(group=GROUP, name=name)
    for point in points:
        try:
            text = point.load().__doc__ or ""
        except ImportError as error:
            return f"not usable here: {error.name or error} is not installed"
        return " ".join(text.split("\n\n")[0].split())
    return ""


def clauses(console: Console, chosen: Iterable[Clause]) -> None:
    """The clauses, by chapter."""
    chapter = ""
    for clause in chosen:
        if clause.chapter != chapter:
            chapter = clause.chapter
            console.print(Text(f"\n{chapter}", "bold"))
        level = f"{clause.level.value:<6}"
        summary = Text(clause.summary.replace("`", ""), "dim")
        line = Text.assemble(f"  {level} ", (clause.id, "cyan"), "  ", summary)
        if console.is_terminal:
            line.truncate(max(console.width, 60), overflow="ellipsis")
        console.print(line, soft_wrap=True)


def capabilities(console: Console, _suite: Suite) -> None:
    """What a target may declare that it can do, and in which editions that exists."""
    told = dict(CAPABILITIES)
    for name, found in ONLY_IN.items():
        told[name] += f" (Edition {' and '.join(edition.value for edition in found)} only.)"
    console.print(pairs(told.items(), "cyan"))


def editions(console: Console, _suite: Suite) -> None:
    """The states of the rules."""
    entries = [(edition.value, EDITION_TEXTS[edition.value]) for edition in EDITIONS]
    name, text = entries.pop()
    console.print(pairs([*entries, (name, f"{text}; the default")], "cyan"))


def doubles(console: Console, suite: Suite) -> None:
    """The faulty doubles: what proves that a check can fail."""
    entries = ((entry.name, f"{entry.clause}: {entry.summary}") for entry in suite.doubles())
    console.print(pairs(entries, "cyan"))


LISTS: Mapping[str, Callable[[Console, Suite], None]] = {
    "targets": targets,
    "capabilities": capabilities,
    "editions": editions,
    "doubles": doubles,
}
