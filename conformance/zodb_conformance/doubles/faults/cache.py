"""Faults in the caches of connections."""

from __future__ import annotations

from typing import Any

from zodb_reference.connections import Connection
from zodb_reference.db import DB
from zodb_reference.identity import IdentityMap

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, instead


def loaded(connection: Connection) -> list[Any]:
    """The objects of a connection that are in memory and have no changes, as they were used."""
    return [obj for _, obj in connection.objects.cache.lru_items() if obj._p_changed is False]


@double("cache.gc-keeps-to-the-size", also="cache.gc-reaches-the-group cache.size-can-change")
def gc_keeps_twice_as_much() -> Fault:
    """`cacheGC` keeps twice as many objects as the cache is large.

    A program that has measured out its memory runs out of it.
    """

    def gc(connection: Connection) -> None:
        for each in connection.group.sharing_cache_calls(connection):
            cache = each.objects.cache
            size, cache.cache_size = cache.cache_size, 2 * cache.cache_size
            cache.incrgc()
            cache.cache_size = size

    return instead(Connection, "cacheGC", gc)


@double("cache.gc-least-recently-used")
def gc_begins_with_the_last_used() -> Fault:
    """`cacheGC` makes ghosts of the objects that were used last.

    What the program is at work with has to be loaded again and again.
    """

    def gc(correct: Any, connection: Connection) -> None:
        cache = connection.objects.cache
        for obj in reversed(loaded(connection)):
            if cache.cache_non_ghost_count > cache.cache_size:
                obj._p_deactivate()
        correct(connection)

    return around(Connection, "cacheGC", gc)


@double("cache.reducing-is-invisible", checks="walk.exchanges")
def gc_takes_changes_for_stored() -> Fault:
    """`cacheGC` makes ghosts of changed objects too, as if their changes were stored already.

    Whoever reads them next finds what was there before.
    """

    def gc(correct: Any, connection: Connection) -> None:
        correct(connection)
        for _, obj in connection.objects.cache.lru_items():
            if obj._p_changed:
                obj._p_invalidate()

    return around(Connection, "cacheGC", gc)


@double("cache.reducing-is-invisible", checks="walk.connections")
def sweeping_takes_changes_for_stored() -> Fault:
    """`cacheFullSweep` of a database makes ghosts of changed objects too.

    Whoever is at work meanwhile commits half of what he has done.
    """

    def sweep(correct: Any, objects: IdentityMap) -> None:
        correct(objects)
        for _, obj in objects.cache.lru_items():
            if obj._p_changed:
                obj._p_invalidate()

    return around(IdentityMap, "sweep", sweep)


@double("cache.gc-spares-changes")
def gc_takes_changed_objects_too() -> Fault:
    """`cacheGC` invalidates objects with changes as well where the cache is too large.

    A long transaction loses its first changes, and nobody says so.
    """

    def gc(correct: Any, connection: Connection) -> None:
        cache = connection.objects.cache
        for _, obj in cache.lru_items():
            if obj._p_changed and cache.cache_non_ghost_count > cache.cache_size:
                obj._p_invalidate()
        correct(connection)

    return around(Connection, "cacheGC", gc)


@double("cache.size-honoured")
def the_end_of_a_transaction_reduces_nothing() -> Fault:
    """The cache is reduced only when the program asks for it.

    A program that runs for long has everything in memory in the end.
    """

    def after(correct: Any, connection: Connection, transaction: Any) -> None:
        with instead(connection.objects, "reduce", lambda: None):
            correct(connection, transaction)

    return around(Connection, "afterCompletion", after)


@double("cache.sync-reduces")
def sync_reduces_nothing() -> Fault:
    """`sync` leaves the cache as large as it is.

    A program that reads for hours, and calls it to see what is new, has everything in memory.
    """

    def sync(correct: Any, connection: Connection) -> None:
        with instead(connection.objects, "reduce", lambda: None):
            correct(connection)

    return around(Connection, "sync", sync)


@double("cache.size-in-bytes", also="cache.bytes-can-change")
def bytes_are_not_counted() -> Fault:
    """The sizes of objects are not counted, so that a size in bytes limits nothing.

    A few large objects fill the memory.
    """
    return instead(IdentityMap, "note_size", lambda *args: None)


@double("cache.size-can-change")
def a_new_cache_size_is_for_new_connections() -> Fault:
    """A new size of the caches does not reach the connections that there are.

    What an administrator changes has no effect until the program is started anew.
    """

    def set_size(correct: Any, db: DB, size: int) -> None:
        sizes = {each: each.objects.cache.cache_size for each in db._pool.everyone()}
        correct(db, size)
        for each, old in sizes.items():
            each.objects.cache.cache_size = old

    return around(DB, "setCacheSize", set_size)


