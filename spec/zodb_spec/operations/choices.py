"""What can be chosen: the values that make sense for the arguments of an operation, in a given
world.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from zodb_spec.kinds import KINDS, ROOT_KIND
from zodb_spec.operation import Argument
from zodb_spec.values import EXPRESSIONS
from zodb_spec.world import (
    ADDED,
    CLEAN,
    GHOST,
    ROOT,
    UNSAVED,
    Connection,
    InMemory,
    Name,
    Object,
    Saved,
    Stored,
    World,
    state_of,
)

FORMS = ("strong", "list", "dict", "weak")
DATABASE = "db"
MOST_UNSAVED = 3


def named(database: Name, name: str) -> str:
    """The Python name of something that is counted for each database by itself."""
    return name if database == DATABASE else f"{database}_{name}"


def oid_name(database: Name, oid: int) -> str:
    """The Python name of an oid of a database."""
    return named(database, f"oid{oid}")


def tid_name(database: Name, tid: int) -> str:
    """The Python name of a tid of a database."""
    return named(database, f"tid{tid}")


def fresh(prefix: str) -> Argument:
    """A new name."""
    return Argument("as", lambda world, *before: (f"{prefix}{world.step}",))


def all_usable(world: World) -> bool:
    """Whether no manager's current transaction has failed."""
    for manager in world.managers.values():  # noqa: SIM110  # asked at every step; all() is slower
        if manager.status.value == "failed":
            return False
    return True


def may_be_taken(world: World, connection: Name) -> bool:
    """Whether a group may have taken a connection from the pool without the program's asking for
    it.

    It waits there, and there is a group in its collection without a connection to its database, or
    may be one: a group that comes upon a reference to that database opens a connection to it, at
    the latest when the reference is read.  So nothing is said about it before the program gets it
    again.
    """
    found = world.connections[connection]
    if found.is_open.value:
        return False
    collection = world.databases[found.database].collection
    size = sum(other.collection == collection for other in world.databases.values())
    return len(world.group(connection)) < size or any(
        world.databases[other.database].collection == collection
        and world.member(name, found.database) is None
        for name, other in world.connections.items()
    )


def may_have_member(world: World, connection: Name, database: Name) -> bool:
    """Whether the group of an open connection may have one to a database, without the program's
    asking for it: the database was there when the connection was opened.
    """
    found = world.connections[connection]
    made = world.databases[database].history[0].records[ROOT].step
    return (
        found.is_open.value
        and found.is_open.step > made
        and world.databases[found.database].collection == world.databases[database].collection
    )


def all_known(world: World) -> bool:
    """Whether nothing at all is in limbo."""
    if not all_usable(world):
        return False
    # asked at every step; where there is one database, every group is whole
    return len(world.databases) == 1 or not any(may_be_taken(world, n) for n in world.connections)


def in_limbo(world: World, thing: Name) -> bool:
    """Whether nothing is said of an object: a failed commit has left it in some state, or its
    connection may have been taken from the pool.
    """
    if all_known(world):
        return False
    if any(thing in manager.limbo for manager in world.managers.values()):
        return True
    owner = world.objects[thing].owner.value
    if owner is None:
        return False
    connection = world.connections[owner[0]]
    if not connection.is_open.value:
        return may_be_taken(world, owner[0])
    return world.managers[connection.manager].status.value == "failed"


def things(world: World, *before: str) -> Sequence[str]:
    """The objects of which something is known."""
    if all_known(world):
        return tuple(world.objects)
    return [name for name in world.objects if not in_limbo(world, name)]


def known(world: World, thing: Name, *others: str) -> bool:
    """Whether the program holds the object, and something is known about it."""
    return thing in world.objects and not in_limbo(world, thing)


def reachable_connection(world: World, connection: Name, *others: str) -> bool:
    """Whether the connection is there, something is known about it, and its transaction has not
    failed.
    """
    found = world.connections.get(connection)
    if found is None or may_be_taken(world, connection):
        return False
    return usable(world, found.manager) or not found.is_open.value


def usable_connection(world: World, connection: Name, *others: str) -> bool:
    """Whether the connection is open, and its transaction has not failed."""
    found = world.connections.get(connection)
    return found is not None and found.is_open.value and usable(world, found.manager)


def counters(world: World, *before: str) -> Sequence[str]:
    """The counters among them."""
    return [name for name in things(world) if world.objects[name].kind == "Counter"]


def attributes(world: World, thing: Name, *before: str) -> Sequence[str]:
    """The attributes of an object that can hold anything."""
    return [name for name in KINDS[world.objects[thing].kind].attributes if name != "n"]


def suits(world: World, thing: Name, attribute: str) -> bool:
    """Whether the kind of an object has such an attribute: those of a mapping are its items, which
    nothing else has.
    """
    return attribute in KINDS[world.objects[thing].kind].attributes


def present(world: World, thing: Name, *before: str) -> Sequence[str]:
    """The attributes that an object has, and the others where it has none."""
    state = state_of(world, thing).value[0]
    return tuple(state) if state else KINDS[world.objects[thing].kind].attributes


def enough_unsaved(world: World) -> bool:
    """Whether there are so many unsaved objects that another one adds nothing."""
    return sum(thing.status.value == UNSAVED for thing in world.objects.values()) >= MOST_UNSAVED


