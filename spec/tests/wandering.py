"""Ways through small worlds, to see which of their worlds are one."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from zodb_spec.explore import SmallWorld
from zodb_spec.explore.exploring import every_choice
from zodb_spec.operation import Raised, Step


def choices(small: SmallWorld[Any], world: Any) -> Iterator[tuple[Step, Any]]:
    """What can be done in one of the worlds, with each outcome."""
    numbered = world._replace(step=world.step + 1)
    for operation in small.bounds.table():
        for step in every_choice(numbered, operation, small.bounds.words):
            for outcome in operation.outcomes(numbered, step[1:])[0]:
                yield step, outcome


def walk(small: SmallWorld[Any], seed: int, length: int) -> Iterator[Any]:
    """The worlds on one way through a small world, which may come to an end."""
    draw = random.Random(f"{small.summary}/{seed}")
    world = small.start()
    for _ in range(length):
        open_ways = list(choices(small, world))
        if not open_ways:
            return
        _, outcome = draw.choice(open_ways)
        if small.bounds.allow(outcome.world):
            world = outcome.world
            yield world


def pairs_of_one_form(small: SmallWorld[Any]) -> list[tuple[Any, Any]]:
    """Worlds that differ, and have one form."""
    alike = defaultdict(list)
    for seed in range(25):
        for world in walk(small, seed, 12):
            alike[small.bounds.form(world)].append(world)
    return [(one, other) for one, *more in alike.values() for other in more[-1:] if one != other]


def what_can_happen(
    world: Any, small: SmallWorld[Any], *, why: bool
) -> set[tuple[str, object, str, bytes]]:
    """What a program can do in a world, what it sees then, where that leads, and `why` it sees it,
    where the form of such worlds has the clauses by which something came to be as it is.
    """
    found = set()
    for step, outcome in choices(small, world):
        seen = outcome.seen
        words = seen.errors if isinstance(seen, Raised) else getattr(seen, "kind", "")
        clause = outcome.clause if why else ""
        found.add((step[0], words, clause, small.bounds.form(outcome.world)))
    return found
