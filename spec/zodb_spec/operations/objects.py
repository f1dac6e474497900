"""What a program does with objects: make, add, find, read, change and forget them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from zodb_spec.chapters import connections, identity, objects, reach, tracking
from zodb_spec.chapters.isolation import count
from zodb_spec.clause import id_of
from zodb_spec.kinds import KINDS, ROOT_KIND
from zodb_spec.operation import Argument, Outcome, Raised, Returned, operation, refused, returned
from zodb_spec.operations import choices
from zodb_spec.operations.choices import fresh, in_limbo, place, usable
from zodb_spec.values import EXPRESSIONS
from zodb_spec.world import (
    ADDED,
    CHANGED,
    ROOT,
    InMemory,
    Name,
    Number,
    Object,
    Plain,
    State,
    Stored,
    Unpicklable,
    Value,
    World,
    state_of,
)

Outcomes = Sequence[Outcome]
THING = Argument("thing", choices.things)
CONNECTION = Argument("connection", choices.connections)
ATTRIBUTE = Argument("attribute", choices.attributes)


def known(world: World, thing: Name, *others: str) -> bool:
    """Whether the program holds the object, and something is known about it."""
    return thing in world.objects and not in_limbo(world, thing)


def changeable(world: World, thing: Name, *others: str) -> bool:
    """Whether something is known about what a change of the object does.

    Persistent containers change in memory before they register (clause
    ``tracking.containers-register-first`` says that they should not), so nothing is said about one
    whose connection refuses the change.
    """
    return known(world, thing) and not (
        is_container(world, thing) and choices.is_closed(world, thing)
    )


def is_container(world: World, thing: Name) -> bool:
    """Whether an object is a persistent container, which changes before it registers."""
    return world.objects[thing].kind == ROOT_KIND


def reachable_connection(world: World, connection: Name, *others: str) -> bool:
    """Whether the connection is there, and its transaction has not failed."""
    found = world.connections.get(connection)
    return found is not None and (usable(world, found.manager) or not found.is_open.value)


# Making and finding objects.


@operation(
    fresh("thing"),
    Argument("kind", choices.kinds),
    line=lambda world, name, kind: f"{name} = {KINDS[kind].make}",
    sensible=lambda world, name, kind: (
        name not in world.objects and not choices.enough_unsaved(world)
    ),
    weight=3,
)
def new(world: World, name: Name, kind: str) -> Outcomes:
    """Make an object."""
    made = objects.unsaved(world, kind, {})
    return [returned(world.put("objects", name, made), objects.unsaved)]


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
    return find(world, connection, ROOT, name)


@operation(
    CONNECTION,
    Argument("oid", choices.oids),
    fresh("thing"),
    line=lambda world, connection, oid, name: f"{name} = {connection}.get(oid{oid})",
    sensible=lambda world, connection, oid, name: (
        reachable_connection(world, connection)
        and name not in world.objects
        and int(oid) <= world.database_of(connection).next_oid
    ),
    weight=2,
)
def get(world: World, connection: Name, oid: str, name: Name) -> Outcomes:
    """Get an object by its oid."""
    if connections.closed_refuses_use(world, connection):
        return [refused(world, connections.closed_refuses_use)]
    added = world.held(connection, int(oid))
    if added is not None and world.objects[added].status.value == ADDED:
        found = objects.get_returns_added(world, connection, added)
        return [returned(world, objects.get_returns_added, Returned("object", found))]
    if identity.unknown_oid(world, connection, int(oid)):
        return [refused(world, identity.unknown_oid)]
    if identity.newer_oid(world, connection, int(oid)):
        return [refused(world, identity.newer_oid)]
    return find(world, connection, int(oid), name)


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
    return oid in cached or any(
        type(value) is Stored and value.oid == oid
        for transaction in world.database_of(connection).history
        for known in cached & transaction.records.keys()
        if transaction.records[known].value.kind == ROOT_KIND
        for value in (transaction.records[known].value.state or {}).values()
    )


def _kind(world: World, connection: Name, oid: int) -> str:
    found = world.database_of(connection).revision(oid, world.connections[connection].snapshot)
    assert found is not None
    return found[1].value.kind


@operation(
    CONNECTION,
    THING,
    line=lambda world, connection, thing: f"{connection}.add({thing})",
    sensible=lambda world, connection, thing: (
        reachable_connection(world, connection) and known(world, thing)
    ),
    weight=2,
)
def add(world: World, connection: Name, thing: Name) -> Outcomes:
    """Add an object to a connection."""
    refusals = []
    if connections.closed_refuses_use(world, connection):
        refusals.append(refused(world, connections.closed_refuses_use))
    if objects.add_foreign_refused(world, connection, thing):
        refusals.append(refused(world, objects.add_foreign_refused))
    if refusals:
        return refusals
    if objects.add_again_is_nothing(world, connection, thing):
        return [returned(world, objects.add_again_is_nothing)]
    objects.disowned_is_new(world, thing)
    world, oid = objects.fresh_oid(world, connection)
    added = objects.add_assigns_oid(world, connection, thing, oid)
    return [returned(register(world, connection, thing, added), objects.add_assigns_oid)]


def register(world: World, connection: Name, thing: Name, changed: Object) -> World:
    """The world in which an object belongs to the transaction, and its connection has joined it."""
    state = world.connections[connection]
    manager = world.managers[state.manager]
    if connection not in manager.joined:
        world = world.put(
            "managers", state.manager, manager._replace(joined=(*manager.joined, connection))
        )
    if thing not in state.registered:
        state = state._replace(registered=(*state.registered, thing))
        world = world.put("connections", connection, state)
    return world.put("objects", thing, changed)


# Changing objects.


def write(
    world: World,
    thing: Name,
    change: Callable[[State], State],
    clause: Callable[[World, Name, State, int], Object] = tracking.assignment_registers,
) -> Outcomes:
    """The outcomes of a change of an object's state, however it is made."""
    found = world.objects[thing]
    state, base = state_of(world, thing).value
    if found.owner.value is None:
        free = tracking.unsaved_is_free(world, thing, change(state))
        return [returned(world.put("objects", thing, free), tracking.unsaved_is_free)]
    connection = found.owner.value[0]
    if connections.closed_refuses_change(world, connection):
        return [refused(world, connections.closed_refuses_change)]
    changed = clause(world, thing, change(state), base)
    if found.status.value == ADDED:
        changed = changed._replace(status=found.status)
    return [returned(register(world, connection, thing, changed), clause)]


