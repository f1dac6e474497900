"""Targets in older editions: opened for one where they know it, and judged by it in any case."""

from __future__ import annotations

import ast
from functools import partial

from zodb_conformance.targets.base import Target, changed

CURRENT = "current"
"""The edition for which everybody opens a database without saying so."""


def in_edition(target: Target, edition: str) -> Target:
    """A target that is judged by an edition, and whose databases are opened for it where it knows
    editions.
    """
    if edition == CURRENT:
        return target
    second = target.second and in_edition(target.second, edition)
    judged = changed(target, edition=edition, second=second)
    if not target.knows_editions:
        return judged
    return changed(
        judged,
        open_database=partial(target.open_database, edition=edition),
        lines=tuple(_asking(line, edition) for line in target.lines),
    )


def _asking(line: str, edition: str) -> str:
    """A line of a target, which asks for the edition where it makes ``db``."""
    if not line.startswith("db = "):
        return line
    tree = ast.parse(line)
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            node.value.keywords.append(ast.keyword("edition", ast.Constant(edition)))
    return ast.unparse(tree)
