"""Faults that concern one database and no savepoints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zodb_spec.chapters import (
    connections,
    identity,
    isolation,
    objects,
    reach,
    tracking,
    transactions,
)
from zodb_spec.operations import endings, records, storing
from zodb_spec.work import Work
from zodb_spec.world import CLEAN, Fact, InMemory, Object, Stored, Transaction, World

from planted.fault import Fault, refuses_nothing


def stays_behind(function: Callable[..., Any], world: World, connection: str) -> Fact[int]:
    return world.fact(world.connections[connection].snapshot, "fault")


def runs_ahead(function: Callable[..., Any], world: World, connection: str) -> Fact[int]:
    return world.fact(world.database_of(connection).last + 1, "fault")


def drops(function: Callable[..., Any], world: World, thing: Object) -> Object:
    return thing._replace(status=world.fact(CLEAN, "fault"), state=world.fact(None, "fault"))


def shows_nothing(function: Callable[..., Any], world: World, thing: Object) -> Object:
    return thing._replace(state=world.fact({}, "fault"))


def keeps_owner(function: Callable[..., Any], world: World, name: str) -> Object:
    return world.objects[name]


def empties(function: Callable[..., Any], world: World, name: str, disowned: Object) -> Object:
    return function(world, name, disowned)._replace(state=world.fact({}, "fault"))


def stores_anyway(function: Callable[..., Any], world: World, manager: str) -> World:
    database = world.databases["db"]
    extra = Transaction(database.last + 1, {})
    after = database._replace(history=(*database.history, extra))
    return world.put("databases", "db", after)


def rewrites(function: Callable[..., Any], world: World, work: Any) -> World:
    after = function(world, work)
    database = after.databases["db"]
    return after.put("databases", "db", database._replace(history=database.history[1:]))


def keeps_references(function: Callable[..., Any], world: World, *arguments: Any) -> Any:
    return arguments[1]


def points_nowhere(function: Callable[..., Any], world: World, *arguments: Any) -> Any:
    return Stored(99) if type(arguments[1]) is InMemory else function(world, *arguments)


def takes_newest(function: Callable[..., Any], world: World, *arguments: Any) -> Object:
    changed = function(world, *arguments)
    return changed._replace(base=world.databases["db"].last)


def moves_everybody(function: Callable[..., Any], world: World, *arguments: Any) -> World:
    for manager in world.managers:
        world = function(world, manager, *arguments[1:])
    return world


def stores_only_new(function: Callable[..., Any], world: World, connection: str) -> Work:
    work: Work = function(world, connection)
    return work._replace(stores={name: work.stores[name] for name in work.new(world)})


FAULTS = (
    Fault(
        "the last committer wins",
        isolation,
        "first_committer_wins",
        refuses_nothing,
        "one-shared-object",
        "isolation.no-lost-update",
        "set set commit commit",
    ),
    Fault(
        "marks are not checked",
        isolation,
        "read_current_refused",
        refuses_nothing,
        "two-shared-objects",
        "isolation.marks-hold",
        "set set read-current commit commit",
        "set read-current commit",
    ),
    Fault(
        "marks outlive their transaction",
        isolation,
        "marks_vanish",
        lambda function, world, name: world.connections[name].read_current,
        "one-shared-object",
        "isolation.transaction-end-catches-up",
        "read-current commit",
    ),
    Fault(
        "the second of two merged changes is all that is left",
        isolation,
        "resolution_merges",
        lambda function, world, connection, oid, made: made.state,
        "counter",
        "isolation.merging-loses-nothing",
        "increment increment commit commit",
    ),
    Fault(
        "a transaction begins where the last one began",
        isolation,
        "boundary_shows_newest",
        stays_behind,
        "one-shared-object",
        "isolation.transaction-end-catches-up",
        "set commit",
    ),
    Fault(
        "a snapshot shows what is not committed yet",
        isolation,
        "boundary_shows_newest",
        runs_ahead,
        "one-shared-object",
        "isolation.snapshot-is-committed",
        "commit",
    ),
    Fault(
        "a commit drops what others have changed",
        isolation,
        "own_changes_survive",
        drops,
        "one-shared-object",
        "isolation.others-notice-nothing",
        "set set commit",
    ),
    Fault(
        "a commit empties the copies of others",
        isolation,
        "others_stay_invisible",
        shows_nothing,
        "one-shared-object",
        "object.memory-or-record",
        "set commit",
    ),
    Fault(
        "a boundary moves the connections of everybody",
        endings,
        "boundary",
        moves_everybody,
        "one-shared-object",
        "isolation.others-notice-nothing",
        "set commit",
    ),
    Fault(
        "a change is taken to start from the newest revision",
        tracking,
        "changed_flag_marks",
        takes_newest,
        "tracking",
        "isolation.changes-start-from-the-snapshot",
        "set commit mark-changed",
    ),
    Fault(
        "an abort leaves the object its owner",
        objects,
        "disowned",
        keeps_owner,
        "one-object",
        "object.unsaved-has-no-owner",
        "new add abort",
    ),
    Fault(
        "an abort empties new objects",
        objects,
        "memory_is_kept",
        empties,
        "one-object",
        "object.memory-survives",
        "new link add abort",
    ),
    Fault(
        "every new object gets the same oid",
        objects,
        "fresh_oid",
        lambda function, world, connection: (world, 1),
        "one-object",
        "object.oids-never-return",
        "new add",
    ),
    Fault(
        "an added object is stored only if something refers to it",
        objects,
        "add_is_stored",
        refuses_nothing,
        "one-object",
        "tracking.changed-takes-part",
        "new add commit",
    ),
    Fault(
        "a commit leaves what it stored as it was in memory",
        objects,
        "commit_keeps_state",
        lambda function, world, committed: committed,
        "one-shared-object",
        "object.memory-or-record",
        "set commit",
    ),
    Fault(
        "a commit stores no changes",
        reach,
        "what_is_stored",
        stores_only_new,
        "one-object",
        "tracking.changed-takes-part",
        "link commit",
    ),
    Fault(
        "a value changes on its way into the record",
        transactions,
        "value_comes_back",
        lambda function, world, record: record._replace(state={}),
        "one-shared-object",
        "transaction.stored-as-held",
        "set commit",
    ),
    Fault(
        "an abort discards no changes",
        transactions,
        "abort_discards",
        lambda function, world, thing: world.objects[thing].state,
        "one-shared-object",
        "object.memory-or-record",
        "set abort",
    ),
    Fault(
        "what can't be pickled is stored",
        transactions,
        "unpicklable_refused",
        refuses_nothing,
        "tracking",
        "record.only-what-pickles",
        "set-unpicklable commit",
    ),
    Fault(
        "a commit that fails is recorded",
        transactions,
        "nothing_stored",
        stores_anyway,
        "one-shared-object",
        "transaction.refused-changes-nothing",
        "set set commit commit",
    ),
    Fault(
        "two transactions have one tid",
        transactions,
        "next_tid",
        lambda function, world, database: world.databases[database].last,
        "one-shared-object",
        "transaction.history-only-grows",
        "set commit",
    ),
    Fault(
        "a commit forgets the oldest transaction",
        storing,
        "store",
        rewrites,
        "one-shared-object",
        "isolation.no-lost-update",
        "set commit",
    ),
    Fault(
        "a record keeps references to objects in memory",
        records,
        "_stored",
        keeps_references,
        "one-object",
        "record.only-what-pickles",
        "link commit",
    ),
    Fault(
        "a reference is stored with a wrong oid",
        records,
        "_stored",
        points_nowhere,
        "one-object",
        "reach.no-dangling-reference",
        "link commit",
    ),
    Fault(
        "a second object is made for an oid",
        identity,
        "one_object",
        lambda function, world, connection, oid: None,
        "open-and-close",
        "identity.one-holder",
        "get",
    ),
    Fault(
        "a connection closes in mid-transaction",
        connections,
        "close_joined_refused",
        refuses_nothing,
        "open-and-close",
        "tracking.changed-takes-part",
        "set close",
    ),
)
