"""Scripts on their way: where their steps come from, and what is found at their end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from zodb_spec import script as scripts
from zodb_spec.clause import Part
from zodb_spec.editions import Edition
from zodb_spec.operation import Operation

from zodb_conformance.comparing import Mismatch
from zodb_conformance.programs import Line
from zodb_conformance.results import Step
from zodb_conformance.targets.base import Target


def beginning(target: Target, part: Part = "connection") -> Any:
    """The world at the beginning of a script on a target."""
    edition = Edition(target.edition)
    return scripts.initial_of(
        part, resolves=target.resolves, edition=edition, versions=target.versions
    )


Source = Callable[[Any], Step | None]
"""Where steps come from: given the world, the next step, or None to skip."""


@dataclass(frozen=True)
class Finding:
    """A contradiction between the target and the model, at the end of a run.

    mismatch    what disagreed
    noticed     the operation in which it showed
    numbers     the numbers that the steps had in the model, one for each step of the script
    script      the steps that were taken, resolved
    lines       the lines of Python that were performed
    """

    mismatch: Mismatch
    noticed: str
    numbers: tuple[int, ...]
    script: tuple[Step, ...]
    lines: tuple[Line, ...]


def raw(
    prelude: Sequence[Step], numbers: Sequence[Sequence[int]], choice: Sequence[Operation]
) -> Iterator[Source]:
    """The steps of a raw script after its prelude, each resolved when its turn comes."""
    yield from resolved(prelude)
    for each in numbers:
        yield lambda world, each=each: scripts.resolve(world, each, choice)  # type: ignore[misc]


def resolved(script: Iterable[Step]) -> Iterator[Source]:
    """The steps of a resolved script, each skipped where it makes no sense (any more)."""
    for step in script:
        yield lambda world, step=step: step if scripts.makes_sense(world, step) else None  # type: ignore[misc]
