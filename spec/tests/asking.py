"""What the tests of the model ask of a world and of a step."""

from __future__ import annotations

from zodb_spec.operation import Raised
from zodb_spec.script import outcomes
from zodb_spec.world import World, state_of


def state(world: World, name: str) -> object:
    """What an object holds."""
    return state_of(world, name).value[0]


def owner(world: World, name: str) -> object:
    """The connection and the oid of an object, None if it is unsaved."""
    return world.objects[name].owner.value


def refusals(world: World, *step: str) -> set[str]:
    """The clauses by which a step may be refused, where nothing else is allowed."""
    found = outcomes(world, *step)
    assert all(isinstance(outcome.seen, Raised) for outcome in found)
    assert all(outcome.world.databases == world.databases for outcome in found)
    return {outcome.clause for outcome in found}
