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


def passed_over_after_the_vote(owner: Any, name: str) -> Fault:
    """The fault that a call does nothing for a transaction for which the storage has voted.

    It takes the transaction for its last argument.
    """

    def late(correct: Any, storage: Any, *arguments: Any) -> Any:
        commit = storage._commit
        if commit is None or commit.prepared is None or commit.meta is not arguments[-1]:
            return correct(storage, *arguments)
        return None

    return around(owner, name, late)
