"""``zodb-conformance show``: one clause, with everything that hangs on it."""

from __future__ import annotations

import argparse
import inspect
import re
import textwrap
from typing import Any

from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text
from zodb_spec.clause import Clause

from zodb_conformance.commands.options import find_clause
from zodb_conformance.commands.printing import pairs
from zodb_conformance.suite import Suite

KINDS = {
    "step": "a step of the model: every generated script that comes to it compares it",
    "law": "a law of the model: it is looked at after every step of every generated script",
    "example": "an example: its lines are performed on the target, in the check examples.{}",
    "crash": "a crash: processes that work on the storage are killed, in the check crashes",
    "text": "text only: there is nothing to check",
}
"""What checks a clause, by its kind."""

BINDS = {
    "storage": "the storage",
    "connection": "databases and connections",
    "dependency": "the packages persistent and transaction",
    "caller": "the program that uses the database",
    "unobservable": "the implementation, in a way that no program can observe",
}


def add_to(commands: Any) -> None:
    """Add the subcommand to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "show", help="show a clause: its text, where it is stated, and what checks it"
    )
    parser.set_defaults(act=show)
    parser.add_argument("clause", metavar="CLAUSE", help="the id of a clause, see `list clauses`")


def show(options: argparse.Namespace, suite: Suite) -> int:
    """Print the clause."""
    clause = find_clause(options.clause, suite.clauses())
    console = Console(highlight=False)
    console.print(Text.assemble((clause.id, "bold cyan"), "  ", (clause.level.value, "bold")))
    console.print()
    for block in re.split(r"\n\s*\n", clause.text):
        if block.startswith((" ", ">>>")):
            language = "pycon" if block.lstrip().startswith(">>>") else "python"
            console.print(coloured(textwrap.indent(block, "  "), language), soft_wrap=True)
        elif block.startswith(("- ", "* ")):
            console.print(Text(block + "\n"))
        else:
            console.print(Text(" ".join(block.split()).replace("::", ":") + "\n"))
    console.print(facts(clause, suite))
    if clause.kind in ("step", "law", "crash"):
        console.print("\nIts code:\n", style="dim")
        console.print(coloured(code(clause), "python"), soft_wrap=True)
    return 0


def coloured(source: str, language: str) -> Text:
    """Code in colours; print it without wrapping, so that no line is cut and all can be copied."""
    return Syntax("", language, theme="ansi_dark", background_color="default").highlight(source)


def facts(clause: Clause, suite: Suite) -> Table:
    """Everything else that is known of the clause."""
    proofs = [entry.name for entry in suite.doubles() if entry.clause == clause.id]
    known = (
        ("binds", BINDS[clause.binds]),
        ("stated in", f"{clause.function.__module__}, line {line(clause)}"),
        ("rules", " ".join(clause.rules)),
        ("editions", ", ".join(edition.value for edition in clause.editions)),
        ("errors", " or ".join(clause.error)),
        ("needs", ", ".join(clause.needs)),
        ("without", ", ".join(clause.without)),
        ("situations", ", ".join(clause.situations)),
        ("checked by", KINDS[clause.kind].format(clause.chapter)),
        ("proved by", ", ".join(proofs)),
    )
    return pairs(((word, said) for word, said in known if said), "dim")


def line(clause: Clause) -> int:
    """The number of the line where the clause is stated."""
    return inspect.getsourcelines(clause.function)[1]


def code(clause: Clause) -> str:
    """The code of the clause without its text, which is shown already."""
    source = textwrap.dedent(clause.source)
    return re.sub(r'\n\s+r?"""(?:.|\n)*?"""', "", source, count=1).rstrip()
