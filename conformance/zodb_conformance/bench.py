"""The bench: one database of the target, and the variables of the program that uses it.

The bench performs a step by executing its line of Python, so what the suite does and what a witness
shows are the same text.  It keeps the variables in a dictionary, under the names that the model
uses, and it ties the model's oids and tids to the real ones when they are first seen.
"""

from __future__ import annotations

import collections
import datetime
import decimal
import fractions
import threading
import uuid
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple

import transaction
from persistent.mapping import PersistentMapping
from persistent.wref import WeakRef
from zodb_spec.values import EXPRESSIONS

from zodb_conformance import kit, things
from zodb_conformance.targets.emptiness import opened

MODULES = (collections, datetime, decimal, fractions, threading, uuid)
"""The modules of the standard library that the lines of a script use."""

NAMESPACE: dict[str, Any] = {
    **{name: value for name, value in vars(things).items() if not name.startswith("_")},
    **{name: value for name, value in vars(kit).items() if not name.startswith("_")},
    **{module.__name__: module for module in MODULES},
    "transaction": transaction,
    "PersistentMapping": PersistentMapping,
    "WeakRef": WeakRef,
}
"""The names that the lines of a script use beside its own variables."""

VALUES: dict[str, Any] = {name: eval(text, NAMESPACE) for name, text in EXPRESSIONS.items()}
"""The values of the specification, made once, for comparison."""

NOBODY = 1 << 48
"""Oids from here on stand for objects that nobody ever made."""


class Line(NamedTuple):
    """A line of Python that was performed.

    text    the line
    step    the number of the step that it belongs to, 0 for one that makes ready or ties a name
    failed  whether it raised an error
    """

    text: str
    step: int = 0
    failed: bool = False


def nobody(oid: int) -> bytes:
    """The real oid for one of the model that no object ever got."""
    return (NOBODY + oid).to_bytes(8, "big")


class Done(NamedTuple):
    """What performing a line came to: the error, if there was one, and the variable that it
    assigned, if it did.
    """

    error: Exception | None
    variable: str


@cache
def compiled(line: str) -> CodeType:
    """The code of a line."""
    return compile(line, "<trace>", "exec")


class Bench:
    """One database of the target with the program's variables (see the module's text).

    database  the open database
    """

    def __init__(self, open_database: Callable[..., Any], directory: Path) -> None:
        self.variables: dict[str, Any] = dict(NAMESPACE)
        self.lines: list[Line] = []
        self.oids: dict[int, bytes] = {}
        self.tids: dict[int, bytes] = {}
        self.database = opened(open_database, directory)
        self.variables["db"] = self.database
        self.last = self.database.lastTransaction()
        self.tids[1] = self.variables["tid1"] = self.last
        self.lines.append(Line("tid1 = db.lastTransaction()"))
        self.oids[0] = bytes(8)
        self.variables["oid0"] = bytes(8)
        self.lines.append(Line("oid0 = bytes(8)"))

    def manager(self, name: str) -> None:
        """Make a transaction manager."""
        self.variables[name] = transaction.TransactionManager()
        self.lines.append(Line(f"{name} = transaction.TransactionManager()"))

    def perform(self, line: str, step: int = 0) -> Done:
        """Execute the line of a step.

        An error that it raises is a result, except for what ends the process.
        """
        variable = line.partition(" = ")[0]
        error = None
        try:
            exec(compiled(line), self.variables)
        except Exception as raised:  # noqa: BLE001  # what a target raises is a result
            # Its frames would keep objects alive that the program gave up.
            error = raised.with_traceback(None)
        self.lines.append(Line(line, step, failed=error is not None))
        return Done(error, variable)

    def bind_oid(self, oid: int, variable: str) -> None:
        """Tie a model's oid to that of an object."""
        real = self.variables[variable]._p_oid
        self.oids[oid] = real
        self.variables[f"oid{oid}"] = real
        self.lines.append(Line(f"oid{oid} = {variable}._p_oid"))

    def need_oid(self, oid: int) -> None:
        """Make sure that the variable for an oid is there, also where no object ever got it."""
        if f"oid{oid}" not in self.variables:
            self.variables[f"oid{oid}"] = nobody(oid)
            self.lines.append(Line(f"oid{oid} = {nobody(oid)!r}"))

    def moved(self) -> bool:
        """Whether the database has a new last transaction since this was last asked."""
        before, self.last = self.last, self.database.lastTransaction()
        return bool(self.last != before)

    def close(self) -> None:
        """Abort everything and close the database, whatever state it is in."""
        for prefix, method in (("manager", "abort"), ("connection", "close")):
            for name, value in self.variables.items():
                if name.startswith(prefix):
                    _quietly(getattr(value, method))
        _quietly(self.database.close)
        self.variables.clear()


def _quietly(call: Callable[[], Any]) -> None:
    with suppress(Exception):  # the run is over; what is wrong with the target was found before
        call()