def kinds(world: World, *before: str) -> Sequence[str]:
    """The classes of which new objects are made."""
    return tuple(KINDS)


def values(world: World, *before: str) -> Sequence[str]:
    """The names of the values that are not persistent."""
    return tuple(EXPRESSIONS)


def managers(world: World, *before: str) -> Sequence[str]:
    """The transaction managers."""
    return tuple(world.managers)


def idle_managers(world: World, *before: str) -> Sequence[str]:
    """The managers whose current transaction no connection has joined, and all where there are
    none: with changes of objects in the same database it can't be committed what a database does.
    """
    idle = [name for name, found in world.managers.items() if not found.joined]
    return idle or managers(world)


def busy_managers(world: World, *before: str) -> Sequence[str]:
    """The transaction managers under which a connection is open."""
    return sorted({found.manager for found in world.connections.values() if found.is_open.value})


def databases(world: World, *before: str) -> Sequence[str]:
    """The databases."""
    return tuple(world.databases)


def connections(world: World, *before: str) -> Sequence[str]:
    """The connections, open or closed."""
    return tuple(world.connections)


def oids(world: World, connection: Name, *before: str) -> Sequence[str]:
    """Every oid that was ever given away in the connection's database, and one that was not.

    Those of the objects that were added and are not stored yet come twice: they are few.
    """
    added = [
        thing.owner.value[1]
        for thing in world.objects.values()
        if thing.status.value == ADDED and thing.owner.value is not None
    ]
    return [str(oid) for oid in (*range(world.database_of(connection).next_oid + 1), *added)]


def usable(world: World, manager: Name) -> bool:
    """Whether the current transaction of a manager has not failed."""
    return world.managers[manager].status.value != "failed"


def is_referenced(world: World, thing: Name) -> bool:
    """Whether an object that the program changed or made holds a reference to this one, in memory
    or in what a savepoint has stored, to which the program may come back.
    """
    if any(
        type(value) is InMemory and value.target == thing
        for other in world.objects.values()
        if other.state.value is not None
        for value in other.state.value.values()
    ):
        return True
    owner = world.objects[thing].owner.value
    return owner is not None and any(
        type(value) is Stored and _leads_to(world, connection, value, *owner)
        for connection, found in kept(world)
        for oid in (*found.created, *found.replaced)
        if oid in found.saved
        for value in (found.saved[oid].value.state or {}).values()
    )


def kept(world: World) -> Iterator[tuple[Name, Connection | Saved]]:
    """What savepoints have stored of each connection, that to which they can return included."""
    yield from world.connections.items()
    for savepoint in world.savepoints.values():
        yield from savepoint.members.items()


def _leads_to(world: World, holder: Name, value: Stored, connection: Name, oid: int) -> bool:
    database = value.database or world.connections[holder].database
    return value.oid == oid and world.member(holder, database) == connection


def is_created(world: World, thing: Name) -> bool:
    """Whether a savepoint of the running transaction has stored the object for the first time."""
    owner = world.objects[thing].owner.value
    return owner is not None and owner[1] in world.connections[owner[0]].created


def as_loaded(world: World, connections: Collection[Name]) -> dict[Name, Object]:
    """The objects of connections that were known to be ghosts, as such that may be loaded."""
    return {
        name: thing._replace(status=thing.status._replace(value=CLEAN))
        for name, thing in world.objects.items()
        if thing.status.value == GHOST
        and thing.owner.value is not None
        and thing.owner.value[0] in connections
    }


def may_have_another(world: World, connection: Name, oid: int) -> bool:
    """Whether objects in memory may lead to another object for an oid than the connection gives,
    because that has taken its place.
    """
    found = world.connections[connection]
    return oid in found.left_over or oid in found.replaced


def is_registered(world: World, thing: Name) -> bool:
    """Whether the object belongs to the running transaction of its connection."""
    owner = world.objects[thing].owner.value
    return owner is not None and thing in world.connections[owner[0]].registered


def is_closed(world: World, thing: Name) -> bool:
    """Whether the object belongs to a closed connection."""
    owner = world.objects[thing].owner.value
    return owner is not None and not world.connections[owner[0]].is_open.value


def stays_put(world: World, thing: Name) -> bool:
    """Whether an object can be turned into a ghost without the program losing what only it holds in
    memory, or what it has taken the place of.
    """
    return world.objects[thing].status.value != ADDED and not is_in_place(world, thing)


def is_in_place(world: World, thing: Name) -> bool:
    """Whether an object has taken the place of another one in the running transaction."""
    owner = world.objects[thing].owner.value
    return owner is not None and owner[1] in world.connections[owner[0]].replaced


def is_unsaved(world: World, thing: Name) -> bool:
    """Whether nobody owns the object."""
    return world.objects[thing].status.value == UNSAVED


def place(world: World, thing: Name, attribute: str) -> str:
    """The Python expression for an attribute, or for an item of a mapping."""
    if world.objects[thing].kind == ROOT_KIND:
        return f"{thing}[{attribute}]"
    return f"{thing}.{attribute}"


INSIDE = {"": "", "list": "[1]", "dict": "['k']"}
"""The Python suffix that takes a reference out of each container that one is wrapped in."""


def dereferenced(value: InMemory | Stored) -> str:
    """The Python suffix that takes an object out of what a reference to it is wrapped in."""
    return INSIDE[value.inside] + ("()" if value.weak else "")
