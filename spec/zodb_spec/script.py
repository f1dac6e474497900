"""Scripts: the one currency of all drivers.

A *raw* script is a list of small integers, four for each step.  It is interpreted against the
world: the first integer chooses the operation, the others its arguments among those that make
sense; a step that makes no sense is skipped. Raw scripts are what generators draw, and they never
depend on what a target did.

A *resolved* script names every argument: ``("link", "root1", "'a'", "thing2", "strong")``.  It
means the same when steps are removed from it, so this is what is shrunk, recorded in witnesses and
replayed; a step that has lost its sense is skipped here as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zodb_spec.clause import Part
from zodb_spec.editions import CURRENT, Edition
from zodb_spec.operation import Operation, Outcome, Step, operations
from zodb_spec.operations.choices import DATABASE
from zodb_spec.operations.databases import new_database
from zodb_spec.protocol import world as protocol
from zodb_spec.world import Fact, Manager, World

WIDTH = 4


def initial(
    *,
    resolves: bool | None = False,
    managers: int = 2,
    edition: Edition = CURRENT,
    versions: bool | None = False,
) -> World:
    """The world at the beginning: one database, with its root; managers, and no connection.

    resolves  whether the storage resolves conflicts, None where that is not known
    managers  how many transaction managers the program has
    edition   the edition whose rules are followed
    versions  whether the storage has versions, None where that is not known
    """
    usable = Fact("usable", "transaction.commit-stores-changes")
    return World(
        databases={DATABASE: new_database(resolves=resolves, versions=versions)},
        managers={f"manager{number}": Manager(usable) for number in range(1, managers + 1)},
        connections={},
        objects={},
        edition=edition,
    )


def initial_of(
    part: Part,
    *,
    resolves: bool | None = False,
    edition: Edition = CURRENT,
    versions: bool | None = False,
) -> Any:
    """The world at the beginning of a script of a part; otherwise as `initial`."""
    if part == "storage":
        return protocol.initial(resolves=resolves, edition=edition)
    return initial(resolves=resolves, edition=edition, versions=versions)


def mix(
    weights: Mapping[str, int] | None = None, part: Part = "connection"
) -> tuple[Operation, ...]:
    """The operations that a script chooses from, each as often as its weight says.

    weights: replaces the table's own weights for the operations that it names; 0 leaves one out
    part:    which of the tables it is
    """
    given = weights or {}
    return tuple(
        operation
        for name, operation in operations(part).items()
        for _ in range(given.get(name, operation.weight))
    )


def resolve(world: Any, numbers: Sequence[int], choice: Sequence[Operation]) -> Step | None:
    """The step that the integers stand for in this world, or None where it makes no sense."""
    operation = choice[numbers[0] % len(choice)]
    arguments: list[str] = []
    rest = iter(numbers[1:])
    for argument in operation.arguments:
        candidates = argument.choices(world, *arguments)
        if not candidates:
            return None
        arguments.append(
            candidates[0] if len(candidates) == 1 else candidates[next(rest, 0) % len(candidates)]
        )
    return (operation.name, *arguments) if operation.makes_sense(world, arguments) else None


def makes_sense(world: Any, step: Step) -> bool:
    """Whether a resolved step can be taken in this world.

    Raises LookupError where there is no such operation, ValueError where the arguments are not its
    arguments.
    """
    table = operations(world.part)
    operation = table.get(step[0])
    if operation is None:
        raise LookupError(f"there is no operation {step[0]!r}; there are {', '.join(table)}")
    if len(step) - 1 != len(operation.arguments):
        names = ", ".join(argument.name for argument in operation.arguments)
        raise ValueError(f"operation {step[0]!r} takes {names}; got {', '.join(step[1:])}")
    return operation.makes_sense(world, step[1:])


def outcomes(world: Any, *step: str) -> Sequence[Outcome]:
    """The allowed outcomes of a resolved step that is taken next.

    Raises ValueError where it makes no sense, LookupError where there is no such operation.
    """
    world = world._replace(step=world.step + 1)
    if not makes_sense(world, step):
        raise ValueError(f"{step} makes no sense as step {world.step}")
    return operations(world.part)[step[0]].outcomes(world, step[1:])[0]


def part_of(script: Sequence[Step]) -> Part:
    """To which part a script belongs, by the name of its first operation."""
    return "storage" if script and script[0][0] in operations("storage") else "connection"


def after(world: Any, *steps: Step) -> Any:
    """The world after some resolved steps, each with its first outcome; errors as of `outcomes`."""
    for step in steps:
        world = outcomes(world, *step)[0].world
    return world
