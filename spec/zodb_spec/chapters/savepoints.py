"""Savepoints: points inside a transaction to which it can return.

A savepoint writes what has changed so far into a place of the connection's own, where nobody else
can see it.  That serves two purposes.  The program can try something and take it back without
losing the rest; and a transaction that changes more than fits into memory can let go of what it has
written.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, SHOULD, example, id_of, step
from zodb_spec.editions import CURRENT, Edition
from zodb_spec.work import Work
from zodb_spec.world import CLEAN, UNSAVED, Fact, Name, Object, Oid, Record, State, World

# Making one.


@step("savepoint.keeps-changes", MUST, rules="SAVE-1 SAVE-10")
def keeps_changes(world: World, record: Record) -> Fact[Record]:
    """A savepoint stores every object that has changed or was added, and the new objects that they
    reach, where only their own connection can see them.  From then on the objects count as
    unchanged and may be turned into ghosts; what is read from them is what the savepoint stored.
    """
    return world.fact(record, id_of(keeps_changes))


@step("savepoint.stored-is-unchanged", MUST, rules="SAVE-10 SAVE-13 LIFE-18")
def stored_is_unchanged(world: World, connection: Name, thing: Name, oid: Oid) -> Object:
    """An object that a savepoint stored is unchanged.  A new one has its oid and its connection
    from then on, and keeps them through later savepoints and the commit; as long as it is not
    committed its serial is that of an object that was never stored.
    """
    id = id_of(stored_is_unchanged)
    return world.objects[thing]._replace(
        owner=world.fact((connection, oid), id),
        status=world.fact(CLEAN, id),
        state=world.fact(None, id),
        base=0,
        disowned=False,
    )


@step("savepoint.is-no-boundary", MUST, rules="ISO-7 SAVE-9")
def is_no_boundary(world: World, work: Work) -> None:
    """A savepoint is no boundary: nothing that others have committed is shown, no conflict with it
    is reported, and nobody else sees anything.  Conflicts are found at the commit.
    """


@step("savepoint.in-doomed", MUST, rules="SAVE-18", binds="dependency", since=Edition.C)
def in_doomed(world: World, manager: Name) -> None:
    """Savepoints can be made, and returned to, in a doomed transaction."""


@step(
    "savepoint.failed-refuses",
    MUST,
    rules="SAVE-5",
    binds="dependency",
    error="TransactionFailedError",
)
def failed_refuses(world: World, manager: Name) -> bool:
    """If a savepoint can't be made, the caller gets the error and the transaction has failed: it
    accepts nothing but its abort, and a further savepoint is refused as well.
    """
    return world.managers[manager].status.value == "failed"


# Returning to one.


@step("savepoint.rollback-restores", MUST, rules="SAVE-1 SAVE-2 SAVE-16")
def rollback_restores(world: World, thing: Name) -> Object:
    """To return to a savepoint gives every object the contents that it had when the savepoint was
    made, in the objects that the program holds as well; as often as the program likes.
    """
    id = id_of(rollback_restores)
    return world.objects[thing]._replace(
        status=world.fact(CLEAN, id), state=world.fact(None, id), base=0
    )


@step(
    "savepoint.rollback-disowns",
    MUST,
    rules="SAVE-14 SAVE-15",
    since=CURRENT,
    situations="returning-again-from-a-later-savepoint",
)
def rollback_disowns(world: World, thing: Name) -> Object:
    """To return to a savepoint disowns every object that got its oid after it, by `add` or by being
    stored with a later savepoint: it is unsaved again.  What got its oid before stays owned.
    """
    return _unsaved(world, thing, id_of(rollback_disowns))


@step("savepoint.rollback-un-adds", MUST, rules="SAVE-15", until=Edition.C)
def rollback_un_adds(world: World, thing: Name) -> Object:
    """To return to a savepoint disowns every object that was added after it and is not stored."""
    return _unsaved(world, thing, id_of(rollback_un_adds))


@example("savepoint.stored-stays-owned", MUST, rules="SAVE-14", until=Edition.C)
def stored_stays_owned() -> None:
    """To return to a savepoint leaves an object its oid and its connection that a later savepoint
    has stored.

    >>> connection.root()["before"] = 1
    >>> before = tm.savepoint()
    >>> thing = connection.root()["thing"] = Thing()
    >>> later = tm.savepoint()
    >>> before.rollback()
    >>> "thing" in connection.root(), thing._p_jar is connection, thing._p_oid is None
    (False, True, False)
    """


def _unsaved(world: World, thing: Name, id: str) -> Object:
    return world.objects[thing]._replace(
        owner=world.fact(None, id), status=world.fact(UNSAVED, id), disowned=True
    )


@example("savepoint.returning-again", MUST, rules="SAVE-2 SAVE-14", since=CURRENT)
def returning_again() -> None:
    """Every return to a savepoint disowns what was stored since, also the second one: whatever the
    transaction did between two returns, it has not happened.

    An object that stays owned is taken for stored. The commit writes references to it and no
    record, and whoever follows one of them finds nothing.

    >>> root = connection.root()
    >>> root["before"] = 1
    >>> savepoint, owners = tm.savepoint(), []
    >>> for n in range(3):
    ...     thing = root["thing"] = Thing()
    ...     later = tm.savepoint()
    ...     savepoint.rollback()
    ...     owners.append(thing._p_jar)
    >>> owners
    [None, None, None]
    >>> root["thing"] = thing
    >>> tm.commit()
    >>> type(opened(db).root()["thing"]) is Thing
    True
    """


@step(
    "savepoint.disowned-keeps-contents",
    SHOULD,
    rules="LIFE-13",
    situations="new-object-of-a-savepoint-taken-back",
)
def disowned_keeps_contents(world: World, disowned: Object, state: State) -> Object:
    """An object that a savepoint stored for the first time, and that is disowned when that is taken
    back, holds what it held last: what is in memory, or else what the last savepoint has stored.

    There may be no other copy: the program has done nothing but to go back, and to find the object
    empty it has no reason to expect.  This is about rollbacks and about whatever ends a transaction
    without a commit; `savepoint.new-ghost-keeps-its-state` is one case of it.
    """
    id = id_of(disowned_keeps_contents)
    return disowned._replace(status=world.fact(UNSAVED, id), state=world.fact(state, id))


@step("savepoint.late-joiners-aborted", MUST, rules="SAVE-7 SAVE-8")
def late_joiners_aborted(world: World, connection: Name) -> bool:
    """A connection that joined the transaction after a savepoint was made, be it of a group that
    took part or not, has all its changes discarded when the transaction returns to the savepoint,
    and has not joined it any more.
    """
    return True


@step(
    "savepoint.later-are-invalid",
    MUST,
    rules="SAVE-3",
    binds="dependency",
    error="InvalidSavepointRollbackError",
)
def later_are_invalid(world: World, savepoint: Name) -> Fact[bool]:
    """To return to a savepoint invalidates those that were made after it, and not the savepoint
    itself: to return to one of them later is refused, and nothing happens.
    """
    return world.fact(False, id_of(later_are_invalid))


@step(
    "savepoint.ends-with-the-transaction",
    MUST,
    rules="SAVE-4 SAVE-33",
    binds="dependency",
    error="InvalidSavepointRollbackError",
)
def ends_with_the_transaction(world: World, savepoint: Name) -> Fact[bool]:
    """The end of a transaction, however it ends, invalidates all of its savepoints."""
    return world.fact(False, id_of(ends_with_the_transaction))


# Ending the transaction.


@step("savepoint.commit-stores", MUST, rules="SAVE-12 LIFE-52")
def commit_stores(world: World, work: Work, oid: Oid) -> Fact[Record]:
    """A commit stores what the savepoints of the transaction have stored and nobody has changed
    since, as the last of them left it; also an object that nothing leads to any more.
    """
    saved = world.connections[work.connection].saved[oid]
    return world.fact(saved.value, id_of(commit_stores))


@step("savepoint.abort-discards", MUST, rules="SAVE-33 LIFE-26")
def abort_discards(world: World, thing: Name) -> Fact[State | None]:
    """The end of a transaction that is not committed, by abort, `begin` or `sync`, discards what
    its savepoints have stored: every object shows its committed state again.
    """
    return world.fact(None, id_of(abort_discards))


@step("savepoint.close-refused", MUST, rules="SAVE-19", error="ConnectionStateError")
def close_refused(world: World, connection: Name) -> bool:
    """To close a connection is refused as long as the transaction under way has savepoints that
    stored something of it.
    """
    return bool(world.connections[connection].saved)
