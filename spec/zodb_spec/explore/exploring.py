"""The explorer: every distinct choice of the table of operations, on the model alone, breadth
first.

It starts in one world, takes every step that makes sense there, with every outcome that is allowed,
and goes on from each world that it has not seen yet, within bounds.  After every step it checks the
laws.  Because it goes breadth first, the trace to what it finds is as short as can be.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from zodb_spec.explore.canonical import canonical
from zodb_spec.explore.checking import broken
from zodb_spec.operation import Operation, Outcome, Step, operations
from zodb_spec.script import PRELUDE, after, initial
from zodb_spec.world import ROOT, UNSAVED, World

Check = Callable[[World, Step, Outcome], str | None]


@dataclass(frozen=True)
class Bounds:
    """How far an exploration goes.

    operations    the names of the operations that are taken; empty for all of them
    words         for an argument of that name, the only words that are chosen; arguments that are
                  not named have all their choices
    objects       how many objects there may be beside the root: stored, or in the program's hands
    connections   how many connections there may be, open or closed
    transactions  how many transactions a database may have, or None
    steps         how many steps may follow each other, or None: until nothing is new
    worlds        how many distinct worlds are looked at most, or None
    """

    operations: tuple[str, ...] = ()
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    objects: int = 1
    connections: int = 2
    transactions: int | None = None
    steps: int | None = None
    worlds: int | None = None

    def table(self) -> tuple[Operation, ...]:
        """The operations that are taken.

        Raises LookupError where there is none of that name.
        """
        known = operations()
        for name in self.operations:
            if name not in known:
                raise LookupError(f"there is no operation {name!r}; there are {', '.join(known)}")
        return tuple(known[name] for name in self.operations or known)

    def allow(self, world: World) -> bool:
        """Whether a world is within the bounds."""
        stored = sum(
            len([oid for oid in database.oids() if oid != ROOT])
            for database in world.databases.values()
        )
        new = sum(thing.status.value in (UNSAVED, "added") for thing in world.objects.values())
        new += sum(len(found.created) for found in world.connections.values())
        lengths = [len(database.history) for database in world.databases.values()]
        return (
            stored + new <= self.objects
            and len(world.connections) <= self.connections
            and (self.transactions is None or max(lengths) <= self.transactions)
        )


class Reached(NamedTuple):
    """A world that an exploration reached.

    world   the world
    before  the one from which it was reached, None for the first
    step    the step that led here, None for the first
    depth   how many steps there were
    """

    world: World
    before: Reached | None = None
    step: Step | None = None
    depth: int = 0

    def trace(self) -> tuple[Step, ...]:
        """The steps that led here."""
        if self.before is None or self.step is None:
            return ()
        return (*self.before.trace(), self.step)

    def lines(self) -> tuple[str, ...]:
        """The same as the lines of Python by which a program takes these steps."""
        if self.before is None or self.step is None:
            return ()
        return (*self.before.lines(), line(self.before.world, self.step))


class Taken(NamedTuple):
    """One step of an exploration.

    origin   where it was taken
    world    the world before the step, with the number of the step
    step     the step
    outcome  one of its allowed outcomes
    clauses  the clauses that it exercised
    is_new   whether it led to a world that was not seen before
    """

    origin: Reached
    world: World
    step: Step
    outcome: Outcome
    clauses: tuple[str, ...]
    is_new: bool

    def trace(self) -> tuple[Step, ...]:
        """The steps that led here, this one included."""
        return (*self.origin.trace(), self.step)

    def lines(self) -> tuple[str, ...]:
        """The same as lines of Python."""
        return (*self.origin.lines(), line(self.world, self.step))


def line(world: World, step: Step) -> str:
    """The line of Python by which a program takes a step."""
    return operations()[step[0]].line(world, *step[1:])


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


def begin(prelude: Sequence[Step] = PRELUDE, *, resolves: bool = False) -> World:
    """The world after a prelude, in which each step is taken with its first outcome."""
    return after(initial(resolves=resolves), *prelude)


def choices(world: World, operation: Operation, bounds: Bounds) -> Iterator[Step]:
    """Every step of one operation that makes sense in a world."""

    def complete(arguments: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        if len(arguments) == len(operation.arguments):
            yield arguments
            return
        argument = operation.arguments[len(arguments)]
        words = bounds.words.get(argument.name)
        for word in argument.choices(world, *arguments):
            if words is None or word in words:
                yield from complete((*arguments, word))

    for arguments in complete(()):
        if operation.makes_sense(world, arguments):
            yield (operation.name, *arguments)


def steps(start: World, bounds: Bounds) -> Iterator[Taken]:
    """Every step from every world within the bounds, breadth first."""
    table = bounds.table()
    lengths = bounds.transactions is not None
    seen = {canonical(start, lengths=lengths)}

    def is_new(world: World) -> bool:
        if not bounds.allow(world):
            return False
        form = canonical(world, lengths=lengths)
        known = form in seen
        seen.add(form)
        return not known

    frontier = [Reached(start)]
    while frontier and (bounds.steps is None or frontier[0].depth < bounds.steps):
        reached: list[Reached] = []
        for origin in frontier:
            world = origin.world._replace(step=origin.world.step + 1)
            for operation in table:
                for step in choices(world, operation, bounds):
                    try:
                        outcomes, trace = operation.outcomes(world, step[1:])
                    except Exception as error:
                        lines = (*origin.lines(), line(world, step))
                        error.add_note("at the end of:\n" + "\n".join(lines))
                        raise
                    for outcome in outcomes:
                        new = outcome.world is not world and is_new(outcome.world)
                        if new:
                            further = Reached(outcome.world, origin, step, origin.depth + 1)
                            reached.append(further)
                        yield Taken(origin, world, step, outcome, tuple(trace), new)
        frontier = reached


def explore(start: World, bounds: Bounds, check: Check = broken) -> Exploration:
    """Explore the worlds within bounds, up to the first law that does not hold.

    check: gives the name of a law that a step breaks, or None
    """
    found = Exploration()
    for taken in steps(start, bounds):
        found.taken += 1
        found.exercised.update(taken.clauses)
        law = check(taken.world, taken.step, taken.outcome)
        if law is not None:
            found.violation = Violation(law, taken.trace(), taken.lines())
            found.complete = False
            return found
        if taken.is_new:
            found.worlds += 1
            found.depth = taken.origin.depth + 1
            if found.worlds == bounds.worlds:
                found.complete = False
                return found
    found.complete = bounds.steps is None or found.depth < bounds.steps
    return found


def shortest(
    start: World, bounds: Bounds, wanted: Callable[[Taken], bool]
) -> tuple[Step, ...] | None:
    """The shortest trace to a step of a kind, or None where there is none within the bounds."""
    return next((taken.trace() for taken in steps(start, bounds) if wanted(taken)), None)
