"""What a program does with versions: have them committed and given up."""

from __future__ import annotations

from collections.abc import Sequence

from zodb_spec.chapters import versions
from zodb_spec.editions import Edition
from zodb_spec.operation import Argument, Outcome, operation, returned
from zodb_spec.operations import choices
from zodb_spec.operations.transactions import commit, there
from zodb_spec.world import Change, Name, World

Outcomes = Sequence[Outcome]
VERSIONS = ("red", "blue")


MANAGER = Argument("manager", choices.idle_managers)
DATABASE = Argument("database", choices.databases)
SOURCE = Argument("source", lambda world, *before: VERSIONS)


def _can_be_asked(world: World, manager: Name, database: Name, source: str) -> bool:
    found = world.managers.get(manager)
    return (
        found is not None
        and world.edition == Edition.C
        and database in world.databases
        and world.databases[database].versions is True
        and source in VERSIONS
        and found.status.value != "failed"
        and all(change.database != database for change in found.changes)
    )


@operation(
    MANAGER,
    DATABASE,
    SOURCE,
    Argument("destination", lambda world, *before: ("", "", *VERSIONS)),
    line=lambda world, manager, database, source, destination: (
        f"{database}.commitVersion({source!r}, {destination!r}, {manager}.get())"
    ),
    sensible=lambda world, manager, database, source, destination: (
        _can_be_asked(world, manager, database, source)
        and destination in ("", *VERSIONS)
        and destination != source
    ),
    weight=0,
    since=Edition.C,
    needs="versions",
)
def commit_version(
    world: World, manager: Name, database: Name, source: str, destination: str
) -> Outcomes:
    """Have a version committed with the current transaction, to the trunk or into another one."""
    return _asked(world, manager, Change(database, source, destination))


@operation(
    MANAGER,
    DATABASE,
    SOURCE,
    line=lambda world, manager, database, source: (
        f"{database}.abortVersion({source!r}, {manager}.get())"
    ),
    sensible=_can_be_asked,
    weight=0,
    since=Edition.C,
    needs="versions",
)
def abort_version(world: World, manager: Name, database: Name, source: str) -> Outcomes:
    """Have a version given up with the current transaction."""
    return _asked(world, manager, Change(database, source, None))


def _asked(world: World, manager: Name, change: Change) -> Outcomes:
    found = world.managers[manager]
    after = world.put("managers", manager, found._replace(changes=(*found.changes, change)))
    return [returned(after, versions.joins)]


NOWHERE = "nowhere"


def _change(database: Name, source: str, destination: str) -> Change:
    return Change(database, source, None if destination == NOWHERE else destination)


def _asking(manager: Name, database: Name, source: str, destination: str) -> str:
    if destination == NOWHERE:
        return f"{database}.abortVersion({source!r}, {manager}.get())"
    return f"{database}.commitVersion({source!r}, {destination!r}, {manager}.get())"


@operation(
    MANAGER,
    DATABASE,
    SOURCE,
    Argument("end", lambda world, *before: ("", NOWHERE, *VERSIONS)),
    line=lambda world, manager, database, source, end: (
        f"{_asking(manager, database, source, end)}; {manager}.commit()"
    ),
    sensible=lambda world, manager, database, source, end: (
        _can_be_asked(world, manager, database, source)
        and end in ("", NOWHERE, *VERSIONS)
        and end != source
        and there(_asked(world, manager, _change(database, source, end))[0].world, manager)
    ),
    weight=0,
    since=Edition.C,
    needs="versions",
)
def commit_with_version(
    world: World, manager: Name, database: Name, source: str, end: str
) -> Outcomes:
    """Commit together with the end of a version: into the trunk, another version, or nowhere."""
    return commit(_asked(world, manager, _change(database, source, end))[0].world, manager)
