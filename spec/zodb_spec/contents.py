"""The table of contents: the chapters in the order in which they are read.

To import this module is to state every clause and to declare every operation.
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

import zodb_spec.operations  # noqa: F401  # declares the table
from zodb_spec import chapters

ORDER = (
    "objects",
    "tracking",
    "reach",
    "identity",
    "transactions",
    "isolation",
    "connections",
)
"""The chapters that are read in this order; others follow by name."""


def _names() -> list[str]:
    names = sorted(module.name for module in pkgutil.iter_modules(chapters.__path__))
    return [*ORDER, *(name for name in names if name not in ORDER)]


CHAPTERS: tuple[ModuleType, ...] = tuple(
    importlib.import_module(f"{chapters.__name__}.{name}") for name in _names()
)
