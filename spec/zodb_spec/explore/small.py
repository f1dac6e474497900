"""What a small world is: a beginning, and how far to go from there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from zodb_spec.editions import CURRENT, Edition
from zodb_spec.explore.exploring import Exploration, Limits, explore
from zodb_spec.operation import Step
from zodb_spec.preludes import PRELUDE
from zodb_spec.script import after, initial_of, part_of

AnyLimits = TypeVar("AnyLimits", bound=Limits)

ONE: tuple[Step, ...] = (
    ("open", "db", "manager1", "connection1"),
    ("root", "connection1", "root1"),
)
TWO: tuple[Step, ...] = (
    *ONE,
    ("open", "db", "manager2", "connection2"),
    ("root", "connection2", "root2"),
)


def held(kind: str, *names: str) -> tuple[Step, ...]:
    """Two connections that both hold objects of a kind: ``one1``, ``one2`` for the name "one"."""
    attributes = ("'a'", "'b'", "'c'")
    made: list[Step] = []
    read: list[Step] = []
    for name, attribute in zip(names, attributes, strict=False):
        made += [("new", f"{name}1", kind), ("link", "root1", attribute, f"{name}1", "strong")]
        read.append(("read", "root2", attribute, f"{name}2"))
    return (*TWO, *made, ("commit", "manager1"), ("begin", "manager2"), *read)


ENDS = ("commit", "abort", "begin")


def begin(
    prelude: Sequence[Step] = PRELUDE,
    *,
    resolves: bool = False,
    edition: Edition = CURRENT,
    versions: bool = False,
) -> Any:
    """The world after a prelude, in which each step is taken with its first outcome."""
    first = initial_of(part_of(prelude), resolves=resolves, edition=edition, versions=versions)
    return after(first, *prelude)


@dataclass(frozen=True)
class SmallWorld(Generic[AnyLimits]):
    """A beginning, and how far to go from there.

    summary   what it shows
    prelude   the steps that lead to its beginning
    bounds    how far an exploration goes
    resolves  whether its storage resolves conflicts
    edition   the edition whose rules are followed
    versions  whether its storage has versions
    """

    summary: str
    prelude: tuple[Step, ...]
    bounds: AnyLimits
    resolves: bool = False
    edition: Edition = CURRENT
    versions: bool = False

    def start(self) -> Any:
        """The world at its beginning."""
        return begin(
            self.prelude, resolves=self.resolves, edition=self.edition, versions=self.versions
        )

    def explore(self) -> Exploration:
        """Everything that can happen in it."""
        return explore(self.start(), self.bounds)


def words(**given: str) -> Mapping[str, tuple[str, ...]]:
    """The words of `Bounds`, each argument's in one text."""
    return {name: tuple(text.split()) for name, text in given.items()}
