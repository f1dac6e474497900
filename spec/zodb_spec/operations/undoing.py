"""What becomes of a transaction that is undone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from zodb_spec.chapters import undo
from zodb_spec.chapters.version_laws import MOVES
from zodb_spec.kinds import KINDS
from zodb_spec.operations import choices, storing
from zodb_spec.world import (
    Database,
    Fact,
    Name,
    Oid,
    Record,
    State,
    Stored,
    Undo,
    World,
    newest,
)

Node = tuple[Name, Oid]
"""An object of a database."""

# When it is clear what it comes to.


def are_clear(world: World, undos: Sequence[Undo]) -> bool:
    """Whether it is clear what comes of it that transactions are undone in several databases.

    It isn't where an object was changed since and is the same again, or might be merged, where a
    version has or had to do with it, and where somebody has to do with what would not exist any
    more, or a record refers to it.
    """
    if not all(_is_clear(world, each) for each in undos):
        return False
    if any(undo.undo_refused(world, each) for each in undos):
        return True
    after = world
    for each in undos:
        after = undone(after, each)
    gone = {
        (each.database, oid)
        for each in undos
        for oid, fact in _restored(world, each).items()
        if fact.value.state is None
    }
    return not gone or not (_is_used(world, gone) or _is_referred_to(after, gone))


def _is_clear(world: World, change: Undo) -> bool:
    database = world.databases[change.database]
    for oid, fact in database.transaction(change.tid).records.items():
        if _is_of_versions(database, oid):
            return False
        latest = newest(database.history, oid)
        assert latest is not None
        if latest[0] != change.tid and (
            latest[1].value.state == fact.value.state
            or (KINDS[fact.value.kind].resolves and database.resolves is not False)
        ):
            return False
    return True


def _is_of_versions(database: Database, oid: Oid) -> bool:
    """Whether a version has, or had, to do with an object."""
    return bool(database.versions) and any(
        fact.value.version != "" or fact.clause in MOVES
        for each in database.history
        for fact in (each.records.get(oid),)
        if fact is not None
    )


def _is_used(world: World, gone: set[Node]) -> bool:
    """Whether the program has changed or marked one of some objects, or refers to it in what it has
    not committed.
    """
    for name, thing in world.objects.items():
        owner = thing.owner.value
        is_gone = owner is not None and (world.connections[owner[0]].database, owner[1]) in gone
        if is_gone and (choices.is_registered(world, name) or choices.is_referenced(world, name)):
            return True
        database = "" if owner is None else world.connections[owner[0]].database
        if any(
            (value.database or database, value.oid) in gone
            for value in (thing.state.value or {}).values()
            if type(value) is Stored
        ):
            return True
    for name, kept in choices.kept(world):
        database = world.connections[name].database
        for oid, fact in kept.saved.items():
            if (database, oid) in gone or not gone.isdisjoint(_targets(database, fact.value.state)):
                return True
    return any(
        (found.database, oid) in gone
        for found in world.connections.values()
        for oid in (*found.read_current, *found.replaced)
    )


def _is_referred_to(world: World, gone: set[Node]) -> bool:
    """Whether a record refers to one of some objects, in whatever version."""
    return any(
        not gone.isdisjoint(_targets(name, found[1].value.state))
        for name, database in world.databases.items()
        for oid in database.oids()
        for version in dict.fromkeys((database.holder(oid), ""))
        for found in (database.revision(oid, database.last, version),)
        if found is not None
    )


def _targets(database: Name, state: State | None) -> Iterator[Node]:
    """What the state of an object of a database refers to."""
    for value in (state or {}).values():
        if type(value) is Stored:
            yield value.database or database, value.oid


# What it comes to.


def _restored(world: World, change: Undo) -> dict[Oid, Fact[Record]]:
    """What is stored when a transaction is undone."""
    database = world.databases[change.database]
    records = {}
    for oid, fact in database.transaction(change.tid).records.items():
        before = database.revision(oid, change.tid - 1)
        state = None if before is None else before[1].value.state
        if state is None:
            records[oid] = undo.undo_uncreates(world, change.tid, fact)
        else:
            records[oid] = undo.undo_restores(world, change.tid, fact, state)
    return records


def undone(world: World, change: Undo) -> World:
    """The world in which a transaction was undone."""
    records = _restored(world, change)
    gone = {oid for oid, fact in records.items() if fact.value.state is None}
    if gone:
        rest = {
            name: thing
            for name, thing in world.objects.items()
            if thing.owner.value is None
            or thing.owner.value[1] not in gone
            or not _moves_on(world, thing.owner.value[0], change.database)
        }
        world = world._replace(objects=rest)
    return storing.store_by_database(world, change.database, records)


def _moves_on(world: World, connection: Name, database: Name) -> bool:
    """Whether a connection comes to show what is stored in a database."""
    found = world.connections[connection]
    return found.database == database and not found.view.point
