"""Faults that concern objects that take the places of others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zodb_spec.chapters import connection_methods, savepoints
from zodb_spec.operations import endings
from zodb_spec.world import NEVER, Object, World

from planted.fault import Fault


def from_nothing(function: Callable[..., Any], world: World, old: str, new: str) -> Object:
    taken: Object = function(world, old, new)
    return taken._replace(base=NEVER)


def emptied(function: Callable[..., Any], world: World, thing: str) -> Object:
    taken_back: Object = function(world, thing)
    return taken_back._replace(state=world.fact({}, "fault"))


def given_up_like_any_change(function: Callable[..., Any], world: World, thing: str) -> Object:
    return savepoints.rollback_restores(world, thing)


FAULTS = (
    Fault(
        "what takes the place of another object is made from nothing",
        connection_methods,
        "takes_the_place",
        from_nothing,
        "exchanges",
        "isolation.changes-start-from-the-snapshot",
        "new exchange",
    ),
    Fault(
        "what has taken the place of another object is emptied by the abort",
        endings,
        "taken_back",
        emptied,
        "exchanges",
        "object.memory-survives",
        "new exchange set abort",
    ),
    Fault(
        "what has taken the place of another object is given up like any change",
        endings,
        "taken_back",
        given_up_like_any_change,
        "exchanges",
        "savepoint.returns-exactly",
        "new savepoint exchange rollback",
    ),
)
