"""Shrinking: the shortest script that still shows a deviation.

Delta debugging over the steps of a resolved script: larger chunks first, then single steps until
none can be left out, then simpler arguments.  A step that loses its sense because another one is
gone is skipped, so every part of a script is a script.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

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
    return script


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


def _simpler(script: Script) -> Iterator[Script]:
    for number, step in enumerate(script):
        position, word = SIMPLER.get(step[0], (0, step[0]))
        if step[position] != word:
            yield (
                *script[:number],
                (*step[:position], word, *step[position + 1 :]),
                *script[number + 1 :],
            )
