"""Whether the laws of the specification hold after a step."""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any

import zodb_spec.contents  # noqa: F401  # states all clauses
from zodb_spec.clause import Clause, Part, clauses
from zodb_spec.editions import CURRENT, Edition
from zodb_spec.operation import Outcome, Step


@cache
def laws(
    edition: Edition = CURRENT, part: Part = "connection"
) -> tuple[tuple[Clause, ...], tuple[Clause, ...]]:
    """The laws of a part that are in force in an edition: those about a world, and those about a
    step.
    """
    found = [
        c
        for c in clauses().values()
        if c.kind == "law" and c.part == part and edition in c.editions
    ]
    about_worlds = [c for c in found if len(inspect.signature(c.function).parameters) == 1]
    return tuple(about_worlds), tuple(c for c in found if c not in about_worlds)


def broken(before: Any, step: Step, outcome: Outcome) -> str | None:
    """The id of the first law that a step breaks, or None.

    before   the world before the step
    step     the step, resolved
    outcome  what came of it, with the world after it
    """
    about_worlds, about_steps = laws(before.edition, before.part)
    if outcome.world is not before:  # or else it obeys them as before
        for clause in about_worlds:
            if not clause.function(outcome.world):
                return clause.id
    for clause in about_steps:
        if not clause.function(before, step, outcome):
            return clause.id
    return None
