"""Instances with snapshots of their own, as operations on a storage."""

from __future__ import annotations

from collections.abc import Sequence

from zodb_spec.chapters.storage import snapshots
from zodb_spec.clause import id_of
from zodb_spec.operation import Argument, Outcome
from zodb_spec.operations.choices import fresh
from zodb_spec.protocol.committing import declared, passes, spared
from zodb_spec.protocol.world import PASSES, STORAGE, Name, Shows, World

Outcomes = Sequence[Outcome]
MOST_INSTANCES = 2


def _instances(world: World, *before: str) -> Sequence[str]:
    """The instances that are not committing anything."""
    busy = None if world.commit is None else world.commit.handle
    return [name for name, found in world.handles.items() if found.is_instance and name != busy]


@declared(
    fresh("instance"),
    line=lambda world, name: f"{name} = {STORAGE}.new_instance()",
    sensible=lambda world, name: name not in world.handles and len(world.handles) <= MOST_INSTANCES,
    weight=3,
    needs="instances",
)
def new_instance(world: World, name: Name) -> Outcomes:
    """Make another instance."""
    others = f"any({name} is each for each in ({', '.join(world.handles)},))"
    after = snapshots.new_instance(world, name)
    return [passes(after, snapshots.new_instance, Shows(others, "False"))]


@declared(
    Argument("handle", _instances),
    line=lambda world, name: f"changed{world.step} = {name}.poll_invalidations()",
    sensible=lambda world, name: name in _instances(world),
    weight=6,
    needs="instances",
)
def poll(world: World, name: Name) -> Outcomes:
    """Have an instance look for changes."""
    changed = snapshots.poll_tells(world.store, world.handles[name].snapshot)
    told = f"changed{world.step}"
    named = f"({told} is None or {{{', '.join(changed)}}} <= set({told}))"
    shows = Shows(named, "True") if changed else PASSES
    return [passes(snapshots.poll(world, name), snapshots.poll_tells, shows)]


@declared(
    Argument("handle", _instances),
    line=lambda world, name: f"{name}.release()",
    sensible=lambda world, name: name in _instances(world),
    needs="instances",
)
def release(world: World, name: Name) -> Outcomes:
    """End an instance."""
    after = spared(snapshots.release(world, name), id_of(snapshots.release))
    return [passes(after, snapshots.release)]
