"""Laws: what holds after every step, whatever a program does.

The other chapters say what each operation does.  These clauses say what follows from all of them
together, and so what a program may rely on without thinking of operations at all.  Some are
statements about a world, others about a step: the world before it, the step, and its outcome.

That the model obeys them is found out by exploring it (`zodb_spec.explore`).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from zodb_spec.chapters.isolation import count
from zodb_spec.clause import MUST, law
from zodb_spec.editions import CURRENT as TODAY
from zodb_spec.kinds import KINDS
from zodb_spec.operation import Outcome, Raised, Step
from zodb_spec.world import (
    ADDED,
    CHANGED,
    CLEAN,
    GHOST,
    LOADED,
    NEVER,
    UNSAVED,
    Database,
    InMemory,
    Name,
    Number,
    Object,
    Oid,
    Plain,
    Stored,
    Transaction,
    Value,
    World,
    current,
    state_of,
)

UNCHANGED = (CLEAN, GHOST, LOADED)
ENDS = ("begin", "abort", "commit", "sync")


# Laws about a world.


@law("object.unsaved-has-no-owner", MUST, rules="LIFE-1")
def unsaved_has_no_owner(world: World) -> bool:
    """At any time an object is either unsaved, without jar and oid, or owned by one connection,
    with both.
    """
    return all(
        (thing.status.value == UNSAVED) == (thing.owner.value is None)
        for thing in world.objects.values()
    )


@law("identity.one-holder", MUST, rules="LIFE-30")
def one_holder(world: World) -> bool:
    """At no time does a program hold two objects of one connection that have the same oid."""
    owners = [thing.owner.value for thing in world.objects.values() if thing.owner.value]
    return len(owners) == len(set(owners))


@law("object.memory-or-record", MUST, rules="LIFE-11 LIFE-35")
def memory_or_record(world: World) -> bool:
    """What an object holds is always somewhere: in memory as long as it is unsaved, added or
    changed, and otherwise in a record which the snapshot of its connection shows.
    """
    for name, thing in world.objects.items():
        if (thing.state.value is None) != (thing.status.value in UNCHANGED):
            return False
        if thing.state.value is None and state_of(world, name).value[0] is None:
            return False
    return True


@law("tracking.changed-takes-part", MUST, rules="LIFE-19 CONN-37 CONN-38")
def changed_takes_part(world: World) -> bool:
    """Every object that was added or changed belongs to the transaction of its own connection's
    manager: it is registered, and its connection is open and has joined, once.
    """
    for name, thing in world.objects.items():
        if thing.status.value in (ADDED, CHANGED):
            assert thing.owner.value is not None
            connection = world.connections[thing.owner.value[0]]
            joined = world.managers[connection.manager].joined
            if name not in connection.registered or joined.count(thing.owner.value[0]) != 1:
                return False
    return all(
        world.connections[name].is_open.value and world.connections[name].manager == each
        for each, manager in world.managers.items()
        for name in manager.joined
    )


@law("isolation.snapshot-is-committed", MUST, rules="ISO-2 ISO-3")
def snapshot_is_committed(world: World) -> bool:
    """The snapshot of a connection never moves back, and is never newer than the newest
    transaction.
    """
    return all(
        connection.snapshot <= world.databases[connection.database].last
        and all(one.value <= next_.value for one, next_ in pairwise(connection.boundaries))
        for connection in world.connections.values()
    )


@law("isolation.changes-start-from-the-snapshot", MUST, rules="ISO-1 ISO-8")
def changes_start_from_the_snapshot(world: World) -> bool:
    """An object that a transaction has changed was made from the revision that the snapshot of its
    connection shows, so that a conflict with any later one is noticed.
    """
    for thing in world.objects.values():
        if thing.status.value == CHANGED:
            assert thing.owner.value is not None
            connection, oid = thing.owner.value
            snapshot = world.connections[connection].snapshot
            shown = world.database_of(connection).revision(oid, snapshot)
            if shown is None or shown[0] != thing.base:
                return False
    return True


@law("isolation.no-lost-update", MUST, rules="ISO-8 ISO-12", binds="storage")
def no_lost_update(world: World) -> bool:
    """No update is lost: every revision of an object was made from the one just before it, unless
    the two changes were merged.
    """
    for database in world.databases.values():
        newest: dict[Oid, int] = {}
        for transaction in database.history:
            for oid, fact in transaction.records.items():
                before = newest.get(oid, NEVER)
                merged = database.resolves and KINDS[fact.value.kind].resolves
                if fact.value.base != before and not (merged and fact.value.base < before):
                    return False
                newest[oid] = transaction.tid
    return True


@law("record.only-what-pickles", MUST, rules="LIFE-23 LIFE-45 SER-23")
def only_what_pickles(world: World) -> bool:
    """Every record holds values that can be pickled, references by oid, and nothing else."""
    return all(
        type(value) in (Plain, Number, Stored)
        for database in world.databases.values()
        for transaction in database.history
        for fact in transaction.records.values()
        for value in (fact.value.state or {}).values()
    )


# Laws about a step.


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
    for name, database in before.databases.items():
        for transaction in outcome.world.databases[name].history[len(database.history) :]:
            for connection in before.managers[manager].joined if manager is not None else ():
                if before.connections[connection].database == name:
                    yield Commit(name, transaction, connection)


@law("transaction.history-only-grows", MUST, rules="ISO-1 ISO-2", binds="storage")
def history_only_grows(before: World, step: Step, outcome: Outcome) -> bool:
    """What was committed stays as it is.  A step adds one transaction to a history or none, and
    its tid is greater than all before it.
    """
    for name, database in before.databases.items():
        after = outcome.world.databases[name].history
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
    others = {
        name
        for name, connection in before.connections.items()
        if connection.manager != manager and connection.is_open.value
    }
    return all(
        _seen_by(before, name) == _seen_by(after, name)
        for name, thing in before.objects.items()
        if thing.owner.value is not None and thing.owner.value[0] in others
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
    `readCurrent`.
    """
    if step[0] not in ENDS or isinstance(outcome.seen, Raised):
        return True
    manager = acting(before, step)
    after = outcome.world
    return all(
        connection.snapshot == after.databases[connection.database].last
        and not connection.registered
        and not connection.read_current
        for connection in after.connections.values()
        if connection.manager == manager and connection.is_open.value
    )


