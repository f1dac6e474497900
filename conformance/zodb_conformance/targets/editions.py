"""Targets in older editions: opened for one where they know it, and judged by it in any case."""

from __future__ import annotations

import ast
from functools import partial
from typing import Any

from zodb_conformance.targets.base import VERSIONS, Target, changed, existing, over

CURRENT = "current"
"""The edition for which everybody opens a database without saying so."""


def in_edition(target: Target, edition: str) -> Target:
    """A target that is judged by an edition, and whose databases are opened for it where it knows
    editions.  Of what it can do, it declares what exists in that edition.
    """
    judged = _judged(_with_versions(target, edition), edition)
    if edition == CURRENT or not target.knows_editions:
        return judged
    return changed(
        judged,
        open_database=partial(judged.open_database, edition=edition),
        lines=tuple(_asking(line, edition) for line in judged.lines),
    )


def _with_versions(target: Target, edition: str) -> Target:
    """The target over storages that have versions, where it has versions in this edition, and
    where they are to be asked for.
    """
    if VERSIONS not in existing(target.capabilities, edition):
        return target
    second = target.second and _over_versions(target.second)
    return changed(_over_versions(target), second=second)


def _over_versions(target: Target) -> Target:
    storage = target.storage and target.storage.versions
    if storage is None or target.connections is None:
        return target
    made = over(target.name, target.connections, storage)
    return changed(target, open_database=made.open_database, lines=made.lines, storage=made.storage)


def _judged(target: Target, edition: str) -> Target:
    changes: dict[str, Any] = {
        "edition": edition,
        "second": target.second and in_edition(target.second, edition),
        "plain": target.plain and in_edition(target.plain, edition),
        "capabilities": existing(target.capabilities, edition),
        "unknown": existing(target.unknown, edition),
    }
    same = all(getattr(target, name) == value for name, value in changes.items())
    return target if same else changed(target, **changes)


def _asking(line: str, edition: str) -> str:
    """A line of a target, which asks for the edition where it makes ``db``."""
    if not line.startswith("db = "):
        return line
    tree = ast.parse(line)
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            node.value.keywords.append(ast.keyword("edition", ast.Constant(edition)))
    return ast.unparse(tree)
