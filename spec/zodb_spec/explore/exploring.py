"""The explorer: every distinct choice of the table of operations, on the model alone, breadth
first.

It starts in one world, of connections or of a storage, takes every step that makes sense there,
with every outcome that is allowed, and goes on from each world that it has not seen yet, within
bounds.  After every step it checks the laws.  Because it goes breadth first, the trace to what it
finds is as short as can be.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, ClassVar, NamedTuple

from zodb_spec.clause import Part
from zodb_spec.explore.checking import broken
from zodb_spec.operation import Operation, Outcome, Step, operations
from zodb_spec.world import NOTHING

Check = Callable[[Any, Step, Outcome], str | None]


@dataclass(frozen=True)
class Limits:
    """How far an exploration goes, whatever its worlds are made of.

    operations  the names of the operations that are taken; empty for all of them
    words       for an argument of that name, the only words that are chosen; arguments that are not
                named have all their choices
    steps       how many steps may follow each other, or None: until nothing is new
    worlds      how many distinct worlds are looked at most, or None
    part        whose worlds they are
    """

    operations: tuple[str, ...] = ()
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    steps: int | None = None
    worlds: int | None = None
    part: ClassVar[Part]

    def table(self) -> tuple[Operation, ...]:
        """The operations that are taken.

        Raises LookupError where there is none of that name.
        """
        known = operations(self.part)
        for name in self.operations:
            if name not in known:
                raise LookupError(f"there is no operation {name!r}; there are {', '.join(known)}")
        return tuple(known[name] for name in self.operations or known)

    def allow(self, world: Any) -> bool:
        """Whether a world is within the bounds."""
        raise NotImplementedError

    def form(self, world: Any) -> bytes:
        """What two worlds have in common that no program can tell apart."""
        raise NotImplementedError


class Trail(NamedTuple):
    """How a world was reached: enough to get there again, without keeping the worlds on the way.

    before   the trail to the world before the last step
    step     the last step
    outcome  which of its allowed outcomes it had, the first being 0
    depth    how many steps there were
    """

    before: Trail | None
    step: Step
    outcome: int
    depth: int


def trace(trail: Trail | None) -> tuple[Step, ...]:
    """The steps of a trail."""
    return tuple(found.step for found in _whole(trail))


def lines(start: Any, trail: Trail | None) -> tuple[str, ...]:
    """The same as the lines of Python by which a program takes these steps, from a given world."""
    told = []
    world = start
    for found in _whole(trail):
        world = world._replace(step=world.step + 1)
        operation = operations(world.part)[found.step[0]]
        told.append(operation.line(world, *found.step[1:]))
        if found is not trail:
            world = operation.outcomes(world, found.step[1:])[0][found.outcome].world
    return tuple(told)


def _whole(trail: Trail | None) -> list[Trail]:
    found = []
    while trail is not None:
        found.append(trail)
        trail = trail.before
    return found[::-1]


class Taken(NamedTuple):
    """One step of an exploration.

    trail    the way to it, this step included
    world    the world before the step, with the number of the step
    step     the step
    outcome  one of its allowed outcomes
    clauses  the clauses that it exercised
    is_new   whether it led to a world that was not seen before
    """

    trail: Trail
    world: Any
    step: Step
    outcome: Outcome
    clauses: Sequence[str]
    is_new: bool


class Violation(NamedTuple):
    """A law that does not hold, and the shortest way to break it.

    law    the id of its clause
    trace  the steps, the last of which breaks it
    lines  the same as lines of Python
    """

    law: str
    trace: tuple[Step, ...]
    lines: tuple[str, ...]


@dataclass
class Exploration:
    """What an exploration came to.

    worlds      how many distinct worlds there are, the first one counted
    taken       how many steps were taken, every outcome counted
    depth       how many steps away the farthest of the worlds is
    complete    whether every world within the bounds was reached, however far away
    violation   the law that does not hold, where there is one
    exercised   how often each clause was exercised
    """

    worlds: int = 1
    taken: int = 0
    depth: int = 0
    complete: bool = True
    violation: Violation | None = None
    exercised: Counter[str] = field(default_factory=Counter)


def every_choice(
    world: Any, operation: Operation, only: Mapping[str, Sequence[str]] = NOTHING
) -> Iterator[Step]:
    """Every step of one operation that makes sense in a world.

    only: for an argument of that name, the only words that are chosen
    """
    found: list[tuple[str, ...]] = [()]
    for argument in operation.arguments:
        words = only.get(argument.name)
        found = [
            (*before, word)
            for before in found
            for word in dict.fromkeys(argument.choices(world, *before))
            if words is None or word in words
        ]
    for arguments in found:
        if operation.makes_sense(world, arguments):
            yield (operation.name, *arguments)


def steps(start: Any, bounds: Limits) -> Iterator[Taken]:
    """Every step from every world within the bounds, breadth first."""
    table = bounds.table()
    seen = {_digest(start, bounds)}

    def is_new(world: Any) -> bool:
        if not bounds.allow(world):
            return False
        known = len(seen)
        seen.add(_digest(world, bounds))
        return len(seen) > known

    frontier: list[tuple[Any, Trail | None]] = [(start, None)]
    depth = 0
    while frontier and (bounds.steps is None or depth < bounds.steps):
        depth += 1
        reached: list[tuple[Any, Trail | None]] = []
        for origin, before in frontier:
            world = origin._replace(step=origin.step + 1)
            for operation in table:
                for step in every_choice(world, operation, bounds.words):
                    try:
                        outcomes, clauses = operation.outcomes(world, step[1:])
                    except Exception as error:
                        way = lines(start, Trail(before, step, 0, depth))
                        error.add_note("at the end of:\n" + "\n".join(way))
                        raise
                    for number, outcome in enumerate(outcomes):
                        trail = Trail(before, step, number, depth)
                        new = outcome.world is not world and is_new(outcome.world)
                        if new:
                            reached.append((outcome.world, trail))
                        yield Taken(trail, world, step, outcome, clauses, new)
        frontier = reached


def _digest(world: Any, bounds: Limits) -> bytes:
    """What stands for the canonical form of a world among millions of them."""
    return blake2b(bounds.form(world), digest_size=16).digest()


def explore(start: Any, bounds: Limits, check: Check = broken) -> Exploration:
    """Explore the worlds within bounds, up to the first law that does not hold.

    check: gives the name of a law that a step breaks, or None
    """
    found = Exploration()
    for taken in steps(start, bounds):
        found.taken += 1
        found.exercised.update(taken.clauses)
        law = check(taken.world, taken.step, taken.outcome)
        if law is not None:
            found.violation = Violation(law, trace(taken.trail), lines(start, taken.trail))
            found.complete = False
            return found
        if taken.is_new:
            found.worlds += 1
            found.depth = taken.trail.depth
            if found.worlds == bounds.worlds:
                found.complete = False
                return found
    found.complete = bounds.steps is None or found.depth < bounds.steps
    return found


def shortest(
    start: Any, bounds: Limits, wanted: Callable[[Taken], bool]
) -> tuple[Step, ...] | None:
    """The shortest trace to a step of a kind, or None where there is none within the bounds."""
    return next((trace(taken.trail) for taken in steps(start, bounds) if wanted(taken)), None)
