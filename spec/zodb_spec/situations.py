"""Situations: circumstances, by name, in which clauses are known to be hard to obey.

A situation is a predicate over a world and the step that is about to be taken.  A known deviation
names one, so that a driver can keep away from it and search on behind it; the model is pure, so
looking ahead costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from zodb_spec.chapters.groups import close_all_or_nothing
from zodb_spec.chapters.reach import what_is_stored
from zodb_spec.chapters.step_laws import acting
from zodb_spec.operation import Raised, Step, operations
from zodb_spec.operations.choices import is_closed
from zodb_spec.world import ADDED, CHANGED, LOADED, UNSAVED, World

GHOSTS = (
    "savepoint.rollback-restores",
    "tracking.deactivate-is-invisible",
    "tracking.invalidate-discards",
)
"""The clauses behind which an object may be a ghost."""

Situation = Callable[[World, Step], bool]
CHANGES = ("set", "link", "unlink", "increment", "set-unpicklable", "mark-changed")
"""The operations that change the object that they name first."""

_situations: dict[str, Situation] = {}


def situations() -> dict[str, Situation]:
    """All situations by name."""
    return _situations


def situation(function: Situation) -> Situation:
    """Declare a situation; its name is that of the function, with hyphens."""
    _situations[function.__name__.replace("_", "-")] = function
    return function


def _is_commit(step: Step) -> bool:
    return step[0] in ("commit", "commit-sabotaged", "commit-with-version", "commit-with-undo")


@situation
def two_connections_in_one_transaction(world: World, step: Step) -> bool:
    """Two connections to one database have joined the transaction that is committed."""
    if not _is_commit(step):
        return False
    joined = world.managers[step[1]].joined
    databases = [world.connections[name].database for name in joined]
    return len(databases) != len(set(databases))


@situation
def commit_refused_with_new_objects(world: World, step: Step) -> bool:
    """A commit, or a savepoint, that would store new objects fails."""
    if not (_is_commit(step) or step[0] == "savepoint") or not any(
        world.objects[thing].status.value in (UNSAVED, ADDED)
        for name in world.managers[step[1]].joined
        for thing in what_is_stored(world, name).stores
    ):
        return False
    outcomes, _ = operations()[step[0]].outcomes(world, step[1:])
    return any(isinstance(outcome.seen, Raised) for outcome in outcomes)


@situation
def change_on_a_closed_connection(world: World, step: Step) -> bool:
    """An object of a closed connection is about to be changed."""
    return step[0] in CHANGES and is_closed(world, step[1])


@situation
def weak_reference_to_a_new_object(world: World, step: Step) -> bool:
    """A weak reference to an object that has no oid yet is about to be made."""
    return step[0] == "link" and step[4] == "weak" and world.objects[step[3]].owner.value is None


@situation
def read_current_of_a_ghost(world: World, step: Step) -> bool:
    """An object that may not be loaded is about to be marked with `readCurrent`."""
    if step[0] != "read-current":
        return False
    thing = world.objects[step[2]]
    is_loaded = thing.status.value == LOADED and thing.status.step >= thing.state.step
    return thing.status.value != CHANGED and not is_loaded


@situation
def new_object_of_a_savepoint_taken_back(world: World, step: Step) -> bool:
    """An object that is new, saved, and changed since or maybe a ghost, is about to be disowned."""
    if step[0] == "rollback":
        found = world.savepoints[step[1]]
        manager, kept = found.manager, found.members if found.valid.value else None
    elif step[0] in ("begin", "abort", "sync"):
        manager, kept = acting(world, step) or "", {}
    else:
        return False
    return kept is not None and any(
        thing.status.value == CHANGED or thing.status.clause in GHOSTS
        for connection in world.managers[manager].joined
        for oid in world.connections[connection].created
        if connection not in kept or oid not in kept[connection].created
        for name in (world.held(connection, oid),)
        if name is not None
        for thing in (world.objects[name],)
    )


@situation
def returning_again_from_a_later_savepoint(world: World, step: Step) -> bool:
    """A transaction is to return again to a savepoint, from a later one that stored new objects."""
    if step[0] != "rollback":
        return False
    found = world.savepoints[step[1]]
    return (
        found.valid.value
        and found.is_used
        and any(
            world.connections[name].created.keys() - kept.created.keys()
            for name, kept in found.members.items()
        )
    )


@situation
def closing_a_group_that_has_joined(world: World, step: Step) -> bool:
    """A connection is to be closed, and another one of its group has joined a transaction."""
    return (
        step[0] == "close"
        and world.connections[step[1]].is_open.value
        and close_all_or_nothing(world, step[1])
    )


@situation
def taking_a_group_from_the_pool(world: World, step: Step) -> bool:
    """A group is to get a member, and the pool has a connection that has a group of its own."""
    if step[0] == "get-connection":
        connection, wanted = step[1], {step[2]}
    elif step[0] == "read":
        owner = world.objects[step[1]].owner.value
        connection, wanted = owner[0] if owner else "", set(world.databases)
    else:
        return False
    if not connection:
        return False
    return any(
        found.database in wanted
        and world.member(connection, found.database) is None
        and not found.is_open.value
        and found.is_pooled
        and len(world.group(name)) > 1
        for name, found in world.connections.items()
    )
