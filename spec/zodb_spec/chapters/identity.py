"""Identity: which object a program gets, and when its state is read.

Inside one connection an oid stands for one object.  Between connections there is no such thing:
each has its own copies.  An object that has not been read yet is a *ghost*: it has a class, an oid
and a jar, and no state; the first access to an attribute loads it, as of the connection's snapshot.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, id_of, step
from zodb_spec.editions import CURRENT
from zodb_spec.world import (
    CLEAN,
    GHOST,
    LOADED,
    NEVER,
    Name,
    Object,
    Oid,
    World,
    current,
    revision_of,
)


@step("identity.one-object-per-oid", MUST, rules="LIFE-30")
def one_object(world: World, connection: Name, oid: Oid) -> Name | None:
    """Within a connection one oid stands for at most one living object: `get`, references and the
    root give the identical object for as long as the program holds it.
    """
    return world.held(connection, oid)


@step("identity.connections-apart", MUST, rules="LIFE-31")
def connections_apart(world: World, connection: Name, oid: Oid, kind: str) -> Object:
    """Two connections have separate objects for one oid: what one program changes in memory,
    another cannot see.
    """
    id = id_of(connections_apart)
    unread = world.fact(None, id_of(ghost_loads))
    return Object(kind, world.fact((connection, oid), id), world.fact(CLEAN, id), unread)


@step("identity.get-gives-ghost", MUST, rules="LIFE-32")
def get_gives_ghost(world: World, found: Object) -> Object:
    """`get` of an object that the cache does not have gives a ghost, made from the class part of
    its record alone: its state is not read before it is needed.
    """
    return found._replace(status=world.fact(GHOST, id_of(get_gives_ghost)))


@step("identity.unknown-oid", MUST, rules="LIFE-33", error="KeyError")
def unknown_oid(world: World, connection: Name, oid: Oid) -> bool:
    """`get` of an oid that no object ever had fails with an error that is a KeyError."""
    saved = world.connections[connection].saved
    return oid not in saved and current(world.database_of(connection).history, oid) == NEVER


@step("identity.newer-oid", MUST, rules="LIFE-34", error="ConflictError KeyError", since=CURRENT)
def newer_oid(world: World, connection: Name, oid: Oid) -> bool:
    """`get` of an object that was created after the connection's snapshot does not give it, and
    fails: with a conflict error, or with a key error where the storage can't look beyond the
    snapshot.
    """
    return revision_of(world, connection, oid) is None


@step("identity.ghost-loads", MUST, rules="LIFE-35")
def ghost_loads(world: World, thing: Name) -> Object:
    """The first access to an attribute of a ghost loads its state, as the connection's snapshot
    shows it.
    """
    id = id_of(ghost_loads)
    return world.objects[thing]._replace(status=world.fact(LOADED, id))


@step("record.reference-comes-back", MUST, rules="SER-6 LIFE-23")
def reference_comes_back(world: World, connection: Name, oid: Oid) -> str:
    """A reference that was stored leads to the object that it led to, with its class, from the
    record of every kind of holder and from inside a value; a persistent object that is referred to
    from two values stays one object.
    """
    found = revision_of(world, connection, oid)
    assert found is not None, "reach.no-dangling-reference is a law"
    return found[1].value.kind
