"""Objects and their life: from unsaved to owned, to stored, and back where a transaction fails.

A persistent object begins its life *unsaved*: an ordinary object in memory that no database knows.
It becomes *owned* when a connection gives it an object id (oid) and itself as its jar, either
because the program asks for it with `add` or because the object is reached while something else is
stored.  It is *stored* when the transaction commits; and if that fails, it is unsaved again, with
everything it holds in memory, as if nothing had happened.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, id_of, step
from zodb_spec.world import (
    ADDED,
    CLEAN,
    UNSAVED,
    Name,
    Object,
    Oid,
    State,
    World,
)


@step("object.unsaved-or-owned", MUST, rules="LIFE-1")
def unsaved(world: World, kind: str, state: State) -> Object:
    """An object is *unsaved* as long as it has neither a jar nor an oid, and *owned* by one
    connection from the moment in which it gets both.

    The two are set together and unset together: an object with one of them and without the other
    would be taken for owned by one part of the system and for new by another.
    """
    id = id_of(unsaved)
    return Object(kind, world.fact(None, id), world.fact(UNSAVED, id), world.fact(state, id))


@step("object.add-foreign-refused", MUST, rules="LIFE-6", error="InvalidObjectReference")
def add_foreign_refused(world: World, connection: Name, thing: Name) -> bool:
    """To add an object that another connection owns is refused, whether that connection belongs to
    the same database or to another one.  The object stays as it was.

    An object never changes its owner; to have the data in two databases takes two objects.
    """
    owner = world.objects[thing].owner.value
    return owner is not None and owner[0] != connection


@step("object.add-again-is-nothing", MUST, rules="LIFE-5")
def add_again_is_nothing(world: World, connection: Name, thing: Name) -> bool:
    """To add an object to the connection that owns it already does nothing: oid, status and
    contents stay.
    """
    owner = world.objects[thing].owner.value
    return owner is not None and owner[0] == connection


@step("object.add-assigns-oid", MUST, rules="LIFE-4 LIFE-1")
def add_assigns_oid(world: World, connection: Name, thing: Name, oid: Oid) -> Object:
    """`add` gives an unsaved object a fresh oid and the connection as its jar, at once, and
    registers it with the transaction.

    The oid can be used from then on: in the object's own code, in an index, in a log.
    """
    id = id_of(add_assigns_oid)
    return world.objects[thing]._replace(
        owner=world.fact((connection, oid), id), status=world.fact(ADDED, id)
    )


@step("object.oids-are-fresh", MUST, rules="LIFE-15", binds="storage")
def fresh_oid(world: World, connection: Name) -> tuple[World, Oid]:
    """An oid that is given to a new object has not been given to any other before, neither to a
    stored one nor, while the storage is open, to one whose transaction was aborted.  Gaps are
    allowed.

    A program may have kept the oid of an object whose commit failed; while the storage is open, it
    must not find another object there.
    """
    name = world.connections[connection].database
    database = world.databases[name]
    return world.put(
        "databases", name, database._replace(next_oid=database.next_oid + 1)
    ), database.next_oid


@step("object.get-returns-added", MUST, rules="LIFE-9")
def get_returns_added(world: World, connection: Name, thing: Name) -> Name:
    """Between `add` and the commit, `get` with the new oid on the same connection gives that very
    object.
    """
    return thing


@step("object.add-is-stored", MUST, rules="LIFE-4")
def add_is_stored(world: World, thing: Name) -> bool:
    """An object that was added is stored by the commit, whether or not anything refers to it."""
    return world.objects[thing].status.value == ADDED


@step("object.abort-disowns", MUST, rules="LIFE-11", situations="commit-refused-with-new-objects")
def disowned(world: World, thing: Name) -> Object:
    """When a transaction is aborted, every object that got its oid in it, by `add` or by being
    stored, loses oid and jar and is dropped from the cache, whatever phase the commit had reached.
    It is unsaved again.

    An object that kept its oid would be taken for stored by the next commit, which would then write
    references to a record that does not exist: data loss that shows only when somebody follows the
    reference.
    """
    id = id_of(disowned)
    return world.objects[thing]._replace(
        owner=world.fact(None, id), status=world.fact(UNSAVED, id), disowned=True
    )


@step(
    "object.abort-keeps-memory",
    MUST,
    rules="LIFE-11",
    situations="new-object-of-a-savepoint-taken-back",
)
def memory_is_kept(world: World, thing: Name, disowned_object: Object) -> Object:
    """An object that an aborted transaction disowns keeps everything that it holds in memory.

    There is no record from which it could be read again, so the copy in memory is the only one.
    """
    id = id_of(memory_is_kept)
    state = world.fact(world.objects[thing].state.value, id)
    return disowned_object._replace(status=world.fact(UNSAVED, id), state=state)


@step("object.disowned-is-new", MUST, rules="LIFE-14 LIFE-12")
def disowned_is_new(world: World, thing: Name) -> bool:
    """An object that was disowned can be added again, to the same connection or another, or be
    reached by a commit, as if it were new.  It gets another oid than before and is stored.
    """
    return world.objects[thing].disowned


@step("object.commit-sets-serial", MUST, rules="LIFE-16")
def commit_sets_serial(world: World, connection: Name, thing: Name, oid: Oid) -> Object:
    """After a successful commit the serial of every object that was stored is the tid of that
    commit, and its changed flag is false.
    """
    id = id_of(commit_sets_serial)
    return world.objects[thing]._replace(
        owner=world.fact((connection, oid), id),
        status=world.fact(CLEAN, id),
        base=0,
        disowned=False,
    )


@step("object.commit-keeps-state", MUST, rules="LIFE-16 ISO-34")
def commit_keeps_state(world: World, committed: Object) -> Object:
    """A successful commit leaves the objects that it stored as they are, unchanged now: what is
    read from them afterwards is what was stored, whether they stay loaded or are loaded again.
    """
    id = id_of(commit_keeps_state)
    return committed._replace(status=world.fact(CLEAN, id), state=world.fact(None, id))
