"""What a program does with several databases: open them, and get the connections of a group."""

from __future__ import annotations

from collections.abc import Sequence

from zodb_spec.chapters import groups
from zodb_spec.chapters.database_collections import joined_by_mapping, own_collection
from zodb_spec.kinds import ROOT_KIND
from zodb_spec.operation import Argument, Outcome, Returned, operation, returned
from zodb_spec.operations import choices
from zodb_spec.operations.choices import DATABASE, fresh
from zodb_spec.operations.finding import shows_one_state
from zodb_spec.operations.grouping import with_member
from zodb_spec.world import ROOT, Database, Fact, Name, Record, Transaction, World

Outcomes = Sequence[Outcome]
MOST_DATABASES = 3
NAMES = ("second", "", "\u4e09 \u0434\u0432\u0430")
INSIDE, OUTSIDE = "inside", "outside"


def new_database(
    step: int = 0, *, resolves: bool | None = False, versions: bool | None = False
) -> Database:
    """A database that has nothing but its root."""
    root = Fact(Record(ROOT_KIND, {}), "root.oid-is-zero", step)
    return Database((Transaction(1, {ROOT: root}),), resolves=resolves, versions=versions)


def _free_names(world: World, *before: str) -> list[str]:
    taken = {found.name for found in world.databases.values()}
    return [name for name in NAMES if name not in taken]


def _opening(world: World, name: Name, called: str, place: str) -> str:
    joining = f"databases={DATABASE}.databases, " if place == INSIDE else ""
    return f"{name} = open_db({joining}database_name={called!r})"


@operation(
    fresh("db"),
    Argument("name", _free_names),
    Argument("place", lambda world, *before: (INSIDE, INSIDE, OUTSIDE)),
    line=_opening,
    sensible=lambda world, name, called, place: (
        name not in world.databases
        and len(world.databases) < MOST_DATABASES
        and called in _free_names(world)
        and place in (INSIDE, OUTSIDE)
    ),
    weight=0,
    needs="several-databases",
)
def open_database(world: World, name: Name, called: str, place: str) -> Outcomes:
    """Open another database, in the collection of the first one or outside of it."""
    clause = joined_by_mapping if place == INSIDE else own_collection
    first = world.databases[DATABASE]
    made = new_database(world.step, resolves=first.resolves, versions=first.versions)._replace(
        name=called, collection=clause(world, DATABASE if place == INSIDE else name)
    )
    opened = world.put("databases", name, made)
    for each, connection in world.connections.items():
        horizon = {**connection.horizon, name: made.last}
        opened = opened.put("connections", each, connection._replace(horizon=horizon))
    return [returned(opened, clause, Returned("new database", name))]


def _members(world: World, connection: Name, *before: str) -> list[Name]:
    """The databases to which a group can have a connection."""
    database = world.connections[connection].database
    collection = world.databases[database].collection
    return [name for name, found in world.databases.items() if found.collection == collection]


def _can_be_asked(world: World, connection: Name, database: Name, name: Name) -> bool:
    return (
        choices.usable_connection(world, connection)
        and database in _members(world, connection)
        and name not in world.connections
        and shows_one_state(world, connection, database)
    )


@operation(
    Argument("connection", choices.connections),
    Argument("database", _members),
    fresh("connection"),
    line=lambda world, connection, database, name: (
        f"{name} = {connection}.get_connection({world.databases[database].name!r})"
    ),
    sensible=_can_be_asked,
    weight=2,
)
def get_connection(world: World, connection: Name, database: Name, name: Name) -> Outcomes:
    """Get the connection of a group to one of the databases."""
    member = groups.one_connection_each(world, connection, database)
    if member is not None:
        return [returned(world, groups.one_connection_each, Returned("connection", member))]
    return [
        returned(
            after,
            groups.opens_what_is_missing,
            Returned("new connection" if opened == name else "connection", opened),
        )
        for after, opened in with_member(world, connection, database, name)
    ]
