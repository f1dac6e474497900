"""Repetitions: which findings show the same error, so that one of them stands for all.

A method that is missing, or a line that fails, is met by many clauses.  Whoever has to mend it
wants to read of it once, under the clause that speaks of it most directly.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from zodb_conformance.quoting import QUOTABLE
from zodb_conformance.results import Deviation
from zodb_conformance.stacks import failures, place
from zodb_conformance.supervisor.findings import Candidate, Finding

Sign = tuple[str, ...]
"""What makes two errors one and the same: all who bear one of its signs show it."""

CALLS = tuple(
    map(
        re.compile,
        (
            rf"^(?!.*'(?:{'|'.join(QUOTABLE)})' object).*has no attribute '(\w+)'",
            r"there is no `(\w+)",
            r"`(\w+)\([^`]*` can't be called",
            r"(\w+)\(\) (?:takes|missing|got)\b",
        ),
    )
)
"""How it is said that something of the target can't be called like that, or at all."""

ERROR = re.compile(r"^(?:it raises|it raised|got) (\w+\(.*)", re.DOTALL)
"""How it is said that there was an error."""


ENDED = "protocol.foreign-abort", "protocol.abort"
"""The clause on the abort of another transaction, and the one that an abort seems to break where
that has ended its own.
"""

STRANGER = "abort-as-stranger"
"""The step that aborts another transaction."""


def leaders(found: Sequence[Finding | Candidate]) -> list[int]:
    """Of each finding, the place in the sequence of the first that shows the same error: its own
    where it is that, or where it is about no error.
    """
    firsts: dict[Sign, int] = {}
    result = []
    for number, item in enumerate(found):
        own = list(signs(item))
        leader = next((firsts[sign] for sign in own if sign in firsts), number)
        if leader == number:
            firsts.update(dict.fromkeys(own, number))
        result.append(leader)
    return result


def signs(item: Finding | Candidate) -> Iterator[Sign]:
    """By what the error is known that a finding shows: what can't be called, where it was raised,
    what it says, or the abort of another transaction that goes before.
    """
    deviation = item.deviation
    # What is left of a script is what the deviation needs.
    if deviation.clause in ENDED and any(step[0] == STRANGER for step in deviation.script):
        yield ("step", STRANGER)
    names = list(_named([deviation.observed, *(each.error for each in failures(item.output))]))
    if names:
        yield from names
        return
    calls = place(item.output)
    if calls:
        yield _kind(deviation), calls[0].file, str(calls[0].line)
    elif error := ERROR.match(deviation.observed):
        yield _kind(deviation), error[1]


def _named(texts: Iterable[str]) -> Iterator[Sign]:
    for text in texts:
        for call in CALLS:
            yield from (("call", name) for name in call.findall(text))


def _kind(deviation: Deviation) -> str:
    """The sort of an error: its class, or how the process fell."""
    error = ERROR.match(deviation.observed)
    return error[1].partition("(")[0] if error else deviation.kind
