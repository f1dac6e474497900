"""What becomes of a version that is committed or given up."""

from __future__ import annotations

from zodb_spec.chapters import versions
from zodb_spec.chapters.current_reads import ABORTED
from zodb_spec.kinds import KINDS
from zodb_spec.operations import choices, storing
from zodb_spec.world import (
    CHANGED,
    Change,
    Database,
    Fact,
    Name,
    Oid,
    Record,
    Tid,
    World,
    newest,
)

# When it is clear what they come to.


def is_clear(world: World, connection: Name) -> bool:
    """Whether it is clear what a commit of a connection comes to in the presence of versions.

    It isn't where it has changed an object that a version has held meanwhile and given up, which
    may be a conflict, and where a conflict might be resolved, or refused, inside a version or for
    an object that a version has held.
    """
    found = world.connections[connection]
    database = world.databases[found.database]
    if not database.versions:
        return True
    bases: dict[Oid, Tid] = {oid: fact.value.base for oid, fact in found.saved.items()}
    kinds = {oid: fact.value.kind for oid, fact in found.saved.items()}
    for name in found.registered:
        thing = world.objects[name]
        if thing.status.value == CHANGED and thing.owner.value is not None:
            bases[thing.owner.value[1]] = thing.base
            kinds[thing.owner.value[1]] = thing.kind
    for oid, base in bases.items():
        latest = newest(database.history, oid)
        if latest is None or latest[0] <= base:
            continue
        if latest[1].clause == ABORTED:
            return False
        if KINDS[kinds[oid]].resolves and (
            found.view.version or _was_in_a_version(database, oid, base)
        ):
            return False
    return True


def _was_in_a_version(database: Database, oid: Oid, since: Tid) -> bool:
    """Whether a version has held an object since a transaction, or had given it up then."""
    return any(
        each.records[oid].value.version != "" or each.records[oid].clause == ABORTED
        for each in database.history
        if each.tid >= since and oid in each.records
    )


def is_clear_change(world: World, change: Change) -> bool:
    """Whether it is clear what a change of a version comes to.

    It isn't where it goes elsewhere than to the trunk while connections in it have changes, or
    while somebody refers to what was created in it.
    """
    if change.destination == "":
        return True
    if any(
        found.database == change.database
        and found.view.version == change.source
        and (found.registered or found.saved)
        for found in world.connections.values()
    ):
        return False
    return not any(choices.is_referenced(world, name) for name in _vanishing(world, change))


def _vanishing(world: World, change: Change) -> list[Name]:
    """The objects in memory that do not exist any more for their connections when a version is
    given up, or goes to another one.
    """
    database = world.databases[change.database]
    created = {
        oid
        for oid in _held(database, change.source)
        if database.revision(oid, database.last) is None
    }
    return [
        name
        for name, thing in world.objects.items()
        if thing.owner.value is not None
        and thing.owner.value[1] in created
        and world.connections[thing.owner.value[0]].database == change.database
        and world.connections[thing.owner.value[0]].view.version != change.destination
    ]


# What they come to.


def _held(database: Database, version: str) -> dict[Oid, tuple[Tid, Fact[Record]]]:
    """What a version holds: the newest revision of each of its objects."""
    found = {oid: newest(database.history, oid) for oid in database.oids()}
    return {
        oid: latest
        for oid, latest in found.items()
        if latest is not None and latest[1].value.version == version
    }


def changed(world: World, change: Change) -> list[World]:
    """The worlds in which a version was committed or given up."""
    database = world.databases[change.database]
    held = _held(database, change.source)
    if not held:
        return storing.nothing(world, change.database)
    records = {}
    for oid, (tid, fact) in held.items():
        if change.destination is None:
            trunk = database.revision(oid, database.last)
            records[oid] = versions.aborted(world, fact, tid, trunk and trunk[1])
        else:
            records[oid] = versions.committed(world, fact, tid, change.destination)
    gone = _vanishing(world, change) if change.destination != "" else ()
    rest = {name: thing for name, thing in world.objects.items() if name not in gone}
    world = world._replace(objects=rest)
    return [storing.store_by_database(world, change.database, records)]
