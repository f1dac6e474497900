"""Connections: opening, closing, and what a closed one refuses.

A database hands out connections; each belongs to the transaction manager that it was opened under.
A closed connection goes back to the pool with its cache and may be opened again, under another
manager; in between it must not load or take anything, or a forgotten reference would reach into
somebody else's transaction.
"""

from __future__ import annotations

from zodb_spec.clause import MAY, MUST, id_of, step
from zodb_spec.world import USUAL, Connection, Fact, Name, Object, View, World


@step("connection.open-is-bound", MUST, rules="CONN-2")
def open_is_bound(
    world: World, database: Name, manager: Name, name: Name, view: View = USUAL
) -> Connection:
    """`open` gives an open connection that is bound to the transaction manager it was given."""
    fact = world.fact(True, id_of(open_is_bound))
    last = world.fact(world.databases[database].last, id_of(open_is_bound))
    horizon = {name: found.last for name, found in world.databases.items()}
    return Connection(database, manager, fact, (last,), group=name, horizon=horizon, view=view)


@step("connection.reopen-catches-up", MUST, rules="CONN-20")
def reopen_catches_up(world: World, connection: Name) -> Fact[int]:
    """A connection that is opened again has caught up with everything that was committed while it
    was closed, before any object is read.
    """
    return world.fact(world.database_of(connection).last, id_of(reopen_catches_up))


@step("connection.reopen-invalidates", MUST, rules="CONN-20")
def reopen_invalidates(world: World, thing: Object) -> Object:
    """Objects that the program kept over the closing of their connection show the newest state once
    it is open again.
    """
    return thing._replace(state=world.fact(None, id_of(reopen_invalidates)))


@step("connection.close-joined-refused", MUST, rules="CONN-13", error="ConnectionStateError")
def close_joined_refused(world: World, connection: Name) -> bool:
    """To close a connection that has joined an unfinished transaction is refused, and the
    connection stays open with its changes.
    """
    return connection in world.managers[world.connections[connection].manager].joined


@step("connection.reader-does-not-join", MUST, rules="CONN-38")
def reader_does_not_join(world: World, connection: Name) -> Fact[bool]:
    """A connection joins a transaction at its first change, or at `readCurrent`, and not before:
    one that only reads can be closed at any time, and takes no part in the commit.

    In the edition of 2006-08-16 a read conflict makes it join as well, since it bars the commit:
    `current-read.commit-refused`.
    """
    return world.fact(False, id_of(reader_does_not_join))


@step("connection.close-again-is-nothing", MUST, rules="CONN-18")
def close_again_is_nothing(world: World, connection: Name) -> bool:
    """To close a connection that is closed does nothing."""
    return not world.connections[connection].is_open.value


@step("connection.closed-refuses-use", MUST, rules="CONN-10 LIFE-8", error="ConnectionStateError")
def closed_refuses_use(world: World, connection: Name) -> bool:
    """On a closed connection `get`, `add`, `root` and the loading of ghosts fail, and whatever they
    were given stays as it was.
    """
    return not world.connections[connection].is_open.value


@step(
    "connection.closed-refuses-change",
    MUST,
    rules="CONN-11",
    error="ConnectionStateError",
    situations="change-on-a-closed-connection",
)
def closed_refuses_change(world: World, connection: Name) -> bool:
    """To change an object of a closed connection fails, also where the object is loaded, and the
    object keeps its value.

    A change that is accepted there belongs to no transaction and is lost, or is stored by whoever
    opens the connection next.
    """
    return not world.connections[connection].is_open.value


@step("connection.closed-may-serve-loaded", MAY, rules="CONN-12", error="ConnectionStateError")
def closed_may_serve_loaded(world: World, connection: Name) -> bool:
    """Attributes of objects that are loaded may still be read after their connection was closed,
    with the values that they had.
    """
    return not world.connections[connection].is_open.value


@step("connection.sync-shows-newest", MUST, rules="CONN-21")
def sync_shows_newest(world: World, connection: Name) -> Fact[int]:
    """`sync` aborts the current transaction and then shows the newest committed state."""
    return world.fact(world.database_of(connection).last, id_of(sync_shows_newest))