@law("object.memory-survives", MUST, rules="LIFE-11")
def memory_survives(before: World, step: Step, outcome: Outcome) -> bool:
    """Nothing but the program itself changes what an unsaved object holds, and an object that
    becomes unsaved again holds what it held: failed and aborted transactions cost no memory.
    """
    after = outcome.world.objects
    return after is before.objects or all(
        after[name].state.value == thing.state.value
        for name, thing in before.objects.items()
        if name in after and after[name].status.value == UNSAVED and name != step[1]
    )


@law("object.oids-never-return", MUST, rules="LIFE-14 LIFE-15", binds="storage")
def oids_never_return(before: World, step: Step, outcome: Outcome) -> bool:
    """An object that becomes owned gets an oid that was never given away before."""
    after = outcome.world
    if after.objects is before.objects:
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
            owner = after.objects[name].owner.value
            if owner is None or owner[0] != commit.connection:
                continue
            fact = commit.transaction.records.get(owner[1])
            if (fact is not None) != (thing.status.value not in UNCHANGED):
                return False
            if fact is not None and not _merged(database, thing):
                held = thing.state.value or {}
                if fact.value.state != {
                    key: _as_stored(after, value) for key, value in held.items()
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
        for thing in before.objects.values():
            if thing.owner.value is None or not _merged(database, thing):
                continue
            fact = commit.transaction.records.get(thing.owner.value[1])
            if thing.owner.value[0] == commit.connection and fact is not None:
                made_from = database.revision(thing.owner.value[1], thing.base)
                others = database.revision(thing.owner.value[1], database.last)
                assert made_from is not None
                assert others is not None
                counted = count(thing.state.value or {}) - count(made_from[1].value.state or {})
                before_it = count(others[1].value.state or {})
                if count(fact.value.state or {}) != before_it + counted:
                    return False
    return True


def _merged(database: Database, thing: Object) -> bool:
    return (
        thing.owner.value is not None
        and thing.status.value == CHANGED
        and current(database.history, thing.owner.value[1]) > thing.base
        and KINDS[thing.kind].resolves
    )


def _as_stored(after: World, value: Value) -> Value:
    if type(value) is not InMemory:
        return value
    owner = after.objects[value.target].owner.value
    return Stored(-1 if owner is None else owner[1], value.weak, value.inside)


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
