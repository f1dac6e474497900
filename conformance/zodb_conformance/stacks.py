"""Stacks: where a target was when it fell or failed, and of which doctest line a call is part."""

from __future__ import annotations

import re
import sysconfig
from typing import NamedTuple

CURRENT = re.compile(r"^Current thread .*\n((?:  File .*\n?)+)", re.MULTILINE)
TRACEBACK = re.compile(r"^Traceback \(most recent call last\):\n((?: .*\n)+)(\S.*)?", re.MULTILINE)
FRAME = re.compile(r'^  File "(.*)", line (\d+),? in (.*)$', re.MULTILINE)

PROGRAM = "witness.py"
"""What a plain script is called when the suite runs it: where that calls, nobody failed."""

LIBRARY = f"{sysconfig.get_paths()['stdlib']}/"
"""Where the standard library lies: who passes something wrong to it is called from elsewhere."""

DOCTEST = "lines"
"""What the lines that are performed as a doctest are called."""

STATEMENT = re.compile(rf"<doctest {DOCTEST}\[(\d+)\]>")
"""What doctest takes for the file of each; the first has the number 0."""


class Frame(NamedTuple):
    """One call on a stack."""

    file: str
    line: int
    function: str


class Failure(NamedTuple):
    """An error with its traceback.

    error  its class and what it says, as far as that stands in one line
    calls  where it came from, the innermost call first; those in the plain script and in the
           standard library are left out
    """

    error: str
    calls: tuple[Frame, ...]


def frames(output: str) -> list[Frame]:
    """The stack of the thread that was running, the innermost call first.

    output  what a process printed, `faulthandler` among others; the last stack counts, and where
            there is none, there are no frames
    """
    stacks = CURRENT.findall(output)
    return _frames(stacks[-1]) if stacks else []


def failures(output: str) -> list[Failure]:
    """The errors whose tracebacks a process printed, the one that led to the others first."""
    return [
        Failure(error, tuple(frame for frame in reversed(_frames(calls)) if _may_fail(frame.file)))
        for calls, error in TRACEBACK.findall(output)
    ]


def place(output: str) -> list[Frame]:
    """Where a target fell or failed, as far as what was printed tells: the innermost call first.

    Of several errors that followed one upon the other it is the last that came from somewhere.
    """
    found = [list(failure.calls) for failure in reversed(failures(output)) if failure.calls]
    return frames(output) or next(iter(found), [])


def in_library(file: str) -> bool:
    """Whether the file of a call is one of the standard library, or no file at all."""
    return file.startswith("<") or (file.startswith(LIBRARY) and "/site-packages/" not in file)


def _frames(text: str) -> list[Frame]:
    return [Frame(file, int(line), function) for file, line, function in FRAME.findall(text)]


def _may_fail(file: str) -> bool:
    return not (in_library(file) or file.rpartition("/")[2] == PROGRAM)


def is_statement(file: str, number: int) -> bool:
    """Whether the file of a call is the line of a doctest with that number, from 1."""
    found = STATEMENT.fullmatch(file)
    return found is not None and int(found[1]) == number - 1
