"""Isolation: every transaction works on one committed state.

A connection sees the database as of one point in its history, its *snapshot*, and its own changes
on top of it, until the transaction ends.  At the boundaries (begin, the end of a transaction,
opening) it moves on to the newest state. Two transactions that change the same object are in
conflict: the first one to commit wins, and the other one has to start again, unless the class of
the object knows how to merge the two changes.
"""

from __future__ import annotations

from zodb_spec.clause import MAY, MUST, example, id_of, step
from zodb_spec.editions import CURRENT
from zodb_spec.kinds import KINDS
from zodb_spec.work import Work
from zodb_spec.world import (
    ADDED,
    CHANGED,
    UNSAVED,
    Fact,
    Name,
    Number,
    Object,
    Oid,
    Record,
    State,
    Tid,
    World,
    current,
)


@step("isolation.one-committed-state", MUST, rules="ISO-1 ISO-2 ISO-14")
def others_stay_invisible(world: World, thing: Object) -> Object:
    """For the whole transaction a connection sees one committed state and its own changes, whatever
    others commit: the newest revision that is not later than its snapshot. So to read is no
    conflict, as long as no pack has removed that revision.
    """
    return thing._replace(state=world.fact(thing.state.value, id_of(others_stay_invisible)))


@step("isolation.own-changes-survive", MUST, rules="ISO-36")
def own_changes_survive(world: World, thing: Object) -> Object:
    """A change that is not committed yet stays in memory when another transaction commits a change
    of the same object. That the two are in conflict is found out at the commit.
    """
    id = id_of(own_changes_survive)
    return thing._replace(
        state=world.fact(thing.state.value, id), status=world.fact(thing.status.value, id)
    )


@step("isolation.boundary-shows-newest", MUST, rules="ISO-2 ISO-4")
def boundary_shows_newest(world: World, connection: Name) -> Fact[int]:
    """At a boundary (begin, the end of a transaction by commit or abort, opening) the snapshot
    moves to the newest committed state; in between it does not move.
    """
    return world.fact(world.database_of(connection).last, id_of(boundary_shows_newest))


@step("isolation.boundary-invalidates", MUST, rules="ISO-3 ISO-5")
def boundary_invalidates(world: World, thing: Object) -> Object:
    """At a boundary the objects in the cache that others changed are invalidated, all of them: what
    is read afterwards is neither older nor newer than the snapshot. What nobody changed keeps
    identity and contents, whether or not it is invalidated as well.
    """
    return thing._replace(state=world.fact(None, id_of(boundary_invalidates)))


@example("isolation.failed-commit-may-be-boundary", MAY, rules="ISO-6", error="ConflictError")
def failed_commit_may_be_boundary() -> None:
    """The end of a commit that failed may already be a boundary: until the program aborts, what it
    reads may come from the old snapshot or from the new one.  After the abort it is the new one.

    >>> root = connection.root()
    >>> root["one"], root["two"] = Thing(), Thing()
    >>> root["one"].n = root["two"].n = 1
    >>> tm.commit()
    >>> other = opened(db)
    >>> one, two = other.root()["one"], other.root()["two"]
    >>> one.n = two.n + 1
    >>> root["one"].n = root["two"].n = 3
    >>> tm.commit()
    >>> with raises("ConflictError"):
    ...     other.transaction_manager.commit()
    >>> two.n in (1, 3)
    True
    >>> other.transaction_manager.abort()
    >>> one.n, two.n
    (3, 3)
    """


@step("isolation.conflict-reloads", MUST, rules="ISO-11")
def conflict_reloads(world: World, thing: Object) -> Object:
    """When the program aborts after a conflict, the objects in conflict are loaded anew, so that
    the next try works on what the other transaction committed.
    """
    return thing._replace(state=world.fact(None, id_of(conflict_reloads)))


@step(
    "isolation.first-committer-wins",
    MUST,
    rules="ISO-8 ISO-9",
    binds="storage",
    error="ConflictError",
)
def first_committer_wins(world: World, work: Work) -> bool:
    """A commit that would store an object which another transaction changed since this one read it
    is refused, unless the two changes can be merged.  The refusal comes no later than the vote.
    Nothing else is a write conflict.
    """
    database = world.database_of(work.connection)
    return any(not (database.resolves and KINDS[kind].resolves) for kind in conflicts(world, work))


