"""The part of a trace that fits on a terminal, and can be understood there."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

DEFINITIONS = (ast.FunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class _Statement:
    """One statement of a trace: its lines, the names that it binds, and those that it looks up."""

    lines: frozenset[int]
    binds: frozenset[str]
    uses: frozenset[str]


def excerpt(trace: Sequence[str], most: int) -> list[int]:
    """The numbers, from 1, of the lines of a trace that are worth showing.

    They are the last ones, `most` of them, and wherever they come from the lines that bind the
    names in them, and the names in those.  Where the trace is no Python, they are the last ones.
    A line by itself between two of them is shown as well: to say that it is left out takes one.
    """
    first = len(trace) - most + 1
    kept = set(range(max(first, 1), len(trace) + 1))
    if first <= 1:
        return sorted(kept)
    wanted: frozenset[str] = frozenset()
    for statement in reversed(_statements(trace)):
        if max(statement.lines) >= first or statement.binds & wanted:
            kept |= statement.lines
            wanted = wanted - statement.binds | statement.uses
    kept |= {number for number in range(1, first) if {number - 1, number + 1} <= kept | {0}}
    return sorted(kept)


def _statements(trace: Sequence[str]) -> list[_Statement]:
    try:
        tree = ast.parse("\n".join(trace))
    except (SyntaxError, ValueError):
        return []
    # A line of the trace may be several of Python.
    sizes = accumulate(text.count("\n") + 1 for text in trace)
    number_of: dict[int, int] = {}
    for number, end in enumerate(sizes, 1):
        number_of.update(dict.fromkeys(range(len(number_of) + 1, end + 1), number))
    return [_statement(node, number_of) for node in tree.body]


def _statement(node: ast.stmt, number_of: dict[int, int]) -> _Statement:
    parts = list(ast.walk(node))
    names = [part for part in parts if isinstance(part, ast.Name)]
    bound = {name.id for name in names if isinstance(name.ctx, ast.Store)}
    bound |= {part.name for part in parts if isinstance(part, DEFINITIONS)}
    bound |= {part.asname or part.name for part in parts if isinstance(part, ast.alias)}
    return _Statement(
        frozenset(number_of[row] for row in range(node.lineno, (node.end_lineno or 0) + 1)),
        frozenset(bound),
        frozenset(name.id for name in names if isinstance(name.ctx, ast.Load)),
    )
