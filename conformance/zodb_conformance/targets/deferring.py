"""Storages that tell of conflicts late: in the vote, and not when something is stored.

The interface leaves both.  What connections do wrong after a conflict may show with one of them
only, so whatever is compared with a baseline is done with both there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from zodb_conformance.targets.base import Target
from zodb_conformance.targets.ordering import with_each

CONFLICT = "ConflictError"
KEEPING = ("store", "storeBlob", "checkCurrentSerialInTransaction")
FORGETTING = ("tpc_begin", "tpc_abort")


def late(target: Target) -> Target:
    """The target whose storages keep every conflict to themselves until the vote."""
    return with_each(target, _defer)


def _defer(storage: Any) -> None:
    Deferred(storage)


class Deferred:
    """What a storage has yet to tell: it is changed, as is every instance that it makes."""

    def __init__(self, storage: Any) -> None:
        self._kept: list[Exception] = []
        storage.tpc_vote = partial(self._vote, storage.tpc_vote)
        for name in KEEPING:
            if hasattr(storage, name):
                setattr(storage, name, partial(self._keep, getattr(storage, name)))
        for name in FORGETTING:
            setattr(storage, name, partial(self._forget, getattr(storage, name)))
        if hasattr(storage, "new_instance"):
            storage.new_instance = partial(self._instance, storage.new_instance)

    def _keep(self, call: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return call(*arguments)
        except Exception as error:
            if CONFLICT not in {cls.__name__ for cls in type(error).__mro__}:
                raise
            self._kept.append(error)

    def _forget(self, call: Callable[..., Any], *arguments: Any) -> Any:
        self._kept.clear()
        return call(*arguments)

    def _vote(self, call: Callable[..., Any], transaction: Any) -> Any:
        if self._kept:
            raise self._kept[0]
        return call(transaction)

    def _instance(self, call: Callable[..., Any]) -> Any:
        made = call()
        _defer(made)
        return made
