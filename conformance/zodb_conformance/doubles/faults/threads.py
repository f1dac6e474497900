"""Faults that show when threads meet: each of these is right as long as nobody comes in between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import transaction
from zodb_reference.connections import Connection
from zodb_reference.db import DB
from zodb_reference.groups import Group
from zodb_reference.identity import IdentityMap
from zodb_reference.oids import maxtid, p64, u64
from zodb_reference.pool import ConnectionPool
from zodb_reference.reading import RecordReader
from zodb_reference.snapshot import SharedSnapshot
from zodb_reference.storages.twophase import TwoPhaseStorage
from zodb_reference.views import CURRENT, View

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, instead, together


@double("thread.own-manager-by-default", also="thread.own-boundaries thread.closed-by-another")
def the_default_manager_is_that_of_the_first_thread() -> Fault:
    """The manager of the thread that opens the first connection becomes the default of all threads.

    A web server with several threads stores in one request what belongs to another one.
    """
    kept: list[Any] = []

    def open_(correct: Any, connection: Connection, manager: Any = None, **options: Any) -> None:
        if manager is None:
            kept.append(transaction.manager.manager)
            manager = kept[0]
        correct(connection, manager, **options)

    return around(Connection, "open", open_)


@double("thread.own-boundaries", also="thread.closed-by-another")
def the_threads_share_their_boundaries() -> Fault:
    """The end of a transaction of one thread is a boundary for the connections of all threads that
    were opened without a manager.

    A thread that reads one object before it and one behind it works with halves of two states.
    """

    def open_(correct: Any, connection: Connection, manager: Any = None, **options: Any) -> None:
        vars(connection)["by_default"] = manager is None
        correct(connection, manager, **options)

    def after_completion(correct: Any, connection: Connection, txn: Any) -> None:
        correct(connection, txn)
        for other in connection.db()._pool.everyone():
            both = vars(connection).get("by_default") and vars(other).get("by_default")
            if other is not connection and both and other.opened and other.joined is None:
                other._pass_boundary()

    return together(
        around(Connection, "open", open_),
        around(Connection, "afterCompletion", after_completion),
    )


@double("thread.closed-by-another")
def a_connection_leaves_the_manager_of_the_closing_thread() -> Fault:
    """A connection that was opened without a manager is taken from the manager of the thread that
    closes it, and stays with the one where it is registered.

    Its next user finds it moving from state to state, as the transactions of a stranger end.
    """

    def open_(correct: Any, connection: Connection, manager: Any = None, **options: Any) -> None:
        vars(connection)["by_default"] = manager is None
        correct(connection, manager, **options)

    def leave(correct: Any, connection: Connection) -> None:
        if vars(connection).get("by_default"):
            connection.transaction_manager = transaction.manager.manager
        correct(connection)

    return together(around(Connection, "open", open_), around(Connection, "leave", leave))


@double("thread.openings-differ")
def the_pool_looks_first_and_takes_then() -> Fault:
    """Which connection an opening gets is chosen first, and that is taken out of the pool then.

    Two threads that come at the same time work on the objects of one connection.
    """

    def take(correct: Any, pool: Any, view: View = CURRENT, *, lone: bool = False) -> Any:
        last = vars(pool).get("last")
        taken = correct(pool, view, lone=lone)
        vars(pool)["last"] = None
        return taken if last is None or last.view != view or lone else last

    def give_back(correct: Any, pool: Any, connection: Connection) -> Any:
        discarded = correct(pool, connection)
        vars(pool)["last"] = None if connection in discarded else connection
        return discarded

    return together(
        around(ConnectionPool, "take", take), around(ConnectionPool, "give_back", give_back)
    )


@double("thread.closing-against-reuse")
def a_closed_connection_forgets_its_manager_once_more() -> Fault:
    """A connection forgets its manager when it is back in the pool.

    If another thread has opened it by then, its next change fails, for there is nobody to tell.
    """

    def give_back(correct: Any, db: DB, connection: Connection) -> None:
        correct(db, connection)
        connection.transaction_manager = None

    return around(DB, "give_back", give_back)


@double("thread.callbacks-come-before-reuse", also="thread.closing-against-reuse")
def a_connection_is_back_in_the_pool_before_it_is_closed() -> Fault:
    """A connection is given back to the pool as soon as it is asked to close.

    While its callbacks run, another thread opens it, and it is closed under its hands.
    """

    def close(correct: Any, group: Group, member: Connection) -> None:
        if member.opened is None or member.joined is not None:
            correct(group, member)
            return
        member.database._pool.give_back(member)
        vars(group)["early"] = True
        correct(group, member)

    def give_back(correct: Any, db: DB, connection: Connection) -> None:
        if not vars(connection.group).pop("early", False):
            correct(db, connection)

    return together(around(Group, "close", close), around(DB, "give_back", give_back))


@double(
    "thread.boundary-against-finishing",
    also="thread.opening-against-finishing thread.closing-against-finishing",
)
def invalidations_behind_the_snapshot_are_taken_too() -> Fault:
    """A boundary chooses the state to show, and then takes all invalidations that have come by
    then, also those of commits behind that state.

    What they name is loaded again, in the old state, and nothing invalidates it any more.
    """

    def advance(correct: Any, snapshot: SharedSnapshot) -> Any:
        changed = correct(snapshot)
        later, snapshot._position = snapshot._shared.log.read(snapshot._position, maxtid)
        return None if changed is None or later is None else {**changed, **later}

    return around(SharedSnapshot, "advance", advance)


def _moved(snapshot: Any) -> None:
    """Show the newest state, without regard to what it invalidates."""
    snapshot._point = snapshot._storage.lastTransaction()
    snapshot._before = p64(u64(snapshot._point) + 1)


@double("thread.boundary-against-finishing", also="thread.opening-against-finishing")
def the_state_is_chosen_after_its_invalidations() -> Fault:
    """A boundary takes the invalidations that have come, and then chooses the newest state.

    Of a transaction that was committed in between, what is loaded now is seen, and what was in
    memory is not: a sum of both is wrong.
    """

    def new_transaction(correct: Any, connection: Connection, txn: Any) -> None:
        correct(connection, txn)
        _moved(connection._snapshot)

    return around(Connection, "newTransaction", new_transaction)


@double("thread.opening-against-finishing")
def an_opening_chooses_its_state_when_it_is_ready() -> Fault:
    """When a connection has been opened, with its objects invalidated, it is moved to the newest
    state.

    Of a transaction that was committed in between, what is loaded now is seen, and what was kept
    in memory is not.
    """

    def open_(correct: Any, connection: Connection, *args: Any, **options: Any) -> None:
        correct(connection, *args, **options)
        _moved(connection._snapshot)

    return around(Connection, "open", open_)


@double("thread.closing-against-finishing")
def a_closed_connection_counts_as_up_to_date() -> Fault:
    """A connection that is closed is brought to the newest state, and takes all that has been
    announced by then for known.

    What was committed between the two is never invalidated.
    """

    def leave(correct: Any, connection: Any) -> None:
        connection._pass_boundary()
        correct(connection)
        snapshot = connection._snapshot
        _, snapshot._position = snapshot._shared.log.read(snapshot._position, maxtid)

    return around(Connection, "leave", leave)


@double("thread.opening-against-database-close")
def a_connection_that_is_not_registered_yet_cannot_be_closed() -> Fault:
    """To close a database takes every connection from its manager, also one that is just being
    opened and not registered there yet, and fails.

    The server that is shut down says that it has failed, and has not let go of everything.
    """
    return together(
        instead(Connection, "_unfollow", lambda own, manager: manager.unregisterSynch(own)),
        instead(Connection, "shut", lambda own: own._unfollow(own.transaction_manager)),
        instead(DB, "_shut_down", lambda db, own: own.group.shut_down(own)),
    )


def _ending_transactions(is_ended: Callable[[Connection], bool]) -> Fault:
    """The fault that to close a database ends the transactions of such connections, whoever uses
    them.
    """

    def close(correct: Any, database: DB) -> None:
        for connection in database._pool.everyone():
            if connection.is_in_use() and is_ended(connection):
                connection.transaction_manager.abort()
        correct(database)

    return around(DB, "close", close)


@double("thread.database-close-is-told")
def work_of_another_thread_is_aborted() -> Fault:
    """To close a database aborts what other threads have changed in it.

    Their commits return, and what they believe to be stored is lost.
    """
    return _ending_transactions(lambda connection: connection.joined is not None)


@double("thread.database-close-spares-others")
def who_has_read_loses_his_changes() -> Fault:
    """To close a database aborts the transactions of all who have a connection to it, though they
    have changed something elsewhere alone.

    A database that is not closed at all loses what was committed to it.
    """
    return _ending_transactions(lambda connection: connection.joined is None)


@double("thread.emptying-against-change")
def caches_are_emptied_at_once() -> Fault:
    """To empty all caches makes ghosts of what other threads are about to change.

    Such an object is stored with the change alone, and nothing else that it held.
    """

    def do_with_cache(connection: Connection, work: Callable[[IdentityMap], None]) -> None:
        work(connection.objects)

    return instead(Connection, "do_with_cache", do_with_cache)


def _taking_for_current(owner: Any, name: str, oid_of: Callable[..., bytes]) -> Fault:
    """The fault that what is loaded during a call counts as it is current when the call ends, if
    the state that is shown was the newest when it began.
    """

    def load(correct: Any, this: Any, *args: Any) -> None:
        connection, oid = getattr(this, "_connection", this), oid_of(*args)
        snapshot, storage = connection._snapshot, connection.db().storage
        was_newest = storage.lastTransaction() == snapshot._point
        correct(this, *args)
        if was_newest:
            fresh = vars(connection.objects).setdefault("fresh", {})
            fresh[oid] = storage.lastTransaction()

    def catch_up(correct: Any, objects: IdentityMap, changes: Any) -> None:
        fresh = vars(objects).setdefault("fresh", {})
        if changes is not None:
            changes = {oid: tid for oid, tid in changes.items() if tid > fresh.get(oid, b"")}
        correct(objects, changes)
        fresh.clear()

    return together(around(owner, name, load), around(IdentityMap, "catch_up", catch_up))


@double("thread.loading-against-invalidation", also="thread.state-against-invalidation")
def what_has_been_loaded_counts_as_current() -> Fault:
    """An object whose load began when its state was the current one counts as current when the load
    has ended.

    If it was changed meanwhile, that change is never seen.
    """
    return _taking_for_current(Connection, "setstate", lambda obj: obj._p_oid)


@double("thread.state-against-invalidation", also="thread.loading-against-invalidation")
def an_object_with_its_state_counts_as_current() -> Fault:
    """An object that was given a state, which was the current one then, counts as current when it
    has made something of it.

    The longer its `__setstate__` takes, the more likely it stays old for good.
    """
    return _taking_for_current(RecordReader, "set_state", lambda obj, record: obj._p_oid)


@double(
    "thread.finishing-against-boundary",
    also="thread.boundary-against-finishing thread.opening-against-finishing",
)
def a_commit_is_announced_when_it_is_visible_already() -> Fault:
    """A storage shows a transaction, and then tells the connections what it has changed.

    A connection that begins a transaction between the two sees the new state of what it loads, and
    the old state of what it has.
    """

    def tpc_finish(correct: Any, storage: Any, txn: Any, callback: Any = None) -> bytes:
        tid: bytes = correct(storage, txn)
        if callback is not None:
            callback(tid)
        return tid

    return around(TwoPhaseStorage, "tpc_finish", tpc_finish)