@operation(
    THING,
    ATTRIBUTE,
    Argument("value", choices.values),
    line=lambda world, thing, attribute, value: (
        f"{place(world, thing, attribute)} = {EXPRESSIONS[value]}"
    ),
    sensible=changeable,
    weight=5,
)
def set_(world: World, thing: Name, attribute: str, value: str) -> Outcomes:
    """Assign a value that is not persistent."""
    return write(world, thing, lambda state: {**state, attribute: Plain(value)})


@operation(
    THING,
    ATTRIBUTE,
    Argument("target", choices.things),
    Argument("form", lambda world, *before: choices.FORMS),
    line=lambda world, thing, attribute, target, form: (
        f"{place(world, thing, attribute)} = {_wrapped(target, form)}"
    ),
    sensible=lambda world, thing, attribute, target, form: (
        changeable(world, thing)
        and known(world, target)
        and (form != "weak" or _can_be_weak(world, thing, target))
    ),
    weight=6,
)
def link(world: World, thing: Name, attribute: str, target: Name, form: str) -> Outcomes:
    """Let an object refer to another: directly, inside a list or a dictionary, or weakly."""
    reference = InMemory(target, form == "weak", form if form in ("list", "dict") else "")
    outcomes = write(world, thing, lambda state: {**state, attribute: reference})
    if world.objects[thing].owner.value is None or not choices.is_unsaved(world, target):
        return outcomes
    return [_linked(outcome, target) for outcome in outcomes]


def _linked(outcome: Outcome, target: Name) -> Outcome:
    """The outcome in which a new object is linked to one that is owned."""
    new = reach.not_before_commit(outcome.world, target)
    return outcome._replace(world=outcome.world.put("objects", target, new))


def _wrapped(target: Name, form: str) -> str:
    return {"strong": "{}", "list": "[0, {}]", "dict": "{{'k': {}}}", "weak": "WeakRef({})"}[
        form
    ].format(target)


def _can_be_weak(world: World, thing: Name, target: Name) -> bool:
    """Whether a weak reference to the target will mean the same for as long as it is there.

    It keeps the oid that its target has when it is made, so the target has to be stored, or
    unsaved.
    """
    one, other = world.objects[thing].owner.value, world.objects[target].owner.value
    if one is None or world.objects[target].status.value == ADDED:
        return False
    return other is None or one[0] == other[0]


