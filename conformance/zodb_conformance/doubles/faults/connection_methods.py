"""Faults in what a connection can do beside."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from persistent import Persistent
from zodb_reference.connections import Connection
from zodb_reference.errors import POSKeyError
from zodb_reference.oids import p64, u64, z64
from zodb_reference.snapshot import Snapshot

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, instead, together


@double("connection.debug-info")
def new_debug_info_replaces_the_old() -> Fault:
    """`setDebugInfo` forgets what it was given before.

    Who looks for the request that holds a connection finds something else.
    """

    def set_info(correct: Any, connection: Connection, *items: Any) -> None:
        connection._debug_info = items

    return around(Connection, "setDebugInfo", set_info)


@double("connection.debug-info-ends")
def debug_info_stays() -> Fault:
    """What is known of one use of a connection is still there in the next one.

    Who looks for the request that holds a connection finds one that has ended long ago.
    """

    def leave(correct: Any, connection: Connection) -> None:
        info = connection._debug_info
        correct(connection)
        connection._debug_info = info

    return around(Connection, "leave", leave)


@double("connection.transfer-counts")
def every_load_counts_twice() -> Fault:
    """An object counts twice when it is loaded: once for its record, and once for its state.

    Who tunes the size of a cache by the counts makes it twice as large as it has to be.
    """

    def setstate(correct: Any, connection: Connection, obj: Any) -> None:
        correct(connection, obj)
        connection._loaded += 1

    return around(Connection, "setstate", setstate)


@double("connection.transfer-counts-cleared")
def only_loads_are_cleared() -> Fault:
    """`getTransferCounts(clear=True)` sets the count of the loaded objects to zero, and leaves the
    other.

    The numbers of one request grow with all the requests before.
    """

    def counts(correct: Any, connection: Connection, clear: bool = False) -> Any:
        stored = connection._stored
        found = correct(connection, clear)
        connection._stored = stored
        return found

    return around(Connection, "getTransferCounts", counts)


@double("connection.exchange-takes-the-place", checks="walk.exchanges")
def what_is_exchanged_gets_another_serial() -> Fault:
    """What takes the place of another object counts as made from nothing.

    Its commit is refused, as if somebody else had changed the object meanwhile.
    """

    def exchange(correct: Any, connection: Connection, old: Any, new: Any) -> None:
        correct(connection, old, new)
        new._p_serial = z64

    return around(Connection, "exchange", exchange)


@double("connection.exchange-takes-the-place", checks="walk.exchanges")
def what_is_exchanged_is_not_changed() -> Fault:
    """What takes the place of another object does not count as changed, and is not stored.

    The program goes on with an object that nobody else will ever see.
    """

    def exchange(correct: Any, connection: Connection, old: Any, new: Any) -> None:
        correct(connection, old, new)
        new._p_changed = False

    return around(Connection, "exchange", exchange)


@double("connection.exchange-is-taken-back", checks="walk.exchanges")
def an_exchange_is_undone_by_halves() -> Fault:
    """When an exchange is taken back, what was loaded since leads to the new object as before.

    The next commit stores that as another object, and writes references to it: what an abort should
    have undone comes back.
    """

    def undo(connection: Connection, length: int) -> None:
        connection._exchanges.undo_since(length, connection._registered)

    return instead(Connection, "_undo_exchanges", undo)


@double("connection.exchange", also="connection.exchange-is-aborted")
def an_exchange_is_not_registered() -> Fault:
    """What was put in the place of another object is not stored by the commit.

    The program goes on with an object that nobody else will ever see.
    """
    return what_is_exchanged_is_not_changed()


@double("connection.exchange-is-aborted")
def an_exchange_is_stored_at_once() -> Fault:
    """An exchange is committed at once, with all that the transaction has changed before.

    An abort can't take it back any more.
    """

    def exchange(correct: Any, connection: Connection, old: Any, new: Any) -> None:
        correct(connection, old, new)
        connection.transaction_manager.commit()
        new._p_changed = True

    return around(Connection, "exchange", exchange)


@double("connection.exchange-of-strangers")
def anything_can_be_exchanged() -> Fault:
    """An object can be put in the place of one that another connection has.

    A commit of the one connection overwrites what the other is at work with.
    """

    def exchange(correct: Any, connection: Connection, old: Any, new: Any) -> None:
        if old._p_jar not in (connection, None):
            old = connection.get(old._p_oid)
        correct(connection, old, new)

    return around(Connection, "exchange", exchange)


@double("connection.register-joins")
def to_register_is_to_change() -> Fault:
    """What is registered counts as changed, also if it does not change.

    A program that asks whether it may change an object, and then does not, stores it nevertheless,
    and others have conflicts.
    """
    busy: set[int] = set()

    def register(correct: Any, connection: Connection, obj: Any) -> None:
        correct(connection, obj)
        if id(obj) not in busy:
            busy.add(id(obj))
            try:
                obj._p_changed = True
            finally:
                busy.remove(id(obj))

    return around(Connection, "register", register)


@double("connection.register-of-strangers")
def anything_can_be_registered() -> Fault:
    """A connection joins the transaction for objects that are not its own.

    It can't be closed because of somebody else's object, and what changes there is not stored.
    """

    def register(correct: Any, connection: Connection, obj: Any) -> None:
        if getattr(obj, "_p_jar", None) is connection:
            correct(connection, obj)
        else:
            connection._join()

    return around(Connection, "register", register)


@double("connection.new-oid-refused")
def oids_for_what_cannot_be_stored() -> Fault:
    """Where the storage takes no changes, a connection makes oids itself.

    That nothing can be stored, the program learns when it has done all the work.
    """

    def new_oid(correct: Any, connection: Connection) -> bytes:
        oid = p64(1 << 32)
        if not connection.isReadOnly():
            oid = correct(connection)
        return oid

    return around(Connection, "new_oid", new_oid)


@double("connection.setstate")
def only_ghosts_may_ask() -> Fault:
    """To ask for the state of an object does nothing, but where the object itself asks.

    Tools that look at objects without using them find nothing.
    """

    def setstate(correct: Any, connection: Connection, obj: Any) -> None:
        is_activating = obj._p_changed is not None
        if is_activating:
            correct(connection, obj)

    return around(Connection, "setstate", setstate)


@double("connection.new-oid")
def an_oid_is_given_in_advance() -> Fault:
    """The oids that a program asks for are some of those that objects get next.

    The program uses them as names of its own, and finds strange objects under them.
    """
    adding: set[Connection] = set()

    def add(correct: Any, connection: Connection, obj: Any) -> Any:
        adding.add(connection)
        try:
            return correct(connection, obj)
        finally:
            adding.discard(connection)

    def new_oid(correct: Any, connection: Connection) -> bytes:
        oid: bytes = correct(connection)
        return oid if connection in adding else p64(u64(oid) + 3)

    return together(
        around(Connection, "add", add),
        around(Connection, "adopt", add),
        around(Connection, "new_oid", new_oid),
    )


@double("connection.old-state", also="connection.old-state-missing connection.old-state-references")
def the_old_state_is_the_newest() -> Fault:
    """`oldstate` gives the state that is current, whatever transaction it is asked about.

    A program that shows the history of an object shows one state many times.
    """

    def load_serial(correct: Any, snapshot: Snapshot, oid: bytes, tid: bytes) -> bytes:
        record: bytes = snapshot.load(oid)[0]
        return record

    return around(Snapshot, "load_serial", load_serial)


@double("connection.old-state-references")
def an_old_state_has_copies() -> Fault:
    """References in an old state lead to new objects, which belong to no connection.

    A program that puts the old state back stores the copies, and what they stand for is lost.
    """

    def oldstate(correct: Any, connection: Connection, obj: Any, tid: bytes) -> Any:
        state = correct(connection, obj, tid)
        return {
            name: type(value)() if isinstance(value, Persistent) else value
            for name, value in state.items()
        }

    return around(Connection, "oldstate", oldstate)


@double("connection.old-state-missing", also="connection.old-state")
def a_missing_old_state_is_the_one_before() -> Fault:
    """Where a transaction has not stored an object, `oldstate` gives the state that was current
    then.

    A program that looks for what a transaction has changed finds all that it has not.
    """

    def load_serial(correct: Any, snapshot: Snapshot, oid: bytes, tid: bytes) -> bytes:
        with suppress(POSKeyError):
            return correct(snapshot, oid, tid)  # type: ignore[no-any-return]
        return snapshot.load(oid)[0]

    return around(Snapshot, "load_serial", load_serial)


@double("connection.old-state-of-a-closed-one")
def a_closed_connection_has_no_old_states() -> Fault:
    """`oldstate` of a closed connection gives no state, and does not say so.

    The program takes the object for one that was empty.
    """

    def oldstate(correct: Any, connection: Connection, obj: Any, tid: bytes) -> Any:
        return {} if connection.opened is None else correct(connection, obj, tid)

    return around(Connection, "oldstate", oldstate)


@double("connection.prefetch")
def prefetching_catches_up() -> Fault:
    """To prefetch an object makes a ghost of it, so that it is loaded again.

    A hint costs the program its changes.
    """

    def prefetch(correct: Any, connection: Connection, *hints: Any) -> None:
        correct(connection, *hints)
        for obj in list(connection.objects.cache.cache_data.values()):
            obj._p_invalidate()

    return around(Connection, "prefetch", prefetch)


@double("connection.opened-says-when")
def opened_says_yes() -> Fault:
    """`opened` of an open connection is true, and not a time.

    Who looks for connections that are open for hours finds that all are open since 1970.
    """

    def open_(correct: Any, connection: Connection, *args: Any, **options: Any) -> None:
        correct(connection, *args, **options)
        connection.opened = 1.0

    return around(Connection, "open", open_)
