"""Planting a fault in the model, and looking for it by exploration."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from zodb_spec.explore import SMALL_WORLDS, STORAGE_WORLDS, SmallWorld, Violation, explore

WORLDS: dict[str, SmallWorld[Any]] = {**SMALL_WORLDS, **STORAGE_WORLDS}


class Fault(NamedTuple):
    """One fault in the model.

    name         what it is
    owner        the module of the function that goes wrong, and its name
    replacement  what it does instead, given the function itself and its arguments
    small        the small world in which it is looked for
    law          the law that it breaks
    trace        the operations that lead there, as few as can be
    operations   the operations to choose from, where they are others than the small world's
    """

    name: str
    owner: Any
    function: str
    replacement: Callable[..., Any]
    small: str
    law: str
    trace: str
    operations: str = ""


def refuses_nothing(function: Callable[..., Any], *arguments: Any) -> bool:
    return False


def found(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> Violation | None:
    """What an exploration of the small world finds with the fault in the model."""
    small = WORLDS[fault.small]
    start = small.start()
    bounds = small.bounds
    if fault.operations:
        bounds = replace(bounds, operations=tuple(fault.operations.split()))
    function = getattr(fault.owner, fault.function)
    faulty = functools.wraps(function)(functools.partial(fault.replacement, function))
    monkeypatch.setattr(fault.owner, fault.function, faulty)
    return explore(start, bounds).violation
