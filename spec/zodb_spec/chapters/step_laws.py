"""Laws about steps: what every operation leaves as it was, and what it owes, whatever it does.

Each is a predicate over the world before a step, the step, and its outcome.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from zodb_spec.chapters.isolation import count
from zodb_spec.chapters.laws import UNCHANGED
from zodb_spec.clause import MUST, law
from zodb_spec.editions import CURRENT as TODAY
from zodb_spec.kinds import KINDS
from zodb_spec.operation import Outcome, Raised, Step
from zodb_spec.world import (
    CHANGED,
    CLEAN,
    UNSAVED,
    Database,
    Fact,
    InMemory,
    Name,
    Object,
    Record,
    State,
    Stored,
    Tid,
    Transaction,
    Value,
    World,
    current,
    state_of,
)

ENDS = ("begin", "abort", "commit", "commit-with-version", "commit-with-undo", "sync")


class Commit(NamedTuple):
    """What a step committed to one database.

    database     its name
    transaction  the transaction that the step added to the history
    connection   the connection that did it
    """

    database: Name
    transaction: Transaction
    connection: Name


def acting(before: World, step: Step) -> Name | None:
    """The transaction manager on whose behalf a step is taken, None where nobody owns what it
    is about.
    """
    subject = step[1]
    if subject in before.managers:
        return subject
    if subject in before.savepoints:
        return before.savepoints[subject].manager
    thing = before.objects.get(subject)
    if thing is not None:
        if thing.owner.value is None:
            return None
        subject = thing.owner.value[0]
    connection = before.connections.get(subject)
    return None if connection is None else connection.manager


def commits(before: World, step: Step, outcome: Outcome) -> Iterator[Commit]:
    """What a step committed."""
    manager = acting(before, step)
    for name, found in outcome.world.databases.items():
        database = before.databases.get(name, found)
        for transaction in found.history[len(database.history) :]:
            for connection in before.managers[manager].joined if manager is not None else ():
                if before.connections[connection].database == name:
                    yield Commit(name, transaction, connection)


@law("transaction.history-only-grows", MUST, rules="ISO-1 ISO-2", binds="storage")
def history_only_grows(before: World, step: Step, outcome: Outcome) -> bool:
    """What was committed stays as it is.  A step adds one transaction to a history or none, and
    its tid is greater than all before it.
    """
    for name, found in outcome.world.databases.items():
        database, after = before.databases.get(name, found), found.history
        if after is database.history:
            continue
        known = len(database.history)
        if after[:known] != database.history or len(after) > known + 1:
            return False
        if after[-1].tid <= database.last and len(after) > known:
            return False
    return True


@law("transaction.refused-changes-nothing", MUST, rules="LIFE-6 LIFE-19 SER-23")
def refused_changes_nothing(before: World, step: Step, outcome: Outcome) -> bool:
    """An operation that raises an error changes neither a database nor what any object holds; the
    one exception is the second phase of a commit.
    """
    if (
        not isinstance(outcome.seen, Raised)
        or outcome.clause == "transaction.second-phase-failure"
        or outcome.world is before
    ):
        return True
    after = outcome.world
    return (
        _histories(after) == _histories(before)
        and after.objects.keys() == before.objects.keys()
        and all(
            _essence(thing) == _essence(after.objects[name])
            for name, thing in before.objects.items()
        )
    )


def _histories(world: World) -> list[tuple[Transaction, ...]]:
    return [database.history for database in world.databases.values()]


def _essence(thing: Object) -> tuple[object, object, object]:
    status = CLEAN if thing.status.value in UNCHANGED else thing.status.value
    return thing.owner.value, status, thing.state.value


@law("isolation.others-notice-nothing", MUST, rules="ISO-1 ISO-4")
def others_notice_nothing(before: World, step: Step, outcome: Outcome) -> bool:
    """Whatever a transaction does, until the end of their own transactions the others notice
    nothing: they see the same committed state, their objects hold the same, and their changes are
    still there.
    """
    after = outcome.world
    if after.databases is before.databases and after.objects is before.objects:
        return True
    manager = acting(before, step)
    ended = {each.group for each in before.connections.values() if step[1] == each.database}
    others = {
        name
        for name, connection in before.connections.items()
        if connection.manager != manager and connection.is_open.value
        if step[0] != "close-database" or connection.group not in ended
    }
    untouched = {
        name
        for name in others
        if after.databases is before.databases
        and after.connections[name] is before.connections[name]
    }
    return all(
        _seen_by(before, name) == _seen_by(after, name)
        for name, thing in before.objects.items()
        if thing.owner.value is not None
        and thing.owner.value[0] in others
        and name in after.objects
        and not (thing.owner.value[0] in untouched and after.objects.get(name) is thing)
    )


def _seen_by(world: World, name: Name) -> tuple[object, ...] | None:
    thing = world.objects.get(name)
    if thing is None:
        return None
    status = CLEAN if thing.status.value in UNCHANGED else thing.status.value
    return thing.owner.value, status, state_of(world, name).value


@law("isolation.transaction-end-catches-up", MUST, rules="ISO-2 ISO-4 CONN-21 CONN-36")
def transaction_end_catches_up(before: World, step: Step, outcome: Outcome) -> bool:
    """Where a transaction has ended well, every open connection of its manager sees the newest
    committed state, and has nothing left of the transaction: no changes, and no marks of
    `readCurrent`.  A historical connection sees what it saw; one that was opened with
    ``synch=False`` has to have joined the transaction, or does not move.
    """
    if step[0] not in ENDS or isinstance(outcome.seen, Raised):
        return True
    manager = acting(before, step)
    after = outcome.world
    return all(
        connection.snapshot == _due(before, name, after, step)
        and not connection.registered
        and not connection.read_current
        and not connection.saved
        for name, connection in after.connections.items()
        if connection.manager == manager and connection.is_open.value
    )


def _due(before: World, connection: Name, after: World, step: Step) -> Tid:
    """What a connection has to show where a transaction of its manager has ended."""
    found = after.connections[connection]
    joined = before.managers[found.manager].joined
    is_told = found.view.synch or connection in joined or step[:2] == ("sync", connection)
    if found.view.point or not is_told:
        return before.connections[connection].snapshot
    return after.databases[found.database].last


@law("object.memory-survives", MUST, rules="LIFE-11")
def memory_survives(before: World, step: Step, outcome: Outcome) -> bool:
    """Nothing but the program itself changes what an unsaved object holds, and an object that
    becomes unsaved again holds what it held: failed and aborted transactions cost no memory.
    """
    after = outcome.world.objects
    return after is before.objects or all(
        contents_of(before, name).keys() == (after[name].state.value or {}).keys()
        and all(
            type(value) is Stored or value == (after[name].state.value or {})[key]
            for key, value in (thing.state.value or {}).items()
        )
        for name, thing in before.objects.items()
        if name in after and after[name].status.value == UNSAVED and name != step[1]
    )


def contents_of(world: World, name: Name) -> State:
    """What an object holds, in memory or else in the record that its connection shows."""
    return state_of(world, name).value[0] or {}


@law("object.oids-never-return", MUST, rules="LIFE-14 LIFE-15", binds="storage")
def oids_never_return(before: World, step: Step, outcome: Outcome) -> bool:
    """An object that becomes owned gets an oid that was never given away before, unless it takes
    the place of another one.
    """
    after = outcome.world
    if after.objects is before.objects or step[0] == "exchange":
        return True
    given = [
        (after.connections[connection].database, oid)
        for name, thing in before.objects.items()
        if thing.owner.value is None and name in after.objects
        for owner in (after.objects[name].owner.value,)
        if owner is not None
        for connection, oid in (owner,)
    ]
    return len(given) == len(set(given)) and all(
        before.databases[name].next_oid <= oid < after.databases[name].next_oid
        for name, oid in given
    )


@law("transaction.stored-as-held", MUST, rules="LIFE-2 LIFE-4 LIFE-16 LIFE-42")
def stored_as_held(before: World, step: Step, outcome: Outcome) -> bool:
    """A commit that stores anything stores everything that was added or changed in its transaction,
    and whatever it stores as it was held in memory, except for changes that are merged.
    """
    after = outcome.world
    for commit in commits(before, step, outcome):
        database = before.databases[commit.database]
        for name, thing in before.objects.items():
            owner = after.objects[name].owner.value if name in after.objects else None
            if owner is None or owner[0] != commit.connection:
                continue
            fact = commit.transaction.records.get(owner[1])
            saved = before.connections[commit.connection].saved.get(owner[1])
            if (fact is not None) != (thing.status.value not in UNCHANGED or saved is not None):
                return False
            if fact is None or _merged(database, thing, saved):
                continue
            held = contents_of(before, name)
            if fact.value.state != {
                key: as_stored(after, commit.connection, value) for key, value in held.items()
            }:
                return False
    return True


@law(
    "isolation.merging-loses-nothing",
    MUST,
    rules="ISO-12 ISO-22",
    binds="storage",
    needs="conflict-resolution",
)
def merging_loses_nothing(before: World, step: Step, outcome: Outcome) -> bool:
    """Where two changes of one object are merged, neither is lost: a counter that both counted up
    has both counts.
    """
    for commit in commits(before, step, outcome):
        database = before.databases[commit.database]
        for name, thing in before.objects.items():
            if thing.owner.value is None or thing.owner.value[0] != commit.connection:
                continue
            oid = thing.owner.value[1]
            saved = before.connections[commit.connection].saved.get(oid)
            fact = commit.transaction.records.get(oid)
            if fact is not None and _merged(database, thing, saved):
                state, base = state_of(before, name).value
                made_from = database.revision(oid, base)
                others = database.revision(oid, database.last)
                assert made_from is not None
                assert others is not None
                counted = count(state) - count(made_from[1].value.state or {})
                before_it = count(others[1].value.state or {})
                if count(fact.value.state or {}) != before_it + counted:
                    return False
    return True


def _merged(database: Database, thing: Object, saved: Fact[Record] | None) -> bool:
    if thing.owner.value is None or not KINDS[thing.kind].resolves:
        return False
    newest = current(database.history, thing.owner.value[1])
    if thing.status.value == CHANGED:
        return newest > thing.base
    return saved is not None and newest > saved.value.base


def as_stored(after: World, connection: Name, value: Value) -> Value:
    """A value as the record of an object of a connection has it."""
    if type(value) is not InMemory:
        return value
    owner = after.objects[value.target].owner.value
    if owner is None:
        return Stored(-1, value.weak, value.inside)
    elsewhere = "" if owner[0] == connection else after.connections[owner[0]].database
    return Stored(owner[1], value.weak, value.inside, elsewhere)


@law("joint.all-or-nothing", MUST, rules="XREF-51")
def all_or_nothing(before: World, step: Step, outcome: Outcome) -> bool:
    """A commit that stores something in one database of its transaction has stored everything that
    it had to store in every other one.
    """
    databases = outcome.world.databases
    if databases is before.databases or not list(commits(before, step, outcome)):
        return True
    manager = acting(before, step)
    assert manager is not None
    return all(
        databases[before.connections[name].database].last
        > before.databases[before.connections[name].database].last
        for name in before.managers[manager].joined
        if before.connections[name].saved or _has_changes(before, name)
    )


def _has_changes(world: World, connection: Name) -> bool:
    return any(
        world.objects[name].status.value not in UNCHANGED
        for name in world.connections[connection].registered
    )


@law("isolation.marks-hold", MUST, rules="ISO-13 CONN-32", since=TODAY)
def marks_hold(before: World, step: Step, outcome: Outcome) -> bool:
    """Whatever a transaction that was stored had marked with `readCurrent`, and did not change
    itself, was still the newest when it was stored.
    """
    return all(
        current(before.databases[commit.database].history, oid) <= connection.snapshot
        for commit in commits(before, step, outcome)
        for connection in (before.connections[commit.connection],)
        for oid in connection.read_current - commit.transaction.records.keys()
        if commit.transaction.records
    )
