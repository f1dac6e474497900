"""Faults that concern undo and pack."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zodb_spec.chapters import undo
from zodb_spec.operations import revisions, tasks
from zodb_spec.world import Change, Database, Fact, Record, Undo, World

from planted.fault import Fault, refuses_nothing


def keeps_what_was_stored(
    function: Callable[..., Any], world: World, undone: int, found: Fact[Record], state: Any
) -> Fact[Record]:
    kept: Fact[Record] = function(world, undone, found, found.value.state)
    return kept


def does_nothing(function: Callable[..., Any], world: World, task: Change | Undo) -> list[World]:
    return [world]


def forgets_the_pack(function: Callable[..., Any], database: Database, tid: int) -> bool:
    kept: bool = function(database._replace(packed=0), tid)
    return kept


FAULTS = (
    Fault(
        "a transaction is undone though others have changed its objects since",
        undo,
        "undo_refused",
        refuses_nothing,
        "undo",
        "isolation.no-lost-update",
        "set undo commit commit",
    ),
    Fault(
        "an undone transaction is stored again",
        undo,
        "undo_restores",
        keeps_what_was_stored,
        "undo",
        "database.undo-is-exact",
        "set commit undo commit",
    ),
    Fault(
        "what was to be undone is forgotten at the commit",
        tasks,
        "done",
        does_nothing,
        "undo",
        "database.undo-with-its-commit",
        "undo commit",
    ),
    Fault(
        "what was there before a pack can still be undone",
        revisions,
        "_is_kept",
        forgets_the_pack,
        "pack",
        "database.packed-is-over",
        "pack undo",
    ),
)