def conflicts(world: World, work: Work) -> list[str]:
    """The kinds of what is to be stored and was changed by another transaction since it was read.

    What another version holds can't be stored anyhow. It is counted where the connection itself
    shows a newer revision from its next boundary on: it may know of that before it meets the lock.
    """
    return [
        thing.kind
        for name in work.stores
        for thing in (world.objects[name],)
        if in_conflict(world, name) and thing.owner.value is not None
        if _is_conflict_of(world, *thing.owner.value, thing.base)
    ] + [
        record.kind
        for oid in work.saved
        for record in (world.connections[work.connection].saved[oid].value,)
        if is_outdated(world, work.connection, oid)
        if _is_conflict_of(world, work.connection, oid, record.base)
    ]


def _is_conflict_of(world: World, connection: Name, oid: Oid, base: Tid) -> bool:
    """Whether it is a conflict for a connection, and no lock alone, that an object has changed."""
    version = world.connections[connection].view.version
    database = world.database_of(connection)
    if database.holder(oid) in ("", version):
        return True
    shown = database.revision(oid, database.last, version)
    return shown is not None and shown[0] > base


def in_conflict(world: World, name: Name) -> bool:
    """Whether a changed object has been changed by another transaction since it was read."""
    thing = world.objects[name]
    if thing.status.value != CHANGED or thing.owner.value is None:
        return False
    connection, oid = thing.owner.value
    return current(world.database_of(connection).history, oid) > thing.base


def is_outdated(world: World, connection: Name, oid: Oid) -> bool:
    """Whether what a savepoint has stored was changed by another transaction since it was read."""
    base = world.connections[connection].saved[oid].value.base
    return current(world.database_of(connection).history, oid) > base


@step(
    "isolation.resolution-merges",
    MUST,
    rules="ISO-22",
    binds="storage",
    needs="conflict-resolution",
)
def resolution_merges(world: World, connection: Name, oid: Oid, made: Record) -> State:
    """Where the storage resolves conflicts and the class of the object has ``_p_resolveConflict``,
    two changes of one object are merged by it: it is given the state that both read, the state that
    was committed first, and the state that is being stored, and what it returns is stored and is
    what everybody reads.
    """
    database = world.database_of(connection)
    old = database.revision(oid, made.base)
    committed = database.revision(oid, database.last)
    assert old is not None
    assert committed is not None
    merged = dict(committed[1].value.state or {})
    merged["n"] = Number(count(merged) + count(made.state or {}) - count(old[1].value.state or {}))
    return merged


def count(state: State) -> int:
    """The count in the state of a counter."""
    value = state.get("n", Number(0))
    assert type(value) is Number
    return value.n


@step(
    "isolation.read-current",
    MUST,
    rules="CONN-32 ISO-13",
    since=CURRENT,
    error="ReadConflictError",
    situations="read-current-of-a-ghost",
)
def read_current_refused(world: World, work: Work) -> bool:
    """If an object that the program marked with `readCurrent` was changed by another transaction
    since this one read it, a commit that stores something is refused.  Where all of them are what
    the snapshot shows, the marks refuse nothing.

    This is how a program makes a decision hold that it took on an object which it does not change.
    """
    if not work:
        return False
    connection = world.connections[work.connection]
    written = {
        owner[1]
        for name in work.stores
        if world.objects[name].status.value not in (ADDED, UNSAVED)
        for owner in (world.objects[name].owner.value,)
        if owner is not None
    }.union(work.saved)
    return any(
        current(world.database_of(work.connection).history, oid) > connection.snapshot
        for oid in connection.read_current - written
    )


@step("isolation.read-current-written", MUST, rules="CONN-36", since=CURRENT)
def read_current_written_once(world: World, work: Work) -> None:
    """An object that is marked with `readCurrent` and changed as well is checked once, as a write:
    where the conflict can be merged it is merged.
    """


@step("isolation.read-current-forgotten", MUST, rules="CONN-36", since=CURRENT)
def marks_vanish(world: World, connection: Name) -> frozenset[int]:
    """All marks of `readCurrent` vanish at the next boundary."""
    return frozenset()


@step(
    "isolation.read-current-alone", MAY, rules="CONN-35", since=CURRENT, error="ReadConflictError"
)
def read_current_alone(world: World, connection: Name) -> bool:
    """A transaction that writes nothing may leave the marks of `readCurrent` unchecked, or may
    check them.
    """
    state = world.connections[connection]
    return any(
        current(world.database_of(connection).history, oid) > state.snapshot
        for oid in state.read_current
    )
