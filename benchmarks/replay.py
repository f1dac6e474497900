"""What it costs to hold a target against the model: its databases, and its storage alone.

A script is recorded once on each target, as the lines of Python that it came to; that of a storage
ends with every read that makes sense.  *Bare* executes these lines on what is opened anew, and does
nothing else; *model* replays the steps, with the same calls, beside model and comparison;
*footprints* looks at everything that a step could have touched as well.

What is measured is the time of the processor: on a machine that others use as well, waiting for
them would be counted now on the one side of a ratio and now on the other.
"""

from __future__ import annotations

import random
import resource
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import process_time
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from timing import best
from zodb_conformance import runner
from zodb_conformance.context import Context
from zodb_conformance.drivers.search import Search
from zodb_conformance.drivers.walker import CHOICES
from zodb_conformance.mixes import MIXES, Mix
from zodb_conformance.performing import begun, perform
from zodb_conformance.plan import Plan
from zodb_conformance.programs import Done
from zodb_conformance.results import Step, Tally
from zodb_conformance.scripts import raw, resolved
from zodb_conformance.targets import Target, resolve
from zodb_spec.clause import Part
from zodb_spec.operation import operations
from zodb_spec.preludes import PRELUDE
from zodb_spec.script import WIDTH, initial_of
from zodb_spec.script import resolve as choose
from zodb_spec.situations import situations

MIX: dict[Part, Mix] = {"connection": MIXES["everything"], "storage": MIXES["storage"]}
"""The scripts by which each of the two tables of operations is measured."""

SCRIPTS, STEPS = 40, 100
TARGETS = ("zodb-mapping", "reference-memory", "zodb-file", "reference-sqlite")


def numbers_of(number: int) -> list[list[int]]:
    """A raw script."""
    draw = random.Random(number).randrange
    return [[draw(CHOICES) for _ in range(WIDTH)] for _ in range(STEPS)]


def record(target: Target, part: Part) -> list[tuple[tuple[Step, ...], list[str]]]:
    """Scripts on a target: their steps, and the lines that they came to.

    They keep away from whatever some target is known to break, so that none ends early.
    """
    search = Search(Context(Plan(avoid=tuple(situations())), target, Tally()), "benchmark", part)
    mix = MIX[part].part_for(target.capabilities)
    assert mix is not None, "each of the targets can be driven"
    recorded = []
    for number in range(SCRIPTS):
        with tempfile.TemporaryDirectory() as directory:
            run = begun(part, target, Path(directory), Tally())
            sources = raw(mix.prelude(number), numbers_of(number), mix.choice())
            begin = len(run.bench.lines)
            for index, source in enumerate(sources, 1):
                step = source(run.at(index))
                if step is None or search.avoids(run.world, step):
                    continue
                if run.take(step, index) is not None:
                    break
            lines = [line.text for line in run.bench.lines[begin:]]
            recorded.append((tuple(run.taken), lines + reads_at_the_end(run)))
            run.bench.close()
    return recorded


def reads_at_the_end(run: Any) -> list[str]:
    """The lines of what is read when all steps are taken."""
    look, lines = run.bench.look, []

    def noted(line: str) -> Done:
        lines.append(line)
        done: Done = look(line)
        return done

    run.bench.look = noted
    run.end()
    return lines


def bare(target: Target, part: Part, scripts: Sequence[Sequence[str]]) -> None:
    """Execute the lines of scripts, each on what is opened anew."""
    for lines in scripts:
        with tempfile.TemporaryDirectory() as directory:
            bench = begun(part, target, Path(directory), Tally()).bench
            for line in lines:
                bench.perform(line)
            bench.close()


def with_model(
    target: Target, part: Part, scripts: Sequence[Sequence[Step]], *, footprint: bool
) -> None:
    """Replay scripts beside the model."""
    for steps in scripts:
        perform(target, resolved(steps), Tally(), footprint=footprint, part=part)


def model_alone(part: Part, scripts: Sequence[Sequence[Sequence[int]]]) -> int:
    """Interpret raw scripts on the model alone, and count the steps."""
    choice, count = MIX[part].choice(), 0
    for numbers in scripts:
        world = initial_of(part)
        for index, each in enumerate(numbers, 1):
            world = world._replace(step=index)
            step = choose(world, each, choice)
            if step is not None:
                outcomes, _ = operations(part)[step[0]].outcomes(world, step[1:])
                world = outcomes[0].world
                count += 1
    return count


def machine_beside_walker(target: Target) -> None:
    """The same raw scripts, drawn by Hypothesis and drawn by the walker's generator."""
    drawn: list[list[list[int]]] = []
    step = st.lists(st.integers(0, 255), min_size=WIDTH, max_size=WIDTH)

    @seed(0)
    @settings(
        max_examples=SCRIPTS,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(step, min_size=STEPS, max_size=STEPS))
    def machine(numbers: list[list[int]]) -> None:
        drawn.append(numbers)
        perform(target, raw(PRELUDE, numbers, MIX["connection"].choice()), Tally())

    begun = process_time()
    machine()
    by_machine = process_time() - begun
    begun = process_time()
    for numbers in drawn:
        perform(target, raw(PRELUDE, numbers, MIX["connection"].choice()), Tally())
    by_walker = process_time() - begun
    ratio = by_machine / by_walker
    print(f"drawn by Hypothesis / by the walker, {len(drawn)} equal scripts: {ratio:.2f}")


def row_of(target: Target, part: Part) -> str:
    """What it costs on one target."""
    recorded = record(target, part)
    lines = [each for _, each in recorded]
    steps = [each for each, _ in recorded]
    times = best(
        {
            "bare": lambda: bare(target, part, lines),
            "model": lambda: with_model(target, part, steps, footprint=False),
            "footprints": lambda: with_model(target, part, steps, footprint=True),
        },
        rounds=12,
        clock=process_time,
    )
    total = sum(map(len, steps))
    return (
        f"{target.name:18} {total:6} {times['bare'] / total * 1e6:8.1f} "
        f"{times['model'] / times['bare']:11.2f} {times['footprints'] / times['bare']:16.2f}"
    )


def table_of(part: Part) -> None:
    """Print the figures of one part of the specification."""
    numbers = [numbers_of(number) for number in range(SCRIPTS)]
    count = model_alone(part, numbers)
    alone = best({"model": lambda: model_alone(part, numbers)}, clock=process_time)["model"]
    print(f"{part}: model alone {count / alone:,.0f} steps per second")
    print(f"{'target':18} {'steps':>6} {'bare µs':>8} {'model/bare':>11} {'footprints/bare':>16}")
    for name in TARGETS:
        print(row_of(resolve(Plan(target=name)), part))


def main() -> None:
    """Print the figures."""
    with runner.quiet():
        for part in MIX:
            table_of(part)
        machine_beside_walker(resolve(Plan(target="reference-memory")))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of all this: {peak:.0f} MiB")


if __name__ == "__main__":
    main()
