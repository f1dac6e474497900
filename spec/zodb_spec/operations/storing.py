"""How a transaction is stored: what a connection commits, and what others see of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from zodb_spec.chapters import (
    cross_references,
    isolation,
    new_objects,
    objects,
    savepoints,
    transactions,
    versions,
)
from zodb_spec.clause import id_of
from zodb_spec.operations.records import record_of
from zodb_spec.work import Work
from zodb_spec.world import (
    CHANGED,
    NOTHING,
    Connection,
    Fact,
    Name,
    Object,
    Oid,
    Record,
    Transaction,
    World,
)


def with_oids(world: World, work: Work) -> tuple[World, dict[Name, Oid]]:
    """The oids of everything that is to be stored, with fresh ones for what is new."""
    oids = {}
    for thing in work.new(world):
        world, oid = objects.fresh_oid(world, work.connection)
        oids[thing] = new_objects.lands_with_referrer(world, work, oid).value[1]
    for thing in work.stores:
        owner = world.objects[thing].owner.value
        if owner is not None:
            oids[thing] = owner[1]
    return world, oids


def store(world: World, work: Work) -> World:
    """The world in which a connection has committed its work."""
    name = cross_references.changes_go_home(world, work).value
    world, oids = with_oids(world, work)
    records = _records(world, work, oids)
    for connection in world.managers[world.connections[work.connection].manager].joined:
        if world.connections[connection].read_current & set(records):
            isolation.read_current_written_once(world, work)
    seen_by_others = unseen(world, name, set(records), work.connection)
    own = {thing: _committed(world, work.connection, thing, oid) for thing, oid in oids.items()}
    own |= _saved(world, work)
    world = world.put_all("objects", {**seen_by_others, **own})
    state = world.connections[work.connection]
    world = world.put(
        "connections",
        work.connection,
        state._replace(
            cached=state.cached | set(records),
            saved=NOTHING,
            created=NOTHING,
            replaced=NOTHING,
            left_over=state.left_over.union(state.replaced),
        ),
    )
    database = world.databases[name]
    history = (*database.history, Transaction(transactions.next_tid(world, name), records))
    return world.put("databases", name, database._replace(history=history))


def _records(world: World, work: Work, oids: dict[Name, Oid]) -> dict[Oid, Fact[Record]]:
    """What is stored of each object, by the clause for which it is stored or else merged."""
    resolves = world.database_of(work.connection).resolves
    records = {}
    for thing, clause in work.stores.items():
        made = record_of(world, work.connection, thing, oids)
        fact = world.fact(made, clause)
        if resolves and isolation.in_conflict(world, thing):
            fact = _merged(world, work.connection, oids[thing], made)
        records[oids[thing]] = fact
    for oid in work.saved:
        fact = savepoints.commit_stores(world, work, oid)
        if resolves and isolation.is_outdated(world, work.connection, oid):
            fact = _merged(world, work.connection, oid, fact.value)
        records[oid] = fact
    version = world.connections[work.connection].view.version
    if version:
        for oid, fact in records.items():
            own = versions.sees_own(world, version, fact.value)
            records[oid] = fact._replace(value=own)
    return records


def _merged(world: World, connection: Name, oid: Oid, made: Record) -> Fact[Record]:
    state = isolation.resolution_merges(world, connection, oid, made)
    return world.fact(made._replace(state=state), id_of(isolation.resolution_merges))


def _committed(world: World, connection: Name, thing: Name, oid: Oid) -> Object:
    merged = isolation.in_conflict(world, thing)
    after = objects.commit_sets_serial(world, connection, thing, oid)
    if merged:
        return after._replace(state=world.fact(None, id_of(isolation.resolution_merges)))
    return objects.commit_keeps_state(world, after)


def _saved(world: World, work: Work) -> dict[Name, Object]:
    """What a commit makes of the objects that savepoints have stored."""
    held = {oid: world.held(work.connection, oid) for oid in work.saved}
    return {
        thing: objects.commit_sets_serial(world, work.connection, thing, oid)._replace(
            state=world.fact(None, id_of(savepoints.commit_stores))
        )
        for oid, thing in held.items()
        if thing is not None
    }


def unseen(
    world: World, database: Name, stored: Collection[Oid], committer: Name = ""
) -> dict[Name, Object]:
    """What a commit means for the copies that other open connections to its database have.

    stored     the oids that it has stored
    committer  the connection that did it, if one has
    """
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


def store_by_database(world: World, name: Name, records: Mapping[Oid, Fact[Record]]) -> World:
    """The world in which a database itself has stored something, and no connection."""
    world = world.put_all("objects", unseen(world, name, records))
    database = world.databases[name]
    history = (*database.history, Transaction(transactions.next_tid(world, name), records))
    return world.put("databases", name, database._replace(history=history))


def nothing(world: World, name: Name) -> list[World]:
    """The worlds in which a transaction that stores nothing is recorded in a database, or not."""
    database = world.databases[name]
    tid = transactions.next_tid(world, name)
    outcomes = []
    for recorded in transactions.empty_transaction(world, name, tid):
        after = database._replace(empty_recorded=recorded)
        if recorded:
            after = after._replace(history=(*after.history, Transaction(tid, {})))
        outcomes.append(world.put("databases", name, after))
    return outcomes
