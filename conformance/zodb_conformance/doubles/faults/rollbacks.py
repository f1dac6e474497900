"""Faults in the return to savepoints: what it brings back, and what it leaves as it is."""

from __future__ import annotations

from functools import partial
from typing import Any
from zlib import crc32

from transaction import Transaction
from transaction._transaction import AbortSavepoint
from transaction._transaction import Savepoint as TransactionSavepoint
from transaction.interfaces import InvalidSavepointRollbackError
from zodb_reference import changes
from zodb_reference.connections import Connection
from zodb_reference.savepoints import Savepoint
from zodb_reference.scratch import Scratch

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, instead, together

OF_2006 = "2006-08-16"

faulty = partial(double, checks="walk.savepoints")


@faulty("savepoint.rollback-restores", also="savepoint.commit-stores savepoint.rollback-disowns")
def what_later_savepoints_have_stored_stays() -> Fault:
    """A rollback discards what has changed since the last savepoint, and keeps what later
    savepoints than the one it returns to have stored.

    The program believes that it has taken back what it goes on to commit.
    """
    return instead(Scratch, "go_back", lambda scratch, length: None)


@faulty("savepoint.rollback-restores", also="savepoint.commit-stores")
def one_object_in_three_does_not_go_back() -> Fault:
    """Of the objects that later savepoints have stored, a rollback forgets one in three.

    What the program finds is neither the one state nor the other.
    """

    def go_back(correct: Any, scratch: Scratch, length: int) -> None:
        before = {oid: scratch.load(oid) for oid in scratch.oids() if crc32(oid) % 3 == 0}
        correct(scratch, length)
        for oid, found in before.items():
            if found is not None and scratch.load(oid) is not None:
                scratch.store(oid, found[1], found[0])

    return around(Scratch, "go_back", go_back)


@faulty("savepoint.rollback-restores")
def what_is_in_memory_stays_as_it_is() -> Fault:
    """A rollback goes back with the savepoint data, and leaves in memory what later savepoints have
    stored.

    What the program sees depends on what the cache has discarded.
    """

    def undo_since(
        correct: Any, connection: Connection, savepoint: Savepoint, scratch: Scratch, **how: Any
    ) -> None:
        cache = connection.objects.cache
        loaded = {
            obj: dict(vars(obj).get("data", vars(obj)))
            for oid in scratch.oids()
            for obj in (cache.get(oid),)
            if savepoint.length and obj is not None and obj._p_changed is False
        }
        correct(connection, savepoint, scratch, **how)
        for obj, state in loaded.items():
            if obj._p_jar is connection and scratch.load(obj._p_oid) is not None:
                obj._p_activate()
                held = vars(obj).get("data", vars(obj))
                held.clear()
                held.update(state)

    return around(Connection, "_undo_since", undo_since)


@faulty("savepoint.rollback-restores", also="savepoint.later-are-invalid")
def a_savepoint_works_once() -> Fault:
    """A savepoint can be returned to once, and is invalid then.

    A loop that tries one thing after the other fails at the third.
    """

    def rollback(correct: Any, savepoint: TransactionSavepoint) -> None:
        correct(savepoint)
        if savepoint.transaction is not None:
            savepoint.transaction._savepoint2index.pop(savepoint, None)
            savepoint.transaction = None

    return around(TransactionSavepoint, "rollback", rollback)


@faulty("savepoint.rollback-disowns", also="savepoint.disowned-keeps-contents")
def what_a_later_savepoint_has_stored_stays_owned() -> Fault:
    """A rollback disowns the objects that are not stored, and no others.

    What a later savepoint has stored keeps its oid, and there is nothing under that oid.
    """

    def undo_since(
        correct: Any, connection: Connection, savepoint: Savepoint, scratch: Scratch, disown: bool
    ) -> None:
        correct(connection, savepoint, scratch, disown=disown and savepoint.length == 0)

    return around(Connection, "_undo_since", undo_since)


