"""``zodb-conformance init``: what a project needs to have the suite as a gate in its CI."""

from __future__ import annotations

import argparse
import shlex
from importlib import resources
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from zodb_conformance.commands.options import add_level, add_target, check_level, check_target
from zodb_conformance.errors import UsageError
from zodb_conformance.suite import Suite

FILES = {
    "tox-conformance.ini": "tox-conformance.ini",
    "conformance.yml": ".github/workflows/conformance.yml",
    "conformance-known.toml": "conformance-known.toml",
}
"""The templates, and where each is written."""

GATE = "tox-conformance.ini"
"""The file that names the target."""

EXAMPLE = "your_package:open_storage"
"""What stands for the target where the person did not name one."""


def add_to(commands: Any) -> None:
    """Add the subcommand to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "init",
        help="write a tox environment, a CI workflow and a known-deviations file",
        description="Writes what a project needs to check itself into the current folder: a tox "
        "environment, a GitHub workflow and a file for known deviations. Files that exist stay.",
    )
    parser.set_defaults(act=init)
    add_target(parser)
    add_level(parser)


def init(options: argparse.Namespace, suite: Suite) -> int:
    """Write the files, and say what to do next.

    Raises UsageError where the target can not be what the person meant; nothing is written then.
    """
    check_target(options, suite)
    check_level(options)
    console = Console(highlight=False)
    folder = Path.cwd()
    blanks = {"target": target_of(options), "package": package_of(folder)}
    for template, name in FILES.items():
        written = write(folder / name, fill(template, blanks))
        word, style = ("wrote", "green") if written else ("kept", "yellow")
        note = "" if written else "  (it exists, and was not changed)"
        console.print(Text.assemble((f"{word:<6}", style), name, (note, "dim")), soft_wrap=True)
    console.print()
    kept = folder / GATE
    if options_named(options) and f"run {blanks['target']} " not in kept.read_text("utf-8"):
        console.print(
            f"{GATE} was there before and does not run {blanks['target']}: write it there in the "
            "line `commands`, or remove the file and call `init` again.\n"
        )
    elif not options_named(options):
        console.print(
            f"Next, write your target in place of {EXAMPLE} in tox-conformance.ini: a function "
            "that opens your storage in the folder that it is given.\n"
        )
    for word, command in (
        ("Try it:", f"zodb-conformance run {blanks['target']}"),
        ("As CI does it:", "tox -c tox-conformance.ini"),
        ("For .gitignore:", "conformance-report"),
    ):
        console.print(Text.assemble((f"{word:<16}", "dim"), command), soft_wrap=True)
    return 0


def target_of(options: argparse.Namespace) -> str:
    """The target as it stands in a command line, with a second one and the level where they were
    named.
    """
    second = options.with_second_target
    more = f" --with-second-target {shlex.quote(second)}" if second else ""
    more += f" --level {options.level}" if options.level else ""
    for option in ("zconfig", "uri", "database"):
        if value := getattr(options, option):
            return f"--{option} {shlex.quote(value)}{more}"
    return (options.target or EXAMPLE) + more


def options_named(options: argparse.Namespace) -> bool:
    """Whether the person named a target."""
    return any((options.target, options.zconfig, options.uri, options.database))


def package_of(folder: Path) -> str:
    """How tox gets at the project: by installing it, where it can be installed."""
    if any((folder / name).exists() for name in ("pyproject.toml", "setup.py")):
        return "package = editable"
    return (
        "# There is nothing to install here: the modules are used as they lie.\nskip_install = true"
    )


def fill(template: str, blanks: dict[str, str]) -> str:
    """The text of a template; its blanks have the form ``@word@``, since every other means
    something there.
    """
    text = resources.files("zodb_conformance.templates").joinpath(template).read_text("utf-8")
    for word, value in blanks.items():
        text = text.replace(f"@{word}@", value)
    return text


def write(path: Path, text: str) -> bool:
    """Write a file where there is none; whether it was written.

    Raises UsageError where it can not be.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return False
    except OSError as error:
        raise UsageError(f"{path} can not be written: {error.strerror}.") from error
    return True
