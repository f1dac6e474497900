"""How a program comes to objects: by the root, by an oid, and by the references that it reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from zodb_spec.chapters import (
    connections,
    cross_references,
    historical,
    identity,
    objects,
    undo,
    versions,
)
from zodb_spec.clause import id_of
from zodb_spec.editions import CURRENT, Edition
from zodb_spec.kinds import ROOT_KIND
from zodb_spec.operation import Argument, Outcome, Raised, Returned, operation, refused, returned
from zodb_spec.operations import choices
from zodb_spec.operations.choices import fresh, known, place, reachable_connection
from zodb_spec.operations.grouping import with_member
from zodb_spec.operations.loading import READABLE, read_conflicts, unfindable
from zodb_spec.world import (
    ADDED,
    CHANGED,
    GHOST,
    ROOT,
    InMemory,
    Name,
    Number,
    Plain,
    State,
    Stored,
    Value,
    World,
    revision_of,
    state_of,
)

Outcomes = Sequence[Outcome]
THING = Argument("thing", choices.things)
CONNECTION = Argument("connection", choices.connections)


@operation(
    CONNECTION,
    fresh("thing"),
    line=lambda world, connection, name: f"{name} = {connection}.root()",
    sensible=lambda world, connection, name: (
        reachable_connection(world, connection) and name not in world.objects
    ),
    weight=3,
)
def root(world: World, connection: Name, name: Name) -> Outcomes:
    """Get the root of a connection."""
    if connections.closed_refuses_use(world, connection):
        return [refused(world, connections.closed_refuses_use)]
    return [*find(world, connection, ROOT, name), *unfindable(world, connection, ROOT)]


@operation(
    CONNECTION,
    Argument("oid", choices.oids),
    fresh("thing"),
    line=lambda world, connection, oid, name: (
        f"{name} = {connection}.get({_oid_name(world, connection, int(oid))})"
    ),
    sensible=lambda world, connection, oid, name: (
        reachable_connection(world, connection)
        and name not in world.objects
        and int(oid) <= world.database_of(connection).next_oid
        and not _is_untimely(world, connection, int(oid))
    ),
    weight=2,
)
def get(world: World, connection: Name, oid: str, name: Name) -> Outcomes:
    """Get an object by its oid."""
    if connections.closed_refuses_use(world, connection):
        return [refused(world, connections.closed_refuses_use)]
    return [*_got(world, connection, oid, name), *unfindable(world, connection, int(oid))]


def _got(world: World, connection: Name, oid: str, name: Name) -> Outcomes:
    added = world.held(connection, int(oid))
    if added is not None and world.objects[added].status.value == ADDED:
        found = objects.get_returns_added(world, connection, added)
        return [returned(world, objects.get_returns_added, Returned("object", found))]
    if identity.unknown_oid(world, connection, int(oid)):
        return [refused(world, identity.unknown_oid)]
    if _is_uncreated(world, connection, int(oid)):
        return [refused(world, undo.undo_uncreates)]
    if world.database_of(connection).versions and versions.hidden(world, connection, int(oid)):
        return [refused(world, versions.hidden)]
    is_historical = world.connections[connection].view.point != ""
    if is_historical and historical.unborn_is_missing(world, connection, int(oid)):
        return [refused(world, historical.unborn_is_missing)]
    if identity.newer_oid(world, connection, int(oid)):
        return [refused(world, identity.newer_oid)]
    return find(world, connection, int(oid), name)


def _is_untimely(world: World, connection: Name, oid: int) -> bool:
    """Whether `get` of an object comes too early for what the connection shows, or too late, so
    that it is not said what its state is then (examples speak of that).

    An object that does not exist any more may still be given as a ghost, where the cache has it.
    """
    found = world.connections[connection]
    if not found.is_open.value or identity.unknown_oid(world, connection, oid):
        return False
    if _is_uncreated(world, connection, oid):
        return oid in found.cached or not (found.view.point or _is_gone(world, connection, oid))
    if world.edition == CURRENT:
        return _is_gone(world, connection, oid)
    if versions.hidden(world, connection, oid):
        return oid in found.cached
    return revision_of(world, connection, oid) is None or _is_gone(world, connection, oid)


def _is_uncreated(world: World, connection: Name, oid: int) -> bool:
    """Whether what a connection shows of an object is that its creation was undone."""
    shown = revision_of(world, connection, oid)
    return shown is not None and shown[1].clause == id_of(undo.undo_uncreates)


def _is_gone(world: World, connection: Name, oid: int, elsewhere: Name = "") -> bool:
    """Whether an object that a connection shows does not exist any more: its creation was undone,
    or it was created in a version that is given up.

    elsewhere: the database that has it, where that is not the connection's
    """
    found = world.connections[connection]
    if found.view.point or (oid in found.saved and not elsewhere):
        return False
    database = world.databases[elsewhere or found.database]
    newest = database.revision(oid, database.last, found.view.version)
    return newest is None or newest[1].value.state is None


def _oid_name(world: World, connection: Name, oid: int) -> str:
    return choices.oid_name(world.connections[connection].database, oid)


def find(world: World, connection: Name, oid: int, name: Name) -> Outcomes:
    """The object of a connection with an oid that its snapshot has, under a new name where it has
    none.
    """
    held = identity.one_object(world, connection, oid)
    if held is not None:
        return [returned(world, identity.one_object, Returned("object", held))]
    kind = ROOT_KIND if oid == ROOT else _kind(world, connection, oid)
    found = identity.connections_apart(world, connection, oid, kind)
    state = world.connections[connection]
    if not _may_be_cached(world, connection, oid):
        found = identity.get_gives_ghost(world, found)
    world = world.put("connections", connection, state._replace(cached=state.cached | {oid}))
    return [
        returned(
            world.put("objects", name, found),
            identity.connections_apart,
            Returned("new object", name),
        )
    ]


def _may_be_cached(world: World, connection: Name, oid: int) -> bool:
    """Whether the cache may have an object loaded: the program had it, or a mapping that holds it.

    To show a mapping, in an error message say, is to load what it holds.
    """
    cached = world.connections[connection].cached | {ROOT}
    several = len(world.databases) > 1  # a mapping of any of them may be what holds it
    return (
        several
        or oid in cached
        or any(
            type(value) is Stored and value.oid == oid
            for transaction in world.database_of(connection).history
            for known in cached & transaction.records.keys()
            if transaction.records[known].value.kind == ROOT_KIND
            for value in (transaction.records[known].value.state or {}).values()
        )
    )


def _kind(world: World, connection: Name, oid: int) -> str:
    found = revision_of(world, connection, oid)
    assert found is not None
    return found[1].value.kind


@operation(
    THING,
    Argument("attribute", choices.present),
    fresh("thing"),
    line=lambda *arguments: _read_line(*arguments),  # noqa: PLW0108  # it is defined below
    sensible=lambda world, thing, attribute, name: (
        known(world, thing)
        and choices.suits(world, thing, attribute)
        and name not in world.objects
        and _leads_somewhere_known(world, _holder(world, thing), _value(world, thing, attribute))
        and not _may_lead_elsewhere(world, thing, _value(world, thing, attribute))
    ),
    weight=6,
)
def read(world: World, thing: Name, attribute: str, name: Name) -> Outcomes:
    """Read an attribute, and where it is a reference, the object that it leads to."""
    found = world.objects[thing]
    value = _value(world, thing, attribute)
    if found.owner.value is not None and connections.closed_may_serve_loaded(
        world, found.owner.value[0]
    ):
        return [refused(world, connections.closed_may_serve_loaded), _served(world, value)]
    unreadable = READABLE if found.owner.value is None else read_conflicts(world, thing)
    if unreadable.is_sure:
        return unreadable.outcomes
    return [*_shown(world, thing, value, name), *unreadable.outcomes]


def _shown(world: World, thing: Name, value: Value | None, name: Name) -> Outcomes:
    """What reading an attribute comes to, where the object can be read."""
    found = world.objects[thing]
    if found.owner.value is not None and found.status.value not in (ADDED, CHANGED):
        world = world.put("objects", thing, identity.ghost_loads(world, thing))
    if value is None:
        return [
            Outcome(world, Raised(("AttributeError", "KeyError")), state_of(world, thing).clause)
        ]
    if type(value) is InMemory:
        return [returned(world, identity.one_object, Returned("object", value.target, value))]
    if type(value) is Stored:
        assert found.owner.value is not None
        outcomes: list[Outcome] = []
        for after, connection in _followed(world, found.owner.value[0], value):
            identity.reference_comes_back(after, connection, value.oid)
            outcomes += find(after, connection, value.oid, name)
        return [
            outcome._replace(seen=outcome.seen._replace(value=value))
            for outcome in outcomes
            if type(outcome.seen) is Returned
        ]
    return [Outcome(world, Returned("value", value=value), state_of(world, thing).clause)]


def _holder(world: World, thing: Name) -> Name:
    owner = world.objects[thing].owner.value
    return "" if owner is None else owner[0]


def _leads_somewhere_known(world: World, connection: Name, value: Value | None) -> bool:
    """Whether it is clear what a value shows that an object of a connection holds.

    In the first edition a reference may lead to an object of another group as long as its holder
    stays in memory, and to one of the holder's own group when it is loaded again.
    """
    if type(value) is not Stored or not connection:
        return True
    if _is_gone(world, connection, value.oid, value.database):
        return False
    if not value.database:
        return True
    if world.edition == Edition.A:
        return False
    return shows_one_state(world, connection, value.database)


def _may_lead_elsewhere(world: World, thing: Name, value: Value | None) -> bool:
    """Whether an object may have been loaded when another one had the place that it refers to."""
    holder, status = _holder(world, thing), world.objects[thing].status.value
    if type(value) is not Stored or not holder or status == GHOST:
        return False
    database = value.database or world.connections[holder].database
    member = world.member(holder, database)
    return member is not None and choices.may_have_another(world, member, value.oid)


def shows_one_state(world: World, connection: Name, database: Name) -> bool:
    """Whether it is clear what the connection of a group to a database shows.

    It isn't where that is opened in the middle of a transaction, perhaps earlier than the program
    knows, and something was committed there since the transaction began.  In the first edition it
    works for a manager that the program may not know.
    """
    if world.member(connection, database) is not None:
        return True
    found = world.connections[connection]
    return (
        world.edition > Edition.A
        and found.is_open.value
        and not found.view.point
        and found.horizon.get(database) == world.databases[database].last
    )


def _followed(world: World, connection: Name, value: Stored) -> Iterable[tuple[World, Name]]:
    """The connection to which a reference leads, which is opened where it is not there yet."""
    if not value.database:
        return [(world, connection)]
    member = cross_references.leads_to_the_group(world, connection, value.database)
    if member is not None:
        return [(world, member)]
    return with_member(world, connection, value.database, f"connection{world.step}")


def _served(world: World, value: Value | None) -> Outcome:
    """The outcome in which a closed connection serves an attribute; what a reference leads to, it
    does not say.
    """
    clause = connections.closed_may_serve_loaded
    if value is None:
        return Outcome(world, Raised(("AttributeError", "KeyError")), id_of(clause))
    if type(value) in (Plain, Number):
        return returned(world, clause, Returned("value", value=value))
    return returned(world, clause, Returned("anything"))


def _value(world: World, thing: Name, attribute: str) -> Value | None:
    state: State | None = state_of(world, thing).value[0]
    if attribute == "n" and state is not None:
        return state.get("n", Number(0))
    return None if state is None else state.get(attribute)


def _read_line(world: World, thing: Name, attribute: str, name: Name) -> str:
    value = _value(world, thing, attribute)
    variable = "seen"
    if type(value) is Stored:
        connection = _holder(world, thing)
        if value.database:
            connection = world.member(connection, value.database) or ""
        if world.held(connection, value.oid) is None:
            variable = name
    suffix = choices.dereferenced(value) if isinstance(value, InMemory | Stored) else ""
    return f"{variable} = {place(world, thing, attribute)}{suffix}"