@double("cache.bytes-can-change")
def a_new_size_in_bytes_is_for_open_connections() -> Fault:
    """A new size of the caches in bytes reaches the connections that are open, and not those in the
    pool.

    The memory that was to be freed is in use again an hour later.
    """

    def set_size(correct: Any, db: DB, size: int) -> None:
        closed = [each for each in db._pool.everyone() if each.opened is None]
        sizes = {each: each.objects.cache.cache_size_bytes for each in closed}
        correct(db, size)
        for each, old in sizes.items():
            each.objects.cache.cache_size_bytes = old

    return around(DB, "setCacheSizeBytes", set_size)


@double("cache.opening-spares-others")
def opening_one_reduces_all() -> Fault:
    """Whenever a connection is opened, the caches of all connections are reduced, from another
    thread.

    What a program is at work with is loaded again, and a list that it has appended to is as before.
    """

    def open_(correct: Any, db: DB, *args: Any, **options: Any) -> Any:
        opened = correct(db, *args, **options)
        for each in db._pool.everyone():
            each.objects.reduce()
        return opened

    return around(DB, "open", open_)


@double("cache.minimize", also="cache.minimize-reaches-the-group cache.objects-may-refuse")
def minimizing_keeps_to_the_size() -> Fault:
    """`cacheMinimize` makes ghosts only of what is too much for the cache.

    A program that wants to free its memory for a while does not get any.
    """

    def minimize(connection: Connection) -> None:
        for each in connection.group.sharing_cache_calls(connection):
            each.objects.reduce()

    return instead(Connection, "cacheMinimize", minimize)


@double("cache.minimize-spares-changes")
def minimizing_takes_changes_too() -> Fault:
    """`cacheMinimize` invalidates objects with changes as well.

    A program that wants to free some memory loses its work.
    """

    def minimize(correct: Any, connection: Connection) -> None:
        for _, obj in connection.objects.cache.lru_items():
            if obj._p_changed:
                obj._p_invalidate()
        correct(connection)

    return around(Connection, "cacheMinimize", minimize)


@double("cache.objects-may-refuse")
def one_that_refuses_ends_it() -> Fault:
    """`cacheMinimize` ends at the first object that refuses to become a ghost.

    One such object keeps all the others in memory.
    """

    def minimize(connection: Connection) -> None:
        for each in connection.group.sharing_cache_calls(connection):
            for obj in loaded(each):
                obj._p_deactivate()
                if obj._p_changed is not None:
                    break

    return instead(Connection, "cacheMinimize", minimize)


@double("cache.identity-survives", also="cache.minimize-reaches-the-group")
def minimizing_forgets_ghosts() -> Fault:
    """`cacheMinimize` drops the ghosts that it makes from the cache.

    A program gets a second object for what it holds already, and changes both.
    """

    def minimize(correct: Any, connection: Connection) -> None:
        correct(connection)
        cache = connection.objects.cache
        for oid, obj in cache.cache_data.items():
            if obj._p_changed is None:
                del cache[oid]

    return around(Connection, "cacheMinimize", minimize)


@double("cache.minimize-reaches-the-group")
def minimizing_is_for_one() -> Fault:
    """`cacheMinimize` leaves the other connections of the group as they are.

    A program that frees its memory frees half of it.
    """
    return instead(
        Connection, "cacheMinimize", lambda connection: connection.objects.cache.minimize()
    )


@double("cache.gc-reaches-the-group")
def gc_is_for_one() -> Fault:
    """`cacheGC` leaves the other connections of the group as they are.

    A program that keeps its memory small lets that of its second database grow.
    """
    return instead(Connection, "cacheGC", lambda connection: connection.objects.reduce())


@double("cache.one-connection-alone", edition="2006-08-16")
def the_group_is_reduced_as_well_in_2006() -> Fault:
    """`cacheMinimize` makes ghosts in the whole group, which the rules of that time do not say.

    A program that frees what it does not need of one database loads the other one anew.
    """

    def minimize(connection: Connection) -> None:
        for each in connection.connections.values():
            each.objects.cache.minimize()

    return instead(Connection, "cacheMinimize", minimize)


@double("cache.full-sweep")
def a_full_sweep_is_a_small_one() -> Fault:
    """`cacheFullSweep` keeps as much as the cache is large.

    A program that wants to free all it can frees hardly anything.
    """
    return instead(Connection, "cacheFullSweep", lambda connection: connection.objects.reduce())


@double("cache.closing-reduces")
def closing_keeps_everything() -> Fault:
    """`close` leaves the cache as large as it is.

    Connections wait in the pool with all that one large request has loaded.
    """

    def leave(correct: Any, connection: Connection) -> None:
        with instead(connection.objects, "reduce", lambda: None):
            correct(connection)

    return around(Connection, "leave", leave)


@double("cache.kept-over-closing")
def closing_empties_the_cache() -> Fault:
    """`close` makes ghosts of all objects.

    Every request begins with loading what the one before had loaded.
    """

    def leave(correct: Any, connection: Connection) -> None:
        correct(connection)
        connection.objects.cache.minimize()

    return around(Connection, "leave", leave)
