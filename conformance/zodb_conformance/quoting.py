"""Quoting: the suite's functions and classes as source, for scripts that run without the suite.

What an example or a step of a script uses beside the implementation's own interface are names: of
functions and classes in `kit`, `things`, `specimens` and `schedules`, whose source can stand at the
head of any script, and of things that `PREAMBLE` imports.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable, Mapping
from typing import Any

from zodb_conformance import kit, schedules, specimens, storagekit, things

MODULES = (kit, storagekit, things, specimens, schedules)

QUOTABLE = {
    name: value
    for module in MODULES
    for name, value in vars(module).items()
    if getattr(value, "__module__", "") == module.__name__
}
"""The functions and classes whose source a script quotes, by name."""

PREAMBLE = {
    "Persistent": "from persistent import Persistent",
    "PersistentList": "from persistent.list import PersistentList",
    "PersistentMapping": "from persistent.mapping import PersistentMapping",
    "WeakRef": "from persistent.wref import WeakRef",
    "patch": "from unittest.mock import patch",
    "pickle": "import pickle",
    "transaction": "import transaction",
    "z64": "z64 = bytes(8)",
}
"""The names that are bound by one line each, with that line."""


def bindings(extras: Mapping[str, Any]) -> dict[str, str]:
    """For every name that examples and quoted sources may use, the line that binds it.

    extras: further names, of functions and classes that can be imported; None stands for nothing
    """
    found = dict(PREAMBLE)
    for module in MODULES:
        for node in ast.parse(inspect.getsource(module)).body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                line = ast.unparse(node)
                if line.startswith("from zodb_conformance."):  # it is quoted as well
                    continue
                found.update((alias.asname or alias.name, line) for alias in node.names)
    for name, value in extras.items():
        if value is not None:
            renamed = "" if value.__qualname__ == name else f" as {name}"
            found[name] = f"from {value.__module__} import {value.__qualname__}{renamed}"
    return found


def quotations(statements: Iterable[str]) -> list[str]:
    """The sources that statements need, directly or not, in an order that works."""
    quoted: dict[str, str] = {}
    while True:
        used = names_used("\n".join([*statements, *quoted.values()]))
        found = {name: inspect.getsource(QUOTABLE[name]) for name in QUOTABLE if name in used}
        if found == quoted:
            return [source.strip() for source in quoted.values()]
        quoted = found


def names_used(source: str) -> set[str]:
    """The names that are looked up when `source` runs, where annotations are not evaluated."""
    names = _Names()
    names.visit(ast.parse(source))
    return names.used


class _Names(ast.NodeVisitor):
    def __init__(self) -> None:
        self.used: set[str] = set()

    def visit_Name(self, node: ast.Name) -> None:
        self.used.add(node.id)

    def visit_arg(self, node: ast.arg) -> None:
        """Leave the annotation out."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        node.returns = None
        self.generic_visit(node)
