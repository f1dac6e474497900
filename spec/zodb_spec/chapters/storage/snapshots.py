"""Instances, step by step: what a storage shows that brings its own snapshots."""

from __future__ import annotations

from zodb_spec.clause import MUST, step
from zodb_spec.protocol.world import Handle, Name, Oid, Store, Tid, World


@step("protocol.new-instance", MUST, rules="STOR-35", needs="instances")
def new_instance(world: World, name: Name) -> World:
    """`new_instance` gives another way to the same data, for one user; what it shows is said once
    it has been asked to look for changes.
    """
    return world._replace(handles={**world.handles, name: Handle(is_instance=True, snapshot=None)})


@step("protocol.poll", MUST, rules="STOR-35", needs="instances")
def poll(world: World, name: Name) -> World:
    """After `poll_invalidations` an instance shows the newest state, and nothing later until it is
    called again, whoever commits what.
    """
    moved = world.handles[name]._replace(snapshot=world.store.last)
    return world._replace(handles={**world.handles, name: moved})


@step("protocol.poll-tells", MUST, rules="STOR-35 ISO-35 ISO-37", needs="instances")
def poll_tells(store: Store, snapshot: Tid | None) -> tuple[Oid, ...]:
    """`poll_invalidations` gives the oids of all objects that were changed since the last time, or
    None where it can't tell.  It may name more of them, and leave out those that were deleted.
    """
    if snapshot is None:
        return ()
    first = store.tids.index(snapshot) + 1 if snapshot in store.tids else 0
    changed = {
        oid
        for each in store.history[first:]
        for oid, revision in each.revisions.items()
        if revision.value is not None
    }
    return tuple(oid for oid in store.known() if oid in changed)


@step(
    "protocol.newer-object",
    MUST,
    rules="STOR-35 ISO-14",
    error="POSKeyError ReadConflictError",
    needs="instances",
)
def is_newer(store: Store, shown: Store, oid: Oid) -> bool:
    """An instance does not show an object that was created after what it shows: to load it fails,
    as for one that there is not, or as a conflict that the next transaction will not have.

    shown: what the instance shows
    """
    return shown.current(oid) is None and store.current(oid) is not None


@step("protocol.release", MUST, rules="STOR-35", needs="instances")
def release(world: World, name: Name) -> World:
    """`release` ends an instance; the others go on."""
    return world._replace(
        handles={each: found for each, found in world.handles.items() if each != name}
    )
