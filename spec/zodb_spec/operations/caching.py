"""What a program does to caches: reduce them, and declare that nothing holds any longer that is in
them.
"""

from __future__ import annotations

from collections.abc import Sequence

from zodb_spec.chapters import cache, cache_invalidation
from zodb_spec.editions import Edition
from zodb_spec.operation import Argument, Outcome, operation, returned
from zodb_spec.operations import choices
from zodb_spec.operations.choices import usable
from zodb_spec.world import Name, World

Outcomes = Sequence[Outcome]


SIZES = ("0", "1", "400")
"""The sizes that a program gives to caches, in objects."""


# Reducing them.


def _all_usable(world: World, database: Name) -> bool:
    """Whether no connection to a database is in a transaction that can't be used any more."""
    return database in world.databases and all(
        usable(world, world.connections[each].manager) for each in _of(world, database)
    )


@operation(
    Argument("connection", choices.connections),
    line=lambda world, connection: f"{connection}.cacheGC()",
    sensible=choices.usable_connection,
    weight=0,
)
def gc(world: World, connection: Name) -> Outcomes:
    """Ask a connection to keep to the size of its cache."""
    return _reduced(world, world.group(connection))


@operation(
    Argument("database", choices.databases),
    Argument("size", lambda world, *before: SIZES),
    line=lambda world, database, size: f"{database}.setCacheSize({size})",
    sensible=lambda world, database, size: size in SIZES and _all_usable(world, database),
    weight=0,
)
def set_cache_size(world: World, database: Name, size: str) -> Outcomes:
    """Give the caches of all connections to a database another size."""
    return _reduced(world, _of(world, database))


@operation(
    Argument("database", choices.databases),
    line=lambda world, database: f"{database}.cacheFullSweep()",
    sensible=_all_usable,
    weight=0,
)
def sweep(world: World, database: Name) -> Outcomes:
    """Go through the whole caches of all connections to a database, open or closed."""
    return _reduced(world, _of(world, database))


def _reduced(world: World, names: Sequence[Name]) -> Outcomes:
    kept = {
        name: cache.reducing_is_invisible(world, name)
        for name, thing in world.objects.items()
        if thing.owner.value is not None and thing.owner.value[0] in names
    }
    return [returned(world.put_all("objects", kept), cache.reducing_is_invisible)]


# Declaring them invalid.


def _shows_the_past(world: World, connection: Name) -> bool:
    return world.connections[connection].view.point != ""


def _of(world: World, database: Name) -> list[Name]:
    """The connections to a database, open or closed."""
    return [name for name, found in world.connections.items() if found.database == database]


@operation(
    Argument("database", choices.databases),
    line=lambda world, database: f"{database}.invalidateCache()",
    sensible=lambda world, database: (
        database in world.databases
        and not any(_shows_the_past(world, name) for name in _of(world, database))
    ),
    weight=0,
    since=Edition.C,
    needs="cache-invalidation",
)
def invalidate_cache(world: World, database: Name) -> Outcomes:
    """Say that anything may have changed that the connections to a database have in memory.

    Whether that holds for what the past was, no clause says.
    """
    return _invalidated(world, _of(world, database))


@operation(
    Argument("connection", choices.connections),
    line=lambda world, connection: f"{connection}.invalidateCache()",
    sensible=lambda world, connection: (
        world.edition == Edition.C
        and connection in world.connections
        and not choices.may_be_taken(world, connection)
        and not _shows_the_past(world, connection)
    ),
    weight=0,
    since=Edition.C,
    needs="cache-invalidation",
)
def invalidate_one_cache(world: World, connection: Name) -> Outcomes:
    """Say the same of one connection alone."""
    return _invalidated(world, [connection])


def _invalidated(world: World, names: Sequence[Name]) -> Outcomes:
    """The outcomes of declaring the caches of connections invalid.

    What was a ghost before counts as loaded or not, as everything does that has not changed: only
    what is made a ghost from now on, is known not to be in memory.
    """
    unknown = choices.as_loaded(world, names)
    invalid = {name: world.connections[name]._replace(invalid=True) for name in names}
    after = world.put_all("objects", unknown).put_all("connections", invalid)
    return [returned(after, cache_invalidation.invalidated_reloads)]
