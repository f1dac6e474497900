"""A program that grows line by line: its variables, and the lines that were performed.

A step of a script is performed by executing its line of Python, so what the suite does and what a
witness shows are the same text.  The variables are kept in a dictionary, under the names that the
model uses.
"""

from __future__ import annotations

import collections
import datetime
import decimal
import fractions
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from types import CodeType
from typing import Any, NamedTuple

import transaction
from persistent.mapping import PersistentMapping
from persistent.wref import WeakRef

from zodb_conformance import kit, storagekit, things
from zodb_conformance.errors import TargetUnusable

MODULES = (collections, datetime, decimal, fractions, threading, time, uuid)
"""The modules of the standard library that the lines of a script use."""

NAMESPACE: dict[str, Any] = {
    **{name: value for name, value in vars(things).items() if not name.startswith("_")},
    **{name: value for name, value in vars(kit).items() if not name.startswith("_")},
    **{name: value for name, value in vars(storagekit).items() if not name.startswith("_")},
    **{module.__name__: module for module in MODULES},
    "transaction": transaction,
    "PersistentMapping": PersistentMapping,
    "WeakRef": WeakRef,
}
"""The names that the lines of a script use beside its own variables."""


class Line(NamedTuple):
    """A line of Python that was performed.

    text    the line
    step    the number of the step that it belongs to, 0 for one that makes ready or ties a name
    failed  whether it raised an error
    """

    text: str
    step: int = 0
    failed: bool = False


class Done(NamedTuple):
    """What performing a line came to: the error, if there was one, and the variable that it
    assigned, if it did.
    """

    error: BaseException | None
    variable: str


@lru_cache(1 << 14)
def compiled(line: str) -> CodeType:
    """The code of a line."""
    return compile(line, "<trace>", "exec")


@lru_cache(1 << 14)
def compiled_expression(expression: str) -> CodeType:
    """The code of an expression."""
    return compile(expression, "<trace>", "eval")


class Program:
    """Variables and lines (see the module's text)."""

    def __init__(self) -> None:
        self.variables: dict[str, Any] = dict(NAMESPACE)
        self.lines: list[Line] = []

    def perform(self, line: str, step: int = 0) -> Done:
        """Execute the line of a step.

        An error that it raises is a result, also one that would end the process, except for what
        says that somebody wants it to end, or that the target is of no use.
        """
        done = self.look(line)
        self.lines.append(Line(line, step, failed=done.error is not None))
        return done

    def look(self, line: str) -> Done:
        """Execute a line that is no part of the program; errors as in `perform`."""
        code = compiled(line)  # where that fails, it is the fault of the suite
        error = None
        try:
            exec(code, self.variables)
        except TargetUnusable:
            raise
        except (Exception, SystemExit) as raised:  # noqa: BLE001  # what a target raises is a result
            # Its frames would keep objects alive that the program gave up.
            error = raised.with_traceback(None)
        return Done(error, line.partition(" = ")[0])

    def holds(self, expression: str) -> bool:
        """Whether an expression is true; one that raises is not."""
        try:
            return bool(eval(compiled_expression(expression), self.variables))
        except (Exception, SystemExit):  # noqa: BLE001  # what a target gave may be anything
            return False


def quietly(call: Callable[[], Any]) -> None:
    """Make a call at the end of a run, whatever comes of it: what is wrong with the target was
    found before.
    """
    with suppress(Exception, SystemExit):
        call()
