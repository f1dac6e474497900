"""Laws about savepoints, and about references between databases.

As the other laws these hold after every step, whatever a program does; each is a predicate over the
world before a step, the step, and its outcome.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from zodb_spec.chapters.laws import UNCHANGED
from zodb_spec.chapters.reach import references
from zodb_spec.chapters.step_laws import ENDS, acting, as_stored, contents_of
from zodb_spec.clause import MUST, law
from zodb_spec.editions import Edition
from zodb_spec.operation import Outcome, Raised, Step
from zodb_spec.world import (
    ADDED,
    NEVER,
    NOTHING,
    Name,
    Oid,
    Saved,
    Savepoint,
    State,
    World,
    current,
)

COMMITS = ("commit", "commit-sabotaged", "commit-with-version", "commit-with-undo")
NOTHING_SAVED = Saved(NOTHING, NOTHING)


@law("transaction.only-commits-store", MUST, rules="ISO-7 SAVE-9")
def only_commits_store(before: World, step: Step, outcome: Outcome) -> bool:
    """Nothing but a commit adds to the history of a database; a savepoint does not."""
    after = outcome.world
    return (
        after.databases is before.databases
        or step[0] in COMMITS
        or all(
            after.databases[name].history == database.history
            for name, database in before.databases.items()
            if name in after.databases
        )
    )


@law("isolation.snapshot-stays", MUST, rules="ISO-1 ISO-2 ISO-7")
def snapshot_stays(before: World, step: Step, outcome: Outcome) -> bool:
    """The snapshot of an open connection moves where its own transaction ends, and nowhere else:
    neither at a savepoint, nor when the transaction returns to one.
    """
    after = outcome.world.connections
    if after is before.connections:
        return True
    manager = acting(before, step) if step[0] in (*ENDS, *COMMITS) else None
    return all(
        after[name].snapshot == connection.snapshot
        for name, connection in before.connections.items()
        if connection.is_open.value and connection.manager != manager and name in after
    )


# Savepoints.


@law("savepoint.valid-in-its-transaction", MUST, rules="SAVE-3 SAVE-4", binds="dependency")
def valid_in_its_transaction(before: World, step: Step, outcome: Outcome) -> bool:
    """A savepoint is valid as long as its transaction is under way and has not returned to an
    earlier one; after that it never is again.
    """
    after = outcome.world.savepoints
    if after is before.savepoints or isinstance(outcome.seen, Raised):
        return True
    over = {name for name, found in before.savepoints.items() if not found.valid.value}
    manager = acting(before, step)
    own = [name for name, found in before.savepoints.items() if found.manager == manager]
    if step[0] in ENDS:
        over.update(own)
    elif step[0] == "rollback":
        over.update(own[own.index(step[1]) + 1 :])
    return not any(after[name].valid.value for name in over)


@law("savepoint.returns-exactly", MUST, rules="SAVE-1 SAVE-2 SAVE-14 SAVE-16")
def returns_exactly(before: World, step: Step, outcome: Outcome) -> bool:
    """To return to a savepoint gives back exactly what was there when it was made, however often.

    When a savepoint is made, what it keeps of every object is what the program sees of it. As long
    as it is valid, that stays as it is. And after the return every object shows that again, has no
    change, and is owned only if it was: up to the edition of 2006-08-16, save what a later
    savepoint has stored for the first time, which may stay owned.
    """
    after = outcome.world
    if after is before or isinstance(outcome.seen, Raised):
        return True
    if any(
        now.valid.value and now.members != before.savepoints[name].members
        for name, now in after.savepoints.items()
        if name in before.savepoints
    ):
        return False
    if step[0] == "savepoint":
        return _keeps_all(before, after, after.savepoints[step[2]])
    return step[0] != "rollback" or _gives_back(before, after, before.savepoints[step[1]])


def _keeps_all(before: World, after: World, made: Savepoint) -> bool:
    """Whether a savepoint keeps what was seen."""
    return all(
        _kept(after, made, connection, oid)
        == {
            key: as_stored(after, connection, value)
            for key, value in contents_of(before, name).items()
        }
        for name, thing in after.objects.items()
        if thing.owner.value is not None
        for connection, oid in (thing.owner.value,)
        if after.connections[connection].manager == made.manager
        and after.connections[connection].is_open.value
    )


def _kept(world: World, savepoint: Savepoint, connection: Name, oid: Oid) -> State | None:
    """What an object holds at a savepoint, None if it does not exist there."""
    saved = savepoint.members.get(connection, NOTHING_SAVED).saved.get(oid)
    if saved is not None:
        return saved.value.state
    shown = world.connections[connection]
    found = world.database_of(connection).revision(oid, shown.snapshot, shown.view.version)
    return None if found is None else found[1].value.state


def _gives_back(before: World, after: World, savepoint: Savepoint) -> bool:
    """Whether everything is as the savepoint kept it."""
    for name, found in after.connections.items():
        if found.manager == savepoint.manager and found.is_open.value:
            kept = savepoint.members.get(name, NOTHING_SAVED)
            if (found.saved, found.created, found.replaced) != kept:
                return False
    for name, thing in before.objects.items():
        if thing.owner.value is None:
            continue
        connection, oid = thing.owner.value
        found = after.connections[connection]
        if found.manager == savepoint.manager and found.is_open.value:
            now = after.objects[name]
            kept = savepoint.members.get(connection, NOTHING_SAVED)
            was_there = kept.replaced.get(oid) == before.connections[connection].replaced.get(oid)
            if not was_there or _kept(before, savepoint, connection, oid) is None:
                if now.owner.value is not None:
                    return False
            elif now.owner.value != (connection, oid) or now.status.value not in UNCHANGED:
                return False
    return True


# References that are stored.


class Reference(NamedTuple):
    """A strong reference in what a step has stored, by a commit or by a savepoint.

    holder  the connection that stored it
    target  the object that it leads to
    owner   the connection and the oid of that object
    """

    holder: Name
    target: Name
    owner: tuple[Name, Oid]


def stored(before: World, outcome: Outcome) -> Iterator[Reference]:
    """The strong references to owned objects that a step has stored."""
    after = outcome.world
    if after.objects is before.objects:
        return
    for name, thing in before.objects.items():
        now = after.objects.get(name)
        if thing.status.value in UNCHANGED or now is None or now.status.value not in UNCHANGED:
            continue
        assert now.owner.value is not None
        for reference in references(before, name):
            owner = after.objects[reference.target].owner.value
            if owner is not None and not reference.weak:
                yield Reference(now.owner.value[0], reference.target, owner)


@law("xref.inside-the-group", MUST, rules="XREF-12 XREF-18", since=Edition.A_PRIME)
def inside_the_group(before: World, step: Step, outcome: Outcome) -> bool:
    """What is stored refers to objects of the connection that stores it, and of the others of its
    group, and to no others.
    """
    connections = outcome.world.connections
    return step[0] not in (*COMMITS, "savepoint") or all(
        connections[found.holder].group == connections[found.owner[0]].group
        for found in stored(before, outcome)
    )


@law(
    "new-object.never-ambiguous",
    MUST,
    rules="XREF-20 XREF-21 XREF-25 XREF-26 SAVE-32",
    since=Edition.A_PRIME,
)
def never_ambiguous(before: World, step: Step, outcome: Outcome) -> bool:
    """No reference across databases is stored that leads to an object which is new in the
    transaction, and which the program has not added.

    In the edition of 2005-06-16 it is no longer new once a savepoint has stored it.
    """
    return step[0] not in (*COMMITS, "savepoint") or all(
        found.holder == found.owner[0]
        or before.objects[found.target].status.value == ADDED
        or before.connections[found.owner[0]].created.get(found.owner[1]) is False
        or current(before.database_of(found.owner[0]).history, found.owner[1]) != NEVER
        for found in stored(before, outcome)
    )
