"""Faults that concern savepoints and several databases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zodb_spec.chapters import (
    cross_references,
    database_collections,
    groups,
    new_objects,
    reach,
    savepoints,
)
from zodb_spec.chapters.isolation import is_outdated
from zodb_spec.operations import endings, storing
from zodb_spec.operations import savepoints as returning
from zodb_spec.work import Work
from zodb_spec.world import (
    CHANGED,
    NOTHING,
    Connection,
    Fact,
    Object,
    Record,
    Saved,
    Stored,
    Transaction,
    World,
)

from planted.fault import Fault, refuses_nothing


def empties(function: Callable[..., Any], world: World, name: str) -> Object:
    unsaved: Object = function(world, name)
    return unsaved._replace(state=world.fact({}, "fault"))


def stays_valid(function: Callable[..., Any], world: World, name: str) -> Fact[bool]:
    return world.fact(True, "fault")


def keeps_owner(function: Callable[..., Any], world: World, name: str) -> Object:
    return world.objects[name]


def keeps_saved(function: Callable[..., Any], world: World, connection: str) -> Connection:
    return world.connections[connection]._replace(registered=())


def keeps_little(function: Callable[..., Any], world: World, record: Record) -> Fact[Record]:
    return world.fact(record._replace(state={}), "fault")


def takes_newest(function: Callable[..., Any], world: World, record: Record) -> Fact[Record]:
    return world.fact(record._replace(base=world.databases["db"].last), "fault")


def catches_up(function: Callable[..., Any], world: World, work: Work) -> World:
    after: World = function(world, work)
    connection = after.connections[work.connection]
    if any(is_outdated(after, work.connection, oid) for oid in connection.saved):
        return after
    point = world.fact(after.database_of(work.connection).last, "fault")
    moved = connection._replace(boundaries=(*connection.boundaries, point))
    return after.put("connections", work.connection, moved)


def stores_at_once(function: Callable[..., Any], world: World, work: Work) -> World:
    after: World = function(world, work)
    name = after.connections[work.connection].database
    database = after.databases[name]
    saved = Transaction(database.last + 1, after.connections[work.connection].saved)
    return after.put("databases", name, database._replace(history=(*database.history, saved)))


def returns_without_data(
    function: Callable[..., Any], connection: Connection, kept: Saved
) -> Connection:
    return connection._replace(registered=())


def returns_to_the_beginning(
    function: Callable[..., Any], connection: Connection, kept: Saved
) -> Connection:
    return connection._replace(registered=(), saved=NOTHING, created=NOTHING)


def restores_only_what_is_saved(
    function: Callable[..., Any], world: World, connection: str, kept: Saved
) -> dict[str, Object]:
    restored: dict[str, Object] = function(world, connection, kept)
    return {
        name: thing
        for name, thing in restored.items()
        if world.objects[name].status.value != CHANGED
    }


def stores_nothing_of_it(
    function: Callable[..., Any], world: World, work: Work, oid: int
) -> Fact[Record]:
    return keeps_little(function, world, function(world, work, oid).value)


def stores_one_database(function: Callable[..., Any], world: World, work: Work) -> World:
    after: World = function(world, work)
    name = world.connections[work.connection].database
    return after if name == "db" else after.put("databases", name, world.databases[name])


def forgets_the_database(function: Callable[..., Any], *arguments: Any) -> Stored:
    found: Stored = function(*arguments)
    return found._replace(database="")


def leaves_open(function: Callable[..., Any], world: World, connection: str) -> Fact[bool]:
    return world.fact(True, "fault")


def leaves_manager(
    function: Callable[..., Any], world: World, connection: str, manager: str
) -> Connection:
    return world.connections[connection]._replace(is_open=world.fact(True, "fault"))


FAULTS = (
    Fault(
        "what was new when a database is closed is emptied",
        database_collections,
        "closing_aborts",
        empties,
        "closings",
        "object.memory-survives",
        "new set add close-database",
        operations="close-database new set add",
    ),
    Fault(
        "a savepoint keeps no contents",
        savepoints,
        "keeps_changes",
        keeps_little,
        "savepoints",
        "savepoint.returns-exactly",
        "set savepoint",
    ),
    Fault(
        "what a savepoint keeps counts as made from the newest revision",
        savepoints,
        "keeps_changes",
        takes_newest,
        "savepoints-and-conflicts",
        "isolation.changes-start-from-the-snapshot",
        "set set commit savepoint",
    ),
    Fault(
        "a savepoint shows what others have committed where that is in no conflict",
        returning,
        "_saved",
        catches_up,
        "two-shared-objects",
        "isolation.snapshot-stays",
        "set set commit savepoint",
        "set commit savepoint",
    ),
    Fault(
        "a savepoint is stored at once",
        returning,
        "_saved",
        stores_at_once,
        "savepoints",
        "transaction.only-commits-store",
        "set savepoint",
    ),
    Fault(
        "a later savepoint stays valid",
        savepoints,
        "later_are_invalid",
        stays_valid,
        "savepoints",
        "savepoint.valid-in-its-transaction",
        "savepoint savepoint rollback",
    ),
    Fault(
        "a savepoint outlives its transaction",
        savepoints,
        "ends_with_the_transaction",
        stays_valid,
        "savepoints",
        "savepoint.valid-in-its-transaction",
        "savepoint commit",
    ),
    Fault(
        "what a savepoint has stored outlives an abort",
        endings,
        "without_changes",
        keeps_saved,
        "savepoints",
        "savepoint.data-belongs-to-a-transaction",
        "set savepoint abort",
    ),
    Fault(
        "what was rolled back is still committed",
        returning,
        "_returned",
        returns_without_data,
        "savepoints",
        "savepoint.data-belongs-to-a-transaction",
        "savepoint set savepoint rollback",
    ),
    Fault(
        "to return is to lose all savepoints",
        returning,
        "_returned",
        returns_to_the_beginning,
        "savepoints",
        "savepoint.returns-exactly",
        "set savepoint rollback",
    ),
    Fault(
        "to return leaves changes as they are",
        returning,
        "_restored",
        restores_only_what_is_saved,
        "savepoints",
        "tracking.changed-takes-part",
        "set savepoint set rollback",
    ),
    Fault(
        "to return leaves a later object its owner",
        savepoints,
        "rollback_disowns",
        keeps_owner,
        "new-object-and-savepoints",
        "tracking.changed-takes-part",
        "new link savepoint add rollback",
    ),
    Fault(
        "to return leaves those alone who joined later",
        savepoints,
        "late_joiners_aborted",
        refuses_nothing,
        "joint-savepoints",
        "tracking.changed-takes-part",
        "savepoint set rollback",
    ),
    Fault(
        "a commit empties what only savepoints have stored",
        savepoints,
        "commit_stores",
        stores_nothing_of_it,
        "savepoints",
        "transaction.stored-as-held",
        "set savepoint commit",
    ),
    Fault(
        "a commit stores one database only",
        storing,
        "store",
        stores_one_database,
        "joint-commits",
        "joint.all-or-nothing",
        "set set commit",
    ),
    Fault(
        "an object that two databases reach is stored",
        new_objects,
        "ambiguous_refused",
        refuses_nothing,
        "ambiguity",
        "object.oids-never-return",
        "new link link savepoint",
    ),
    Fault(
        "a savepoint decides which database an object belongs to",
        new_objects,
        "stays_ambiguous",
        refuses_nothing,
        "ambiguity",
        "new-object.never-ambiguous",
        "new link savepoint link savepoint",
    ),
    Fault(
        "a reference to another group is accepted",
        cross_references,
        "other_group_refused",
        refuses_nothing,
        "foreign-references",
        "xref.inside-the-group",
        "link savepoint",
    ),
    Fault(
        "a reference to another connection to the same database is accepted",
        reach,
        "separate_connection_refused",
        refuses_nothing,
        "two-connections",
        "xref.inside-the-group",
        "link commit",
    ),
    Fault(
        "a reference out of the collection is accepted",
        cross_references,
        "outside_refused",
        refuses_nothing,
        "foreign-references",
        "xref.inside-the-collection",
        "link commit",
        "link commit",
    ),
    Fault(
        "a reference forgets its database",
        cross_references,
        "accepted",
        forgets_the_database,
        "ambiguity",
        "savepoint.returns-exactly",
        "link savepoint",
    ),
    Fault(
        "a group gets a second connection to a database",
        groups,
        "one_connection_each",
        lambda function, world, connection, database: None,
        "groups",
        "group.one-each",
        "get-connection",
    ),
    Fault(
        "to close a group leaves a member open",
        groups,
        "closes_together",
        leaves_open,
        "groups",
        "group.one-each",
        "get-connection close",
    ),
    Fault(
        "a member of a group keeps the manager that it had",
        groups,
        "reopens_together",
        leaves_manager,
        "groups",
        "group.one-each",
        "get-connection close open",
    ),
)
