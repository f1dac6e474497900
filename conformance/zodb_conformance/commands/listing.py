"""``zodb-conformance list``: what there is."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from importlib import metadata
from typing import Any

from rich.console import Console
from rich.text import Text
from zodb_spec.editions import EDITIONS

from zodb_conformance.commands.options import matching
from zodb_conformance.commands.printing import pairs
from zodb_conformance.suite import Suite
from zodb_conformance.targets import CAPABILITIES
from zodb_conformance.targets.resolving import GROUP

EDITION_TEXTS = {
    "2005-06-10": "the first chapter on references across databases",
    "2005-06-16": "the state of one day after it",
    "2005-06-17": "the chapter that followed",
    "2006-08-16": "the interface with versions, mvcc and synch",
    "current": "today's rules; the default",
}


def add_to(commands: Any) -> None:
    """Add the subcommand to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "list", help="list targets, clauses, capabilities, editions or doubles"
    )
    parser.set_defaults(act=list_)
    parser.add_argument("what", choices=tuple(LISTS), help="what to list")
    parser.add_argument(
        "patterns", nargs="*", metavar="GLOB", help="with clauses: only those whose id matches"
    )


def list_(options: argparse.Namespace, suite: Suite) -> int:
    """Print the list."""
    LISTS[options.what](Console(highlight=False), suite, options.patterns)
    return 0


def targets(console: Console, suite: Suite, _: Iterable[str]) -> None:
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


def clauses(console: Console, suite: Suite, patterns: Iterable[str]) -> None:
    """The clauses, by chapter."""
    known = suite.clauses()
    chosen = {clause.id for pattern in patterns for clause in matching(pattern, known)}
    chapter = ""
    for clause in known.values():
        if chosen and clause.id not in chosen:
            continue
        if clause.chapter != chapter:
            chapter = clause.chapter
            console.print(Text(f"\n{chapter}", "bold"))
        level = f"{clause.level.value:<6}"
        summary = Text(clause.summary.replace("`", ""), "dim")
        line = Text.assemble(f"  {level} ", (clause.id, "cyan"), "  ", summary)
        line.truncate(max(console.width, 60), overflow="ellipsis")
        console.print(line, soft_wrap=True)


def capabilities(console: Console, _suite: Suite, _: Iterable[str]) -> None:
    """What a target may declare that it can do."""
    console.print(pairs(CAPABILITIES.items(), "cyan"))


def editions(console: Console, _suite: Suite, _: Iterable[str]) -> None:
    """The states of the rules."""
    entries = ((edition.value, EDITION_TEXTS[edition.value]) for edition in EDITIONS)
    console.print(pairs(entries, "cyan"))


def doubles(console: Console, suite: Suite, _: Iterable[str]) -> None:
    """The faulty doubles: what proves that a check can fail."""
    entries = ((entry.name, f"{entry.clause}: {entry.summary}") for entry in suite.doubles())
    console.print(pairs(entries, "cyan"))


LISTS = {
    "targets": targets,
    "clauses": clauses,
    "capabilities": capabilities,
    "editions": editions,
    "doubles": doubles,
}
