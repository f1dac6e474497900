"""What a program does to end a database while others of its collection work on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from zodb_spec.chapters import database_collections
from zodb_spec.editions import CURRENT
from zodb_spec.operation import Argument, Outcome, operation, returned
from zodb_spec.operations import choices, endings
from zodb_spec.operations.choices import DATABASE
from zodb_spec.world import UNSAVED, Connection, InMemory, Name, Stored, World

Outcomes = Sequence[Outcome]


def _others(world: World, *before: str) -> list[Name]:
    """The databases beside the first one, in which scripts go on."""
    return [name for name in world.databases if name != DATABASE]


# When it is clear what comes of it.


def _is_clear(world: World, database: Name) -> bool:
    """Whether it is clear what it comes to that a database is closed.

    It isn't where records of other databases refer to it (an example speaks of that), where a
    transaction that is aborted has members beyond the groups that end, or may not be aborted since
    nothing was done in it, where something is still to be done in it with a commit, and where
    groups may have come together in the pool, or have a connection that the program has not seen.
    """
    ending = _ending(world, database)
    if any(_is_uncertain(world, name) for name in ending):
        return False
    if any(
        choices.may_have_member(world, name, database)
        for name in world.connections
        if name not in ending
    ):
        return False
    managers = {found.manager for found in ending.values() if found.is_open.value}
    if any(
        task.database == database or name in managers
        for name, found in world.managers.items()
        for task in found.changes
    ):
        return False
    if not all(_can_be_aborted(world, name, ending) for name in managers):
        return False
    if database in _referred_to(world, ending):
        return False
    after = _closed(world, database)
    return not any(
        type(value) is InMemory and value.target not in after.objects
        for thing in after.objects.values()
        for value in (thing.state.value or {}).values()
    )


def _ending(world: World, database: Name) -> dict[Name, Connection]:
    """The connections of all groups that have one to a database."""
    groups = {each.group for each in world.connections.values() if each.database == database}
    return {name: each for name, each in world.connections.items() if each.group in groups}


def _is_uncertain(world: World, connection: Name) -> bool:
    return len(world.group(connection)) > 1 and choices.may_be_taken(world, connection)


def _can_be_aborted(world: World, manager: Name, ending: Iterable[Name]) -> bool:
    found = world.managers[manager]
    if found.status.value == "failed":
        return False
    own = {
        name
        for name, each in world.connections.items()
        if each.manager == manager and each.is_open.value
    }
    if not own <= set(ending):
        return False
    return bool(found.joined) or not (
        found.status.value == "doomed"
        or any(each.manager == manager and each.valid.value for each in world.savepoints.values())
    )


def _referred_to(world: World, ending: Iterable[Name]) -> set[Name]:
    """The databases to which records and objects refer that outlive the groups that end."""
    states: list[Any] = [
        fact.value.state
        for database in world.databases.values()
        for each in database.history
        for fact in each.records.values()
    ]
    for name, connection in world.connections.items():
        if name not in ending:
            states += [fact.value.state for fact in connection.saved.values()]
    states += [thing.state.value for thing in world.objects.values()]
    return {
        value.database
        for state in states
        for value in (state or {}).values()
        if type(value) is Stored
    }


# What comes of it.


def _line(world: World, database: Name) -> str:
    name = world.databases[database].name
    if world.databases[database].collection == database:
        return f"{database}.close()"
    return f"{database}.close(); {DATABASE}.databases.pop({name!r}, None)"


@operation(
    Argument("database", _others),
    line=_line,
    sensible=lambda world, database: database in _others(world) and _is_clear(world, database),
    weight=0,
    since=CURRENT,
    needs="several-databases",
)
def close_database(world: World, database: Name) -> Outcomes:
    """Close a database, and take what is left of it out of its collection."""
    return [returned(_closed(world, database), database_collections.closing_aborts)]


def _closed(world: World, database: Name) -> World:
    ending = _ending(world, database)
    after = world
    for manager in sorted({each.manager for each in ending.values() if each.is_open.value}):
        if world.managers[manager].joined:
            after = _aborted(after, manager)
    connections = {name: each for name, each in after.connections.items() if name not in ending}
    for name, each in ending.items():
        rest = [one for one in world.group(name) if world.connections[one].database != database]
        if rest == [name]:  # where more are left, nobody says whether they stay together
            is_open = database_collections.closing_closes(world, name)
            closed = endings.without_changes(after, name)._replace(
                is_open=is_open if each.is_open.value else each.is_open,
                read_current=frozenset(),
                group=name,
                is_pooled=True,
            )
            connections[name] = closed
    connections = {
        name: each._replace(
            horizon={key: tid for key, tid in each.horizon.items() if key != database}
        )
        for name, each in connections.items()
    }
    objects = {
        name: thing
        for name, thing in after.objects.items()
        if thing.owner.value is None or thing.owner.value[0] in connections
    }
    rest_of_them = {name: each for name, each in after.databases.items() if name != database}
    return after._replace(databases=rest_of_them, connections=connections, objects=objects)


def _aborted(world: World, manager: Name) -> World:
    """The world in which the transaction of a manager is aborted, because a database is closed."""
    after = endings.discard(world, manager)
    new = {
        name: database_collections.closing_aborts(after, name)
        for name, thing in after.objects.items()
        if thing.status.value == UNSAVED and world.objects[name].status.value != UNSAVED
    }
    return endings.savepoints_over(after.put_all("objects", new), manager)
