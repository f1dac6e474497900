"""A run on a storage: one script performed through its protocol, step by step, beside the model.

What the model expects of a call is Python text, so to compare is to evaluate it.  After a step that
may have changed something, every read of the table is made with all arguments that make sense.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from zodb_spec.clause import clauses
from zodb_spec.explore.checking import broken, laws
from zodb_spec.explore.exploring import every_choice
from zodb_spec.operation import Operation, Outcome, Raised, operations
from zodb_spec.protocol.reading import LIGHT, READS
from zodb_spec.protocol.world import PASSES, STORAGE, World

from zodb_conformance.blaming import names_of
from zodb_conformance.comparing import Mismatch
from zodb_conformance.programs import Done, Line, Program, compiled, quietly
from zodb_conformance.protocol.blaming import Cause, of_call, of_read
from zodb_conformance.results import Recorder, Step
from zodb_conformance.scripts import Finding, beginning
from zodb_conformance.showing import short
from zodb_conformance.targets.base import Target
from zodb_conformance.targets.storages import Storages

TURNING = (
    "tpc-finish",
    "tpc-abort",
    "pack-storage",
    "pack-past",
    "pack-without-gc",
    "reopen-storage",
    "poll",
    "release",
    "open-client",
    "catch-up",
    "close-client",
)
"""The operations after which everything is read; after the others it is what any of them shows."""

OPENING = (
    f"{STORAGE} = open_storage()",
    "layer = Layer()",
    f"{STORAGE}.registerDB(layer)",
    f"reader = beside({STORAGE})",
    "oid0 = z64",
)
"""How a script begins."""


class Look(NamedTuple):
    """A read that is made after a step.

    line      how it is made
    outcomes  what may come of it
    clauses   those that it exercises
    """

    step: Step
    line: str
    outcomes: Sequence[Outcome]
    clauses: Sequence[str]


class Known(NamedTuple):
    """What is known of the reads of a world, by the names of their operations."""

    world: World
    looks: dict[str, list[Look]]


class Run:
    """One script on a new storage (see the module's text).

    target     what to perform it on
    recorder   is told of every step before it is performed, and of the clauses that were compared
               after it
    footprint  whether everything is read that a step could have changed
    lawful     whether the laws are checked after each step
    avoid      says which reads to keep away from
    """

    def __init__(
        self,
        target: Target,
        directory: Path,
        recorder: Recorder,
        *,
        footprint: bool = True,
        lawful: bool = False,
        avoid: Callable[[World, Step], bool] | None = None,
    ) -> None:
        self.avoid = avoid
        self.recorder = recorder
        self.footprint = footprint
        self.lawful = lawful
        self.world: World = beginning(target, "storage")
        self.bench = Bench(Storages(target, directory))
        self.reads = tuple(
            operations("storage")[name]
            for name in READS
            if set(operations("storage")[name].needs.split()) <= target.capabilities
        )
        self.light = tuple(each for each in self.reads if each.name in LIGHT)
        self.known: Known | None = None
        self.taken: list[Step] = []
        self.numbers: list[int] = []
        recorder.script()

    def at(self, number: int) -> World:
        """The world in which the step of that number is to be taken."""
        if self.world.step != number:
            self.world = self.world._replace(step=number)
        return self.world

    def take(self, step: Step, number: int) -> Finding | None:
        """Perform a step that makes sense, and compare."""
        operation = operations("storage")[step[0]]
        before = self.at(number)
        line = operation.line(before, *step[1:])
        outcomes, trace = operation.outcomes(before, step[1:])
        self.recorder.step(step)
        self.taken.append(step)
        self.numbers.append(number)
        done = self.bench.perform(line, number)
        fitting = [outcome for outcome in outcomes if self._fits(outcome, done)]
        if not fitting:
            return self._finding(self._contradiction(before, outcomes, done), step)
        exercised = set(trace)
        mismatch = self._follow(fitting, operation, exercised)
        if mismatch is None and self.lawful:
            mismatch = _judged(before, step, fitting[0]._replace(world=self.world))
        if mismatch is not None:
            return self._finding(mismatch, step)
        self.recorder.exercised(exercised)
        return None

    def end(self) -> Finding | None:
        """Read everything once more, when all steps are taken."""
        if not self.taken:
            return None
        if self.lawful:
            in_force = laws(self.world.edition, "storage")
            self.recorder.exercised(clause.id for group in in_force for clause in group)
        exercised: set[str] = set()
        mismatch = next(self._wrong_reads(self.reads, Cause(), exercised), None)
        if mismatch is not None:
            return self._finding(mismatch, ("end",))
        self.recorder.exercised(exercised)
        return None

    def _fits(self, outcome: Outcome, done: Done) -> bool:
        seen = outcome.seen
        if isinstance(seen, Raised):
            return done.error is not None and not names_of(done.error).isdisjoint(seen.errors)
        return done.error is None and (seen is PASSES or self.bench.holds(seen.expression))

    def _follow(
        self, fitting: list[Outcome], operation: Operation, exercised: set[str]
    ) -> Mismatch | None:
        """Go on in the first of the worlds that are allowed in which everything is as it should be.

        Where there is none, what is wrong is told as it is in the first of them.
        """
        reads: tuple[Operation, ...] = ()
        if operation.name in TURNING and (self.footprint or len(fitting) > 1):
            reads = self.reads
        elif self.footprint and operation.name not in READS:
            reads = self.light
        if not reads:
            self.world = fitting[0].world
            return None
        first: Mismatch | None = None
        commit = self.world.commit
        written = commit.writes if commit is not None and operation.name == "tpc-finish" else ()
        for outcome in fitting:
            self.world = outcome.world
            cause = Cause(operation.name, outcome.clause, written)
            mismatch = next(self._wrong_reads(reads, cause, exercised), None)
            if mismatch is None:
                return None
            first = first or mismatch
        self.world = fitting[0].world
        return first

    def _wrong_reads(
        self, reads: tuple[Operation, ...], cause: Cause, exercised: set[str]
    ) -> Iterator[Mismatch]:
        """What reads show that is not what it should be.

        cause:     the step after which they are made
        exercised: the clauses are added to it that were compared
        """
        for look in self._looks(reads):
            done = self.bench.look(look.line)
            if not any(self._fits(outcome, done) for outcome in look.outcomes):
                call = look.line.partition(" = ")[2]
                observed = _observed(self.bench, look.outcomes[0], done)
                blame = of_read(self.world, self.bench, look.step, look.outcomes[0], cause)
                expected = f"{_expected(look.outcomes)} from `{call}`"
                yield Mismatch(*blame, expected, observed, _check(call, look.outcomes))
            exercised.update(look.clauses)

    def _looks(self, reads: tuple[Operation, ...]) -> Iterator[Look]:
        """Every read of some operations that makes sense.

        The model is not asked again as long as there is nothing new for anybody to see; what is
        being committed is not.
        """
        world = self.world._replace(step=0, commit=None, idle=())
        if self.known is None or self.known.world != world:
            self.known = Known(world, {})
        for operation in reads:
            if operation.name not in self.known.looks:
                self.known.looks[operation.name] = [
                    _look(world, operation, step)
                    for step in every_choice(world, operation)
                    if self.avoid is None or not self.avoid(world, step)
                ]
            yield from self.known.looks[operation.name]

    def _contradiction(self, before: World, outcomes: Any, done: Done) -> Mismatch:
        blame = of_call(before.commit, outcomes[0], done)
        observed = _observed(self.bench, outcomes[0], done)
        passing = [one.seen.expression for one in outcomes if not isinstance(one.seen, Raised)]
        expression = " or ".join(passing) if done.error is None else ""
        if done.error is None and not passing:
            observed = "nothing is raised"
        return Mismatch(*blame, _expected(outcomes), observed, expression)

    def _finding(self, mismatch: Mismatch, step: Step) -> Finding:
        return Finding(
            mismatch, step[0], tuple(self.numbers), tuple(self.taken), tuple(self.bench.lines)
        )


class Bench(Program):
    """A storage with the program's variables.

    storages: opens it
    """

    def __init__(self, storages: Storages) -> None:
        super().__init__()
        self.storages = storages
        self.variables.update(storages.calls(), z64=bytes(8))
        for line in OPENING:
            exec(compiled(line), self.variables)
            self.lines.append(Line(line))

    def close(self) -> None:
        """Close everything, whatever state it is in."""
        for name, value in self.variables.items():
            if name.startswith("instance"):
                quietly(value.release)
        self.storages.close()
        self.variables.clear()


def _look(world: World, operation: Operation, step: Step) -> Look:
    outcomes, trace = operation.outcomes(world, step[1:])
    return Look(step, operation.line(world, *step[1:]), outcomes, trace)


def _expected(outcomes: Any) -> str:
    told = (
        " or ".join(outcome.seen.errors) if isinstance(outcome.seen, Raised) else outcome.seen.told
        for outcome in outcomes
    )
    return " or ".join(dict.fromkeys(told))


def _observed(bench: Bench, outcome: Outcome, done: Done) -> str:
    if done.error is not None:
        return f"it raises {short(done.error, 160)}"
    if isinstance(outcome.seen, Raised):
        return f"it gives {short(bench.variables.get(done.variable), 160)}"
    try:
        return f"it is {short(eval(outcome.seen.what, bench.variables), 160)}"
    except (Exception, SystemExit) as error:  # noqa: BLE001  # what a target gave may be anything
        return f"to look at it raises {short(error, 160)}"


def _check(call: str, outcomes: Any) -> str:
    """The Python that is true where a read gives what it may give, or fails as it may."""
    allowed = (
        f"fails_with({outcome.seen.errors!r}, lambda: {call})"
        if isinstance(outcome.seen, Raised)
        else f"{call} == {outcome.seen.value}"
        for outcome in outcomes
    )
    return " or ".join(allowed)


def _judged(before: World, step: Step, outcome: Outcome) -> Mismatch | None:
    law = broken(before, step, outcome)
    if law is None:
        return None
    return Mismatch(law, 0, clauses()[law].summary, "that is not what the steps led to", "False")
