"""How a transaction ends: snapshots move, and what it changed is discarded."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from zodb_spec.chapters import (
    boundaries,
    cache_invalidation,
    connection_methods,
    historical,
    isolation,
    objects,
    savepoints,
    transactions,
)
from zodb_spec.clause import id_of
from zodb_spec.operations.records import in_memory
from zodb_spec.world import (
    ADDED,
    CHANGED,
    CLEAN,
    NOTHING,
    Connection,
    Fact,
    Name,
    Object,
    Savepoint,
    State,
    World,
    state_of,
)

# Boundaries.


Why = Callable[[World, Name], Fact[int]]
"""A clause that says where a connection moves."""


def boundary(world: World, manager: Name, ended: Collection[Name], why: Why) -> World:
    """Move every open connection of a manager to the newest state; its savepoints are over.

    ended  the connections that had joined the transaction that has ended, if one has
    why    the clause by which they move
    """
    for name, connection in world.connections.items():
        if connection.manager == manager and connection.is_open.value:
            told = connection.view.synch or name in ended
            point = point_of(world, name, why) if told else boundaries.missed(world, name)
            world = move(world, name, point, isolation.boundary_invalidates, told=told)
    return savepoints_over(world, manager)


def savepoints_over(world: World, manager: Name) -> World:
    """The world in which nobody can return to the savepoints of a manager any more, because its
    transaction is over.
    """
    over = {
        name: invalid(found, savepoints.ends_with_the_transaction(world, name))
        for name, found in world.savepoints.items()
        if found.manager == manager and found.valid.value
    }
    return world.put_all("savepoints", over)


def point_of(world: World, connection: Name, why: Why) -> Fact[int]:
    """Where a connection moves by some clause, if it is not one that stays."""
    if world.connections[connection].view.point:
        return historical.stays(world, connection)
    return why(world, connection)


def invalid(savepoint: Savepoint, why: Fact[bool]) -> Savepoint:
    """A savepoint to which nobody can return any more."""
    return savepoint._replace(valid=why, members=NOTHING)


def move(
    world: World,
    name: Name,
    point: Fact[int],
    invalidate: Callable[[World, Object], Object],
    *,
    told: bool = True,
) -> World:
    """Move one connection to a new snapshot.

    told  whether it learns of the boundary
    """
    connection = world.connections[name]
    before = connection.snapshot
    if point.value > before:
        changed = {
            oid
            for transaction in reversed(world.databases[connection.database].history)
            if transaction.tid > before
            for oid in transaction.records
        }
        stale = {
            thing: invalidate(world, found)
            for thing, found in world.objects.items()
            if found.owner.value is not None
            and found.owner.value[0] == name
            and found.owner.value[1] in changed
            and found.state.value is None
            and found.state.step != world.step  # or else it was stored or discarded just now
        }
        world = world.put_all("objects", stale)
        connection = connection._replace(boundaries=(*connection.boundaries, point))
    elif connection.view.point or not told:
        rest = connection.boundaries
        if rest[-1].clause == point.clause:
            rest = rest[:-1]
        connection = connection._replace(boundaries=(*rest, point))
    if connection.read_current:
        connection = connection._replace(
            read_current=isolation.marks_vanish(world, name),
            forgotten=connection.forgotten | connection.read_current,
        )
    if told and connection.invalid:
        world = world.put_all("objects", _loaded_anew(world, name))
        connection = connection._replace(invalid=False)
    if told and len(world.databases) > 1:
        horizon = {each: database.last for each, database in world.databases.items()}
        connection = connection._replace(horizon=horizon)
    connection = connection._replace(registered=(), conflicts=False, replaced=NOTHING)
    return world.put("connections", name, connection)


def _loaded_anew(world: World, connection: Name) -> dict[Name, Object]:
    """The objects of a connection whose cache was declared invalid, when it has a boundary."""
    return {
        name: cache_invalidation.invalidated_reloads(world, name)
        for name, thing in world.objects.items()
        if thing.owner.value is not None and thing.owner.value[0] == connection
    }


# Giving up.


def discard(
    world: World, manager: Name, cause: Callable[..., Any] = transactions.abort_discards
) -> World:
    """Give up everything that the transaction of a manager changed.

    cause: the clause by which it ends
    """
    limbo = {name: _unsaved_again(world, name) for name in world.managers[manager].limbo}
    world = world.put_all("objects", limbo)
    joined = world.managers[manager].joined
    changed: dict[Name, Object] = {}
    for connection in joined:
        changed |= given_up(world, connection, cause)
    world = world.put_all("objects", changed)
    for connection in joined:
        world = world.put("connections", connection, without_changes(world, connection))
    found = world.managers[manager]
    usable_again = (
        found.status
        if found.status.value == "usable"
        else world.fact("usable", id_of(transactions.begin_aborts))
    )
    return world.put(
        "managers",
        manager,
        found._replace(status=usable_again, joined=(), limbo=frozenset(), changes=()),
    )


def without_changes(world: World, connection: Name) -> Connection:
    """A connection that has discarded its changes, those that savepoints have stored included."""
    found = world.connections[connection]
    return found._replace(
        registered=(), saved=NOTHING, created=NOTHING, conflicts=False, replaced=NOTHING
    )


def given_up(world: World, connection: Name, cause: Callable[..., Any]) -> dict[Name, Object]:
    """The objects of a connection when it discards its changes.

    cause: the clause by which it does
    """
    found = world.connections[connection]
    is_late = cause is savepoints.late_joiners_aborted
    of_saved = cause if is_late else savepoints.abort_discards
    in_place = [world.held(connection, oid) for oid in found.replaced]
    changed = {name: taken_back(world, name) for name in in_place if name is not None}
    for oid in found.saved:
        name = world.held(connection, oid)
        if name is None or name in changed:
            continue
        thing = world.objects[name]
        if oid in found.created:
            if thing.status.value == CHANGED:
                loaded = thing._replace(state=thing.state._replace(value=contents(world, name)))
                changed[name] = _unsaved_again(world.put("objects", name, loaded), name)
            else:
                changed[name] = emptied(world, name, objects.disowned(world, name))
        else:
            discarded = savepoints.abort_discards(world, name)._replace(clause=id_of(of_saved))
            clean = world.fact(CLEAN, id_of(of_saved))
            changed[name] = thing._replace(status=clean, state=discarded, base=0)
    for name in found.registered:
        thing = world.objects[name]
        if name in changed:
            continue
        if thing.status.value == ADDED:
            changed[name] = _unsaved_again(world, name)
        elif thing.status.value == CHANGED:
            discarded = transactions.abort_discards(world, name)._replace(clause=id_of(cause))
            clean = world.fact(CLEAN, id_of(cause))
            changed[name] = thing._replace(status=clean, state=discarded, base=0)
            if isolation.in_conflict(world, name):
                changed[name] = isolation.conflict_reloads(world, changed[name])
    return changed


def emptied(world: World, name: Name, disowned: Object) -> Object:
    """A new object that a savepoint has stored, and that is disowned, with what it held."""
    return savepoints.disowned_keeps_contents(world, disowned, contents(world, name))


def taken_back(world: World, name: Name) -> Object:
    """An object that has taken the place of another one, and has to give it back."""
    unsaved = connection_methods.is_taken_back(world, name)
    held = contents(world, name)
    return unsaved._replace(state=world.fact(held, unsaved.owner.clause))


def contents(world: World, name: Name) -> State:
    """What an object of a connection holds, as it is in memory where everything is loaded."""
    owner = world.objects[name].owner.value
    assert owner is not None
    return in_memory(world, owner[0], state_of(world, name).value[0] or {})


def _unsaved_again(world: World, name: Name) -> Object:
    return objects.memory_is_kept(world, name, objects.disowned(world, name))
