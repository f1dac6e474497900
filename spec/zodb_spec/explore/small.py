"""What a small world is: a beginning, and how far to go from there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from zodb_spec.editions import CURRENT, Edition
from zodb_spec.explore.exploring import Bounds, Exploration, begin, explore
from zodb_spec.operation import Step
from zodb_spec.world import World

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


@dataclass(frozen=True)
class SmallWorld:
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
    bounds: Bounds
    resolves: bool = False
    edition: Edition = CURRENT
    versions: bool = False

    def start(self) -> World:
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
