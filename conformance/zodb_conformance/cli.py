"""The command ``zodb-conformance``: its arguments, and which module acts on them."""

from __future__ import annotations

import argparse
import errno
import io
import re
import sys
from collections.abc import Sequence
from importlib import metadata
from typing import NoReturn

from zodb_conformance.commands import compare, init, listing, replay, run, show
from zodb_conformance.errors import UsageError
from zodb_conformance.suite import Suite

MISUSED = 2
"""The exit status where the command was used wrongly."""

INTERRUPTED = 130
"""The exit status where the command was interrupted before it had anything to tell."""

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)

FULL = (
    "There is no room left on the disk, where the report, the output or temporary files go: make "
    "some, or name other places with --report and TMPDIR."
)

DESCRIPTION = """\
Checks an object database of the ZODB family against the specification, clause by clause.

  zodb-conformance run                          the reference, to see what a report looks like
  zodb-conformance run zodb-file                a registered target
  zodb-conformance run mypackage:open_storage   your storage: a function of a folder
  zodb-conformance init                         what a project needs to do this in its CI
"""

STATUSES = """\
exit status:
  0    the target conforms
  1    it breaks a clause that it MUST obey (with --strict, also one that it SHOULD obey), or the
       run could not do its work, or had none, and says so
  2    the command was used wrongly
  3    the target could not be exercised at all
  130  the run was interrupted; there is a report of what was learnt until then
"""


EMPTY = re.compile(r"(--[a-z-]+=)?")
"""An argument that says nothing.  A variable that is not set in somebody's workflow comes as one,
and is no wish for what there is by default.
"""


class Parser(argparse.ArgumentParser):
    """A parser that says what is wrong in one sentence."""

    def error(self, message: str) -> NoReturn:
        """End with the sentence."""
        self.exit(MISUSED, f"{self.prog}: {message}; `{self.prog} --help` tells what there is.\n")


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command."""
    made = Parser(
        prog="zodb-conformance",
        description=DESCRIPTION,
        epilog=STATUSES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    version = f"zodb-conformance {metadata.version('zodb-conformance')}"
    made.add_argument("--version", action="version", version=version)
    commands = made.add_subparsers(
        title="commands", metavar="COMMAND", required=True, parser_class=Parser
    )
    for command in (run, listing, show, replay, compare, init):
        command.add_to(commands)
    return made


def print_anything() -> None:
    """Let a terminal or a file that can't show a sign get a question mark in its place."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def main(arguments: Sequence[str] | None = None, suite: Suite | None = None) -> int:
    """Do what the arguments say, those of the process by default, and give the exit status."""
    print_anything()
    words = sys.argv[1:] if arguments is None else list(arguments)
    made = parser()
    if any(map(EMPTY.fullmatch, words)):
        made.error("an argument is empty; write what is meant, or leave it out")
    options = made.parse_args(words)
    options.words = words
    try:
        status: int = options.act(options, suite or Suite())
    except UsageError as error:
        print(f"zodb-conformance: {error}", file=sys.stderr)  # noqa: T201 - the one line of output
        return MISUSED
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        print(f"zodb-conformance: {FULL}", file=sys.stderr)  # noqa: T201 - likewise
        return MISUSED
    except KeyboardInterrupt:
        print("zodb-conformance: interrupted.", file=sys.stderr)  # noqa: T201 - likewise
        return INTERRUPTED
    return status
