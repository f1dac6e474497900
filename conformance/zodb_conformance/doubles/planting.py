"""How faults are planted: one function or attribute replaced, for as long as a block lasts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from zodb_conformance.doubles.double import Fault


def instead(owner: Any, name: str, replacement: Any) -> Fault:
    """The fault that `owner` has something else under `name`."""
    fault: Fault = patch.object(owner, name, replacement)
    return fault


def around(owner: Any, name: str, faulty: Callable[..., Any]) -> Fault:
    """The fault that a function of `owner` does what `faulty` does.

    faulty  is given the correct function, and then the arguments
    """
    correct = getattr(owner, name)

    def replacement(*args: Any, **options: Any) -> Any:
        return faulty(correct, *args, **options)

    return instead(owner, name, replacement)


@contextmanager
def together(*faults: Fault) -> Iterator[None]:
    """One fault that has to be planted in several places."""
    with ExitStack() as planted:
        for fault in faults:
            planted.enter_context(fault)
        yield