@faulty("savepoint.rollback-disowns", also="savepoint.disowned-keeps-contents")
def to_return_again_leaves_objects_owned() -> Fault:
    """To return to a savepoint for the second time disowns only what was added, and not what later
    savepoints have stored since the first time.

    Only a program that tries more than once comes across it.
    """

    def undo_since(
        correct: Any, connection: Connection, savepoint: Savepoint, scratch: Scratch, disown: bool
    ) -> None:
        again = vars(savepoint).setdefault("returns", [])
        correct(connection, savepoint, scratch, disown=disown and not again)
        if savepoint.length:
            again.append(True)

    return around(Connection, "_undo_since", undo_since)


@faulty("savepoint.rollback-un-adds", edition=OF_2006)
def what_was_added_stays_added() -> Fault:
    """A rollback leaves added what was added after the savepoint.

    The program has taken it back, and the commit stores it.
    """

    def roll_back(correct: Any, connection: Connection, savepoint: Savepoint) -> None:
        objects, changed = connection.objects, connection._registered
        added, objects.new = objects.new, {}
        connection._registered = [obj for obj in changed if obj._p_oid not in added]
        correct(connection, savepoint)
        objects.new |= added
        connection._registered += added.values()

    return around(Connection, "roll_back", roll_back)


@double("savepoint.stored-stays-owned", edition=OF_2006)
def what_later_savepoints_have_stored_is_disowned() -> Fault:
    """A rollback disowns what later savepoints have stored.

    A program that has noted the oid finds nothing under it.
    """

    def undo_since(correct: Any, *arguments: Any, disown: bool) -> None:
        correct(*arguments, disown=True)

    return around(Connection, "_undo_since", undo_since)


@faulty("savepoint.disowned-keeps-contents")
def what_is_disowned_while_it_is_a_ghost_is_empty() -> Fault:
    """A new object that is a ghost when it is disowned stays without its contents.

    Whether a program can use it again depends on what the cache has discarded.
    """
    return instead(changes, "load_ghosts", lambda wanted: None)


@faulty("savepoint.late-joiners-aborted", also="savepoint.close-refused")
def who_has_joined_later_is_forgotten() -> Fault:
    """A rollback leaves alone what joined the transaction after the savepoint was made.

    The changes in one database are taken back, and those in the other one are committed.
    """
    return instead(AbortSavepoint, "rollback", lambda savepoint: None)


@faulty("savepoint.later-are-invalid")
def one_can_return_to_what_was_taken_back() -> Fault:
    """A rollback leaves the later savepoints valid.

    The program returns to a state that there is not any more.
    """
    return together(
        instead(Transaction, "_remove_and_invalidate_after", lambda txn, savepoint: None),
        around(Connection, "roll_back", _if_it_is_there),
    )


def _if_it_is_there(correct: Any, connection: Connection, savepoint: Savepoint) -> None:
    """Return to a savepoint, and do nothing where that can't be done."""
    try:
        correct(connection, savepoint)
    except InvalidSavepointRollbackError:
        return


@faulty("savepoint.ends-with-the-transaction")
def savepoints_outlive_a_commit() -> Fault:
    """A commit leaves the savepoints of its transaction valid.

    To return to one of them does nothing, and the program believes that its changes are undone.
    """
    return together(
        instead(Transaction, "_invalidate_all_savepoints", lambda txn: None),
        around(Connection, "roll_back", _if_it_is_there),
    )


@double("savepoint.returning-again")
def the_second_return_disowns_nothing() -> Fault:
    """A savepoint to which a transaction has returned shares its memory of what was new with it, so
    that the next return finds nothing to disown.

    The objects stay owned and have no record, and the commit writes references to them.
    """

    def rollback(correct: Any, savepoint: Savepoint) -> None:
        correct(savepoint)
        savepoint.mark = 1 << 30

    return around(Savepoint, "rollback", rollback)
