"""Small worlds: each shows one part of the specification whole, and can be explored in seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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


@dataclass(frozen=True)
class SmallWorld:
    """A beginning, and how far to go from there.

    summary   what it shows
    prelude   the steps that lead to its beginning
    bounds    how far an exploration goes
    resolves  whether its storage resolves conflicts
    """

    summary: str
    prelude: tuple[Step, ...]
    bounds: Bounds
    resolves: bool = False

    def start(self) -> World:
        """The world at its beginning."""
        return begin(self.prelude, resolves=self.resolves)

    def explore(self) -> Exploration:
        """Everything that can happen in it."""
        return explore(self.start(), self.bounds)


def words(**given: str) -> Mapping[str, tuple[str, ...]]:
    """The words of `Bounds`, each argument's in one text."""
    return {name: tuple(text.split()) for name, text in given.items()}


ENDS = ("commit", "abort", "begin")

SMALL_WORLDS: dict[str, SmallWorld] = {
    "one-object": SmallWorld(
        "One connection, and one object that is made, added, linked, stored, found and forgotten",
        ONE,
        Bounds(
            (
                "new",
                "link",
                "unlink",
                "add",
                "read",
                "commit",
                "abort",
                "commit-sabotaged",
                "forget",
            ),
            words(attribute="'a' a", kind="Thing", form="strong", phase="tpc_vote", order="before"),
            connections=1,
        ),
    ),
    "two-objects": SmallWorld(
        "One connection, and two objects that refer to each other, strongly or weakly",
        ONE,
        Bounds(
            ("new", "link", "commit", "abort", "set-unpicklable"),
            words(attribute="'a' a", kind="Thing", form="strong weak", reason="lambda"),
            objects=2,
            connections=1,
            steps=6,
        ),
    ),
    "two-connections": SmallWorld(
        "One new object, and two connections that can own it",
        TWO,
        Bounds(
            ("new", "link", "add", "get", "commit", "abort"),
            words(attribute="'a'", kind="Thing", form="strong"),
        ),
    ),
    "one-shared-object": SmallWorld(
        "Two transactions that read, mark and change one object",
        held("Thing", "one"),
        Bounds(
            ("set", "read-current", *ENDS),
            words(thing="one1 one2", attribute="a", value="one none"),
        ),
    ),
    "two-shared-objects": SmallWorld(
        "Two transactions that change two objects: where write skew lives",
        held("Thing", "one", "other"),
        Bounds(
            ("set", *ENDS),
            words(thing="one1 one2 other1 other2", attribute="a", value="one"),
            objects=2,
        ),
    ),
    "counter": SmallWorld(
        "Two transactions that count one counter, whose conflicts can be merged",
        held("Counter", "one"),
        Bounds(
            ("increment", "set", "read-current", "invalidate", *ENDS),
            words(counter="one1 one2", thing="one1 one2", attribute="a", value="one"),
            steps=6,
        ),
        resolves=True,
    ),
    "tracking": SmallWorld(
        "Everything that a program can do to the status of one object",
        held("Thing", "one"),
        Bounds(
            (
                *("set", "unlink", "set-unpicklable", "mark-changed", "deactivate", "invalidate"),
                *("read", "commit", "abort"),
            ),
            words(thing="one1 one2", attribute="a", value="one", reason="lambda"),
        ),
    ),
    "failures": SmallWorld(
        "Transactions that fail in each phase, and are doomed",
        held("Thing", "one"),
        Bounds(
            ("set", "commit-sabotaged", "change-after-failure", "doom", "commit", "abort"),
            words(thing="one1 one2", attribute="a", value="one"),
        ),
    ),
    "open-and-close": SmallWorld(
        "Connections that are closed, used when closed, and opened again",
        held("Thing", "one"),
        Bounds(
            ("open", "close", "sync", "set", "read", "get", "root", "commit"),
            words(thing="one1 one2", attribute="a", value="one"),
        ),
    ),
}
"""All small worlds, by name."""
