"""How a transaction ends: snapshots move, and what it changed is discarded or stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zodb_spec.chapters import identity, isolation, objects, transactions
from zodb_spec.clause import id_of
from zodb_spec.work import Work
from zodb_spec.world import (
    ADDED,
    CHANGED,
    CLEAN,
    Connection,
    Fact,
    InMemory,
    Name,
    Object,
    Plain,
    Record,
    State,
    Stored,
    Transaction,
    Value,
    World,
)

# Boundaries.


def boundary(
    world: World,
    manager: Name,
    why: Callable[[World, Name], Fact[int]],
    own: frozenset[Name] = frozenset(),
) -> World:
    """Move every open connection of a manager to the newest state.

    own: the objects that were stored just now, which nobody else has changed
    """
    for name, connection in world.connections.items():
        if connection.manager == manager and connection.is_open.value:
            world = move(world, name, why(world, name), isolation.boundary_invalidates, own)
    return world


def move(
    world: World,
    name: Name,
    point: Fact[int],
    invalidate: Callable[[World, Object], Object],
    own: frozenset[Name] = frozenset(),
) -> World:
    """Move one connection to a new snapshot."""
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
            and found.state.step != world.step  # or else something else has discarded it just now
            and thing not in own
        }
        world = world.put_all("objects", stale)
        connection = connection._replace(boundaries=(*connection.boundaries, point))
    if connection.read_current:
        connection = connection._replace(
            read_current=isolation.marks_vanish(world, name),
            forgotten=connection.forgotten | connection.read_current,
        )
    connection = connection._replace(registered=())
    return world.put("connections", name, connection)


# Giving up.


def discard(
    world: World, manager: Name, cause: Callable[..., Any] = transactions.abort_discards
) -> World:
    """Give up everything that the transaction of a manager changed.

    cause: the clause by which it ends
    """
    changed: dict[Name, Object] = {}
    for name in world.managers[manager].limbo:
        changed[name] = _unsaved_again(world, name)
    for connection in world.managers[manager].joined:
        for name in world.connections[connection].registered:
            thing = world.objects[name]
            if thing.status.value == ADDED:
                changed[name] = _unsaved_again(world, name)
            elif thing.status.value == CHANGED:
                discarded = transactions.abort_discards(world, name)._replace(clause=id_of(cause))
                clean = world.fact(CLEAN, id_of(cause))
                changed[name] = thing._replace(status=clean, state=discarded, base=0)
                if isolation.in_conflict(world, name):
                    changed[name] = isolation.conflict_reloads(world, changed[name])
    world = world.put_all("objects", changed)
    found = world.managers[manager]
    usable_again = (
        found.status
        if found.status.value == "usable"
        else world.fact("usable", id_of(transactions.begin_aborts))
    )
    return world.put(
        "managers", manager, found._replace(status=usable_again, joined=(), limbo=frozenset())
    )


def _unsaved_again(world: World, name: Name) -> Object:
    return objects.memory_is_kept(world, name, objects.disowned(world, name))


# Storing.


def store(world: World, work: Work) -> World:
    """The world in which a connection has committed its work."""
    name = world.connections[work.connection].database
    oids = {}
    for thing in work.new(world):
        world, oids[thing] = objects.fresh_oid(world, work.connection)
    for thing in work.stores:
        owner = world.objects[thing].owner.value
        if owner is not None:
            oids[thing] = owner[1]
    database = world.databases[name]
    tid = transactions.next_tid(world, name)
    records = {
        oids[thing]: _record(world, thing, oids, clause, resolves=bool(database.resolves))
        for thing, clause in work.stores.items()
    }
    for connection in world.managers[world.connections[work.connection].manager].joined:
        if world.connections[connection].read_current & set(records):
            isolation.read_current_written_once(world, work)
    seen_by_others = _others(world, work.connection, set(records))
    own = {thing: _committed(world, work.connection, thing, oids[thing]) for thing in work.stores}
    world = world.put_all("objects", {**seen_by_others, **own})
    state = world.connections[work.connection]
    world = world.put(
        "connections", work.connection, state._replace(cached=state.cached | set(records))
    )
    history = (*database.history, Transaction(tid, records))
    return world.put("databases", name, database._replace(history=history))


def _committed(world: World, connection: Name, thing: Name, oid: int) -> Object:
    merged = isolation.in_conflict(world, thing)
    after = objects.commit_sets_serial(world, connection, thing, oid)
    if merged:
        return after._replace(state=world.fact(None, id_of(isolation.resolution_merges)))
    return objects.commit_keeps_state(world, after)


def _others(world: World, committer: Name, stored: set[int]) -> dict[Name, Object]:
    """What a commit means for the copies that other open connections to the same database have."""
    database = world.connections[committer].database
    others = {}
    for name, thing in world.objects.items():
        if (
            thing.owner.value is None
            or thing.owner.value[0] == committer
            or thing.owner.value[1] not in stored
        ):
            continue
        connection: Connection = world.connections[thing.owner.value[0]]
        if connection.database != database or not connection.is_open.value:
            continue
        if thing.status.value == CHANGED:
            others[name] = isolation.own_changes_survive(world, thing)
        else:
            others[name] = isolation.others_stay_invisible(world, thing)
    return others


def _record(
    world: World, thing: Name, oids: dict[Name, int], clause: str, *, resolves: bool
) -> Fact[Record]:
    """What is stored of an object, by the clause for which it is stored or else merged."""
    found = world.objects[thing]
    state: State = {
        key: _stored_value(world, value, oids) for key, value in (found.state.value or {}).items()
    }
    if resolves and isolation.in_conflict(world, thing):
        state = isolation.resolution_merges(world, thing, state)
        clause = id_of(isolation.resolution_merges)
    record = Record(found.kind, state, found.base)
    if any(type(value) is Plain for value in state.values()):
        record = transactions.value_comes_back(world, record)
    return world.fact(record, clause)


def _stored_value(world: World, value: Value, oids: dict[Name, int]) -> Value:
    """A value as its record has it: a reference by oid."""
    if type(value) is not InMemory:
        return value
    oid = oids[value.target] if value.target in oids else _oid(world, value.target)
    return Stored(oid, value.weak, value.inside)


def _oid(world: World, thing: Name) -> int:
    owner = world.objects[thing].owner.value
    assert owner is not None, "everything that is referred to is stored by now"
    identity.one_object(world, owner[0], owner[1])
    return owner[1]
