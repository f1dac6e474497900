"""What a double is, and the registry of all of them."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from zodb_conformance.doubles import faults
from zodb_conformance.targets import reference
from zodb_conformance.targets.base import Target

REFERENCES: dict[str, Callable[[], Target]] = {
    "reference-clients": reference.clients,
    "reference-memory": reference.memory,
    "reference-snapshots": reference.snapshots,
    "reference-sqlite": reference.sqlite,
}
"""The targets of the reference that a double can be made of."""

Fault = AbstractContextManager[object]
"""Within it, the implementation is faulty; behind it everything is as before."""


@dataclass(frozen=True)
class Double:
    """A correct implementation with one fault.

    name    what it is called: the name of the function that plants the fault, with hyphens
    clause  the id of the clause that the fault breaks
    text    which rule that is, and how it would hurt a user
    plant   gives the fault
    also    ids of clauses that the fault can't but break as well
    checks  globs of the checks that find it soonest; empty for all that exercise the clause
    edition  the name of the edition in which the clause binds, where it isn't today's
    on      the name of the target of the reference that is made faulty
    """

    name: str
    clause: str
    text: str
    plant: Callable[[], Fault]
    also: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    edition: str = "current"
    on: str = "reference-memory"

    def stands_on(self) -> Target:
        """The correct target that is made faulty."""
        return REFERENCES[self.on]()

    @property
    def summary(self) -> str:
        """The first sentence of the text, in one line."""
        return " ".join(self.text.split("\n\n")[0].split())


_registry: dict[str, Double] = {}


def double(
    clause: str,
    *,
    also: str = "",
    checks: str = "",
    edition: str = "current",
    on: str = "reference-memory",
) -> Callable[[Callable[[], Fault]], Callable[[], Fault]]:
    """Register a function that plants a fault; its docstring is the text of the double.

    clause, also, checks, edition, on: see `Double`; also and checks separated by spaces

    Raises ValueError where the name is taken, or the text missing.
    """

    def register(plant: Callable[[], Fault]) -> Callable[[], Fault]:
        name = plant.__name__.replace("_", "-")
        text = inspect.getdoc(plant)
        if name in _registry:
            raise ValueError(f"there are two doubles called {name!r}")
        if not text:
            raise ValueError(f"double {name!r} does not say what it breaks: give it a docstring")
        _registry[name] = Double(
            name, clause, text, plant, tuple(also.split()), tuple(checks.split()), edition, on
        )
        return plant

    return register


def registered() -> Mapping[str, Double]:
    """All doubles by name; to ask for them imports every module of faults."""
    for module in sorted(module.name for module in pkgutil.iter_modules(faults.__path__)):
        importlib.import_module(f"{faults.__name__}.{module}")
    return _registry
