"""Shrinking: the shortest script that still shows a deviation.

Delta debugging over the steps of a resolved script: larger chunks first, then single steps until
none can be left out, then simpler arguments, and smaller numbers in names.  A step that loses its
sense because another one is gone is skipped, so every part of a script is a script.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import count

import zodb_spec.operations  # noqa: F401  # declares the table
from zodb_spec.operation import operations
from zodb_spec.script import part_of

from zodb_conformance.minimising import Limit, minimise
from zodb_conformance.results import Step

Script = tuple[Step, ...]


def shrink(script: Script, fails: Callable[[Script], bool], limit: Limit | None = None) -> Script:
    """The shortest script found that still fails.

    fails  performs a script and says whether it shows the same deviation
    limit  how much work that may be
    """
    limit = limit or Limit()
    script = minimise(script, fails, again=limit.spend)
    while (simpler := _first(_simpler(script), fails, limit)) is not None:
        script = simpler
    return _first(iter(_renamed(script)), fails, limit) or script


def _first(
    candidates: Iterator[Script], fails: Callable[[Script], bool], limit: Limit
) -> Script | None:
    for candidate in candidates:
        if not limit.spend():
            return None
        if fails(candidate):
            return candidate
    return None


SIMPLER = {
    "set": (3, "one"),
    "set-unpicklable": (3, "lambda"),
    "link": (4, "strong"),
    "new": (2, "Thing"),
}
"""The simplest choice for an argument: its position in the step and the word."""


NUMBERED = re.compile(r"([a-z]+)(\d+)")


def _renamed(script: Script) -> list[Script]:
    """The script with smaller numbers in the names that it gives, if there are such: a name has the
    number of the step that gave it, in a script that was much longer.
    """
    given = [name for step in script for name in _given_by(step)]
    new: dict[str, str] = {}
    for name in given:
        found = NUMBERED.fullmatch(name)
        if found and int(found[2]) > len(script):
            smaller = (f"{found[1]}{number}" for number in count(1))
            new[name] = next(each for each in smaller if each not in {*given, *new.values()})
    if not new:
        return []
    return [tuple((step[0], *(new.get(each, each) for each in step[1:])) for step in script)]


def _given_by(step: Step) -> list[str]:
    """The names that a step gives to what it brings."""
    operation = operations(part_of((step,))).get(step[0])
    arguments = operation.arguments if operation else ()
    return [
        value for argument, value in zip(arguments, step[1:], strict=False) if argument.name == "as"
    ]


def _simpler(script: Script) -> Iterator[Script]:
    for number, step in enumerate(script):
        position, word = SIMPLER.get(step[0], (0, step[0]))
        if step[position] != word:
            yield (
                *script[:number],
                (*step[:position], word, *step[position + 1 :]),
                *script[number + 1 :],
            )