@operation(
    THING,
    ATTRIBUTE,
    line=lambda world, thing, attribute: f"del {place(world, thing, attribute)}",
    sensible=lambda world, thing, attribute: (
        changeable(world, thing) and attribute in (state_of(world, thing).value[0] or {})
    ),
    weight=2,
)
def unlink(world: World, thing: Name, attribute: str) -> Outcomes:
    """Delete an attribute."""
    return write(
        world, thing, lambda state: {key: value for key, value in state.items() if key != attribute}
    )


@operation(
    Argument("counter", choices.counters),
    line=lambda world, counter: f"{counter}.n += 1",
    sensible=lambda world, counter: (
        known(world, counter) and world.objects[counter].kind == "Counter"
    ),
    weight=3,
)
def increment(world: World, counter: Name) -> Outcomes:
    """Count one up."""
    return write(world, counter, lambda state: {**state, "n": Number(count(state) + 1)})


@operation(
    THING,
    ATTRIBUTE,
    Argument("reason", lambda world, *before: ("lambda", "lock", "generator", "local class")),
    line=lambda world, thing, attribute, reason: (
        f"{place(world, thing, attribute)} = "
        + {
            "lambda": "lambda: None",
            "lock": "threading.Lock()",
            "generator": "(i for i in ())",
            "local class": "(lambda: type('Local', (), {}))()",
        }[reason]
    ),
    sensible=changeable,
)
def set_unpicklable(world: World, thing: Name, attribute: str, reason: str) -> Outcomes:
    """Assign something that cannot be pickled."""
    return write(world, thing, lambda state: {**state, attribute: Unpicklable(reason)})


@operation(
    THING,
    line=lambda world, thing: f"{thing}._p_changed = True",
    sensible=lambda world, thing: known(world, thing) and choices.stays_put(world, thing),
)
def mark_changed(world: World, thing: Name) -> Outcomes:
    """Set the changed flag by hand."""
    return write(world, thing, lambda state: state, tracking.changed_flag_marks)


# Reading objects.


@operation(
    THING,
    Argument("attribute", choices.present),
    fresh("thing"),
    line=lambda *arguments: _read_line(*arguments),  # noqa: PLW0108  # it is defined below
    sensible=lambda world, thing, attribute, name: (
        known(world, thing) and name not in world.objects
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
        connection = found.owner.value[0]
        identity.reference_comes_back(world, connection, value.oid)
        return [
            outcome._replace(seen=outcome.seen._replace(value=value))
            for outcome in find(world, connection, value.oid, name)
            if type(outcome.seen) is Returned
        ]
    return [Outcome(world, Returned("value", value=value), state_of(world, thing).clause)]


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
        owner = world.objects[thing].owner.value
        if owner is not None and world.held(owner[0], value.oid) is None:
            variable = name
    suffix = choices.dereferenced(value) if isinstance(value, InMemory | Stored) else ""
    return f"{variable} = {place(world, thing, attribute)}{suffix}"


@operation(
    THING,
    line=lambda world, thing: f"{thing}._p_deactivate()",
    sensible=lambda world, thing: known(world, thing) and choices.stays_put(world, thing),
    weight=3,
)
def deactivate(world: World, thing: Name) -> Outcomes:
    """Ask an object to become a ghost."""
    found = world.objects[thing]
    if found.owner.value is None or found.status.value == CHANGED:
        kept = tracking.deactivate_keeps_changes(world, thing)
        return [returned(world.put("objects", thing, kept), tracking.deactivate_keeps_changes)]
    idle = tracking.deactivate_is_invisible(world, thing)
    return [returned(world.put("objects", thing, idle), tracking.deactivate_is_invisible)]


@operation(
    THING,
    line=lambda world, thing: f"{thing}._p_invalidate()",
    sensible=lambda world, thing: (
        known(world, thing)
        and choices.stays_put(world, thing)
        and not choices.is_unsaved(world, thing)
    ),
)
def invalidate(world: World, thing: Name) -> Outcomes:
    """Discard the state of an object."""
    ghost = tracking.invalidate_discards(world, thing)
    return [returned(world.put("objects", thing, ghost), tracking.invalidate_discards)]


@operation(
    THING,
    line=lambda world, thing: f"del {thing}",
    sensible=lambda world, thing: (
        known(world, thing)
        and world.objects[thing].status.value not in (ADDED, CHANGED)
        and not choices.is_registered(world, thing)
        and not choices.is_referenced(world, thing)
    ),
)
def forget(world: World, thing: Name) -> Outcomes:
    """Give up the program's reference to an object."""
    rest = {name: found for name, found in world.objects.items() if name != thing}
    return [returned(world._replace(objects=rest), identity.one_object)]
