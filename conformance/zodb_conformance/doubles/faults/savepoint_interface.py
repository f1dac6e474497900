"""Faults at the edge of savepoints: in how they meet the rest of the interface."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

from persistent import Persistent
from transaction import Transaction, TransactionManager
from transaction._transaction import NoRollbackSavepoint
from zodb_reference import changes
from zodb_reference.committing import Commit
from zodb_reference.connections import Connection
from zodb_reference.errors import ConflictError, POSError, POSKeyError
from zodb_reference.identity import IdentityMap
from zodb_reference.metadata import TransactionMetaData
from zodb_reference.oids import z64
from zodb_reference.scratch import Scratch

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, instead, together


@double("savepoint.unable-manager-refused")
def every_savepoint_is_optimistic() -> Fault:
    """A savepoint is made although a data manager has joined that can't make one.

    The program finds out when it needs to go back, and can't.
    """

    def savepoint(correct: Any, txn: Transaction, optimistic: bool = False) -> Any:
        return correct(txn, True)

    return around(Transaction, "savepoint", savepoint)


@double("savepoint.optimistic-accepted")
def who_can_make_no_savepoint_is_dropped() -> Fault:
    """An optimistic savepoint drops the data managers that can't make one from the transaction.

    What they have prepared is never committed, and nobody tells the program.
    """

    def savepoint(correct: Any, txn: Transaction, optimistic: bool = False) -> Any:
        made = correct(txn, optimistic)
        for member in list(txn._resources):
            if not hasattr(member, "savepoint"):
                txn._unjoin(member)
        return made

    return around(Transaction, "savepoint", savepoint)


@double("savepoint.optimistic-rollback-refused")
def who_can_not_go_back_goes_on() -> Fault:
    """A rollback leaves out the data managers that can't go back.

    What they have done since is committed, without what belonged to it.
    """
    return instead(NoRollbackSavepoint, "rollback", lambda savepoint: None)


@double("savepoint.hooks-wait-for-the-commit")
def a_savepoint_calls_the_hooks() -> Fault:
    """A savepoint calls the hooks that were added for the time before the commit.

    Mails are sent for what may be rolled back, and not for what is committed.
    """

    def savepoint(correct: Any, txn: Transaction, optimistic: bool = False) -> Any:
        txn._callBeforeCommitHooks()
        return correct(txn, optimistic)

    return around(Transaction, "savepoint", savepoint)


@double("savepoint.explicit-manager")
def a_savepoint_begins_a_transaction() -> Fault:
    """`savepoint` begins a transaction where an explicit manager has none.

    The program works in a transaction of which it knows nothing, and never ends it.
    """

    def savepoint(correct: Any, manager: TransactionManager, optimistic: bool = False) -> Any:
        if manager.explicit and manager._txn is None:
            manager.begin()
        return correct(manager, optimistic)

    return around(TransactionManager, "savepoint", savepoint)


@double("savepoint.connection-answers")
def a_savepoint_changes_the_sort_key() -> Fault:
    """While savepoint data is pending, a connection sorts as what keeps that data.

    Two transactions, one with a savepoint and one without, come to the same databases in different
    orders, and wait for each other for ever.
    """

    def sort_key(correct: Any, connection: Connection) -> str:
        key: str = correct(connection)
        return key if connection._scratch is None else f"saved:{key}"

    return around(Connection, "sortKey", sort_key)


def newest(connection: Connection, oid: bytes) -> tuple[bytes, bytes]:
    """Record and serial of what is stored now, whatever the connection sees."""
    try:
        record, serial = connection.db().storage.load(oid)
    except POSKeyError:
        return b"", z64
    return record, serial


@double("savepoint.stored-once")
def what_was_saved_is_stored_twice() -> Fault:
    """What savepoints have kept is stored a second time, in a transaction of its own.

    A database grows the faster the more savepoints its programs make, and its history tells of
    transactions that there were not.
    """

    def tpc_finish(correct: Any, connection: Connection, txn: Transaction) -> None:
        saved = connection._scratch.oids() if connection._scratch is not None else []
        correct(connection, txn)
        if saved:
            meta, snapshot = TransactionMetaData("", "", {}), connection._snapshot
            snapshot.begin(meta)
            for oid in saved:
                record, serial = newest(connection, oid)
                snapshot.store(oid, serial, record, meta)
            snapshot.vote(meta)
            snapshot.finish(meta, saved)

    return around(Connection, "tpc_finish", tpc_finish)


@double("savepoint.loaded-while-committing")
def what_is_committed_is_loaded_from_before() -> Fault:
    """While a commit is under way, what was saved is loaded from the database as it was before.

    It stays in memory, passes for what was committed, and undoes it with the next change.
    """

    def load(correct: Any, connection: Connection, oid: bytes) -> Any:
        if connection._commit is not None:
            return connection._snapshot.load(oid)
        return correct(connection, oid)

    return around(Connection, "_load", load)


@double("savepoint.conflict-at-the-commit")
def what_is_loaded_from_a_savepoint_is_up_to_date() -> Fault:
    """An object that is loaded from savepoint data gets the serial of the newest revision.

    The change of another transaction is overwritten, and nobody hears of it.
    """

    def setstate(correct: Any, connection: Connection, obj: Any) -> None:
        correct(connection, obj)
        if connection._scratch is not None and connection._scratch.load(obj._p_oid) is not None:
            obj._p_serial = newest(connection, obj._p_oid)[1]

    return around(Connection, "setstate", setstate)


@double("savepoint.merged-at-the-commit")
def what_was_saved_is_not_merged() -> Fault:
    """A saved change that is in conflict is refused, whatever its class could make of it.

    A counter that is never in anybody's way is, as soon as a program makes savepoints.
    """

    def store_saved(correct: Any, commit: Commit, scratch: Scratch) -> None:
        for oid, serial, _ in scratch.records(but=commit.written):
            if serial != newest(commit._connection, oid)[1]:
                raise ConflictError("what was saved has changed meanwhile")
        correct(commit, scratch)

    return around(Commit, "store_saved", store_saved)


@double("savepoint.read-current-lasts", also="savepoint.read-current-comes-back")
def a_savepoint_forgets_the_marks() -> Fault:
    """A savepoint forgets what was marked by `readCurrent`, as the end of a transaction does.

    A decision no longer holds when it is stored.
    """

    def savepoint(correct: Any, connection: Connection) -> Any:
        made = correct(connection)
        connection._read_current.clear()
        return made

    return around(Connection, "savepoint", savepoint)


@double("savepoint.read-current-comes-back")
def a_savepoint_takes_the_marks_of_what_it_keeps() -> Fault:
    """A savepoint removes the marks of the objects that it stores, and no rollback brings them
    back.

    A program that goes back and decides otherwise is not protected any more.
    """

    def savepoint(correct: Any, connection: Connection) -> Any:
        made = correct(connection)
        for oid in connection._scratch.oids() if connection._scratch else ():
            connection._read_current.pop(oid, None)
        return made

    return around(Connection, "savepoint", savepoint)


@double("savepoint.reduces-the-cache")
def a_savepoint_leaves_the_cache_as_it_is() -> Fault:
    """A savepoint does not reduce the cache.

    A long transaction needs more and more memory, however many savepoints it makes.
    """

    def savepoint(correct: Any, connection: Connection) -> Any:
        cache = connection.objects.cache
        size, cache.cache_size = cache.cache_size, 1 << 30
        try:
            return correct(connection)
        finally:
            cache.cache_size = size

    return around(Connection, "savepoint", savepoint)


@double("savepoint.cache-reduced-inside")
def to_reduce_the_cache_goes_back_to_the_savepoint() -> Fault:
    """`cacheMinimize` makes ghosts of what has changed since the last savepoint, too.

    To save memory costs the latest changes.
    """

    def cache_minimize(correct: Any, connection: Connection) -> None:
        correct(connection)
        for obj in connection._registered if connection._scratch is not None else ():
            obj._p_invalidate()

    return around(Connection, "cacheMinimize", cache_minimize)


@double("savepoint.data-outside-of-memory")
def savepoints_are_kept_in_memory() -> Fault:
    """What savepoints keep is in memory, however much it is.

    A transaction can't be larger than that.
    """
    return instead(Scratch, "max_memory", 1 << 40)


@double("savepoint.old-state-inside")
def there_is_no_old_state_behind_a_savepoint() -> Fault:
    """`oldstate` fails while savepoint data is pending.

    What shows the history of an object works or not by what else the program has done.
    """

    def oldstate(correct: Any, connection: Connection, obj: Any, tid: bytes) -> Any:
        if connection._scratch is not None:
            raise POSError("not while there is savepoint data")
        return correct(connection, obj, tid)

    return around(Connection, "oldstate", oldstate)


@double("savepoint.old-state-changes-nothing")
def the_old_state_comes_back() -> Fault:
    """While savepoint data is pending, `oldstate` gives the old state to the object as well.

    To look at the history changes it.
    """

    def oldstate(correct: Any, connection: Connection, obj: Any, tid: bytes) -> Any:
        state = correct(connection, obj, tid)
        if connection._scratch is not None:
            obj.__setstate__(state)
        return state

    return around(Connection, "oldstate", oldstate)


@double("savepoint.eager-object-sees-the-rollback")
def objects_are_invalidated_before_the_data_has_gone_back() -> Fault:
    """A rollback invalidates the objects first, and goes back with their data then.

    Whatever loads itself at once shows what was rolled back.
    """

    def undo_since(correct: Any, connection: Connection, *state: Any, **how: Any) -> None:
        with patch.object(connection.objects, "invalidate", lambda oids: None):
            correct(connection, *state, **how)

    return around(Connection, "_undo_since", undo_since)


def states_are_lost() -> Fault:
    """The fault that no state is brought back to a new object that is a ghost."""
    return instead(changes, "load_ghosts", lambda wanted: None)


@double(
    "savepoint.new-ghost-disowned",
    also="savepoint.new-ghost-keeps-its-state savepoint.new-ghost-can-be-stored",
)
def new_ghosts_are_not_disowned() -> Fault:
    """An abort disowns the new objects that are in memory, and no ghosts.

    They keep an oid under which nothing is stored, and can't be added anywhere.
    """

    def disown(correct: Any, objects: IdentityMap, obj: Any) -> None:
        if obj._p_changed is not None:
            correct(objects, obj)

    return together(states_are_lost(), around(IdentityMap, "_disown", disown))


@double("savepoint.new-ghost-keeps-its-state")
def the_state_of_a_new_ghost_is_lost() -> Fault:
    """An abort leaves a new object empty if it was a ghost.

    Whether an object can be used again depends on what the cache has discarded.
    """
    return states_are_lost()


@double("savepoint.new-ghost-can-be-stored", also="savepoint.new-ghost-keeps-its-state")
def a_disowned_ghost_stays_a_ghost() -> Fault:
    """A new object that was a ghost stays one when it is disowned.

    It wants to be loaded when it is stored again, from where there is nothing.
    """

    def disown(correct: Any, objects: IdentityMap, obj: Any) -> None:
        if obj._p_changed is None:
            Persistent.__delattr__(obj, "_p_jar")
            Persistent.__delattr__(obj, "_p_oid")
        else:
            correct(objects, obj)

    return together(states_are_lost(), around(IdentityMap, "_disown", disown))
