"""Stacks: where a target was when it fell, and which line of a doctest a call belongs to."""

from __future__ import annotations

import re
from typing import NamedTuple

CURRENT = re.compile(r"^Current thread .*\n((?:  File .*\n?)+)", re.MULTILINE)
FRAME = re.compile(r'^  File "(.*)", line (\d+) in (.*)$', re.MULTILINE)

DOCTEST = "lines"
"""What the lines that are performed as a doctest are called."""

STATEMENT = re.compile(rf"<doctest {DOCTEST}\[(\d+)\]>")
"""What doctest takes for the file of each; the first has the number 0."""


class Frame(NamedTuple):
    """One call on a stack."""

    file: str
    line: int
    function: str


def frames(output: str) -> list[Frame]:
    """The stack of the thread that was running, the innermost call first.

    output  what a process printed, `faulthandler` among others; the last stack counts, and where
            there is none, there are no frames
    """
    stacks = CURRENT.findall(output)
    found = FRAME.findall(stacks[-1]) if stacks else []
    return [Frame(file, int(line), function) for file, line, function in found]


def is_statement(file: str, number: int) -> bool:
    """Whether the file of a call is the line of a doctest with that number, from 1."""
    found = STATEMENT.fullmatch(file)
    return found is not None and int(found[1]) == number - 1
