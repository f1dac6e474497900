"""Runs of scripts, fakes of the objects in them, and what a program that holds these finds."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

from zodb_conformance.results import Step, Tally
from zodb_conformance.running import Run
from zodb_conformance.targets import Target


def taken(target: Target, script: tuple[Step, ...], directory: Path, **how: Any) -> Run:
    """A run of a script in which nothing is found."""
    run = Run(target, directory, Tally(), **how)
    for number, step in enumerate(script, 1):
        assert run.take(step, number) is None, step
    return run


class Fake:
    """Something that looks like a persistent object: it shows what a real one shows, with some
    changes.

    contents: what it holds, in place of what the real one holds
    shown: what else is changed; other attributes than those of `Persistent` are added to the
        contents
    """

    __slots__ = ("__dict__", "_p_changed", "_p_jar", "_p_oid", "_p_serial")

    def __init__(self, real: Any, contents: dict[str, Any] | None = None, **shown: Any) -> None:
        for name in ("_p_changed", "_p_jar", "_p_oid", "_p_serial"):
            setattr(self, name, shown.pop(name, getattr(real, name)))
        vars(self).update({**(vars(real) if contents is None else contents), **shown})


def holds(run: Run, expression: str) -> bool:
    """Whether an expression is true in the program, as a witness takes it."""
    try:
        return bool(eval(expression, {**run.bench.variables, "pickle": pickle}))
    except (TypeError, KeyError, AttributeError):
        return False
