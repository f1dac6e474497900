"""What a program does with objects: make, add, change and forget them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from zodb_spec.chapters import (
    connections,
    historical,
    identity,
    objects,
    reach,
    tracking,
)
from zodb_spec.chapters.isolation import count
from zodb_spec.editions import Edition
from zodb_spec.kinds import KINDS, ROOT_KIND
from zodb_spec.operation import Argument, Outcome, operation, refused, returned
from zodb_spec.operations import choices
from zodb_spec.operations.choices import fresh, known, place, reachable_connection
from zodb_spec.operations.joining import join
from zodb_spec.operations.loading import read_conflicts
from zodb_spec.values import EXPRESSIONS
from zodb_spec.world import (
    ADDED,
    CHANGED,
    InMemory,
    Name,
    Number,
    Object,
    Plain,
    State,
    Unpicklable,
    World,
    state_of,
)

Outcomes = Sequence[Outcome]
THING = Argument("thing", choices.things)
CONNECTION = Argument("connection", choices.connections)
ATTRIBUTE = Argument("attribute", choices.attributes)


def changeable(world: World, thing: Name, attribute: str, *others: str) -> bool:
    """Whether the object has such an attribute, and something is known about what a change of it
    does.

    Persistent containers change in memory before they register (clause
    ``tracking.containers-register-first`` says that they should not), so nothing is said about one
    whose connection refuses the change.
    """
    return (
        known(world, thing)
        and choices.suits(world, thing, attribute)
        and not (is_container(world, thing) and choices.is_closed(world, thing))
    )


def is_container(world: World, thing: Name) -> bool:
    """Whether an object is a persistent container, which changes before it registers."""
    return world.objects[thing].kind == ROOT_KIND


# Making objects.


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
    if not refusals and objects.add_again_is_nothing(world, connection, thing):
        return [returned(world, objects.add_again_is_nothing)]
    if world.connections[connection].view.point and historical.adds_nothing(world, connection):
        refusals.append(refused(world, historical.adds_nothing))
    if refusals:
        return refusals
    objects.disowned_is_new(world, thing)
    world, oid = objects.fresh_oid(world, connection)
    added = objects.add_assigns_oid(world, connection, thing, oid)
    return [returned(register(world, connection, thing, added), objects.add_assigns_oid)]


def register(world: World, connection: Name, thing: Name, changed: Object) -> World:
    """The world in which an object belongs to the transaction, and its connection has joined it."""
    world = join(world, connection)
    state = world.connections[connection]
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
    unreadable = read_conflicts(world, thing)
    if unreadable.is_sure:
        return unreadable.outcomes
    changed = clause(world, thing, change(state), base)
    if found.status.value == ADDED:
        changed = changed._replace(status=found.status)
    passed = returned(register(world, connection, thing, changed), clause)
    return [passed, *unreadable.outcomes]


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
        changeable(world, thing, attribute)
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
    unsaved; and where the target has taken the place of another object, that may be undone.
    """
    one, other = world.objects[thing].owner.value, world.objects[target].owner.value
    if one is None or world.objects[target].status.value == ADDED:
        return False
    if choices.is_created(world, target):
        return False
    if choices.is_in_place(world, target):
        return False
    return other is None or one[0] == other[0]


@operation(
    THING,
    ATTRIBUTE,
    line=lambda world, thing, attribute: f"del {place(world, thing, attribute)}",
    sensible=lambda world, thing, attribute: (
        changeable(world, thing, attribute) and attribute in (state_of(world, thing).value[0] or {})
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
    since=Edition.B,
)
def mark_changed(world: World, thing: Name) -> Outcomes:
    """Set the changed flag by hand."""
    return write(world, thing, lambda state: state, tracking.changed_flag_marks)


# Letting go of what is in memory.


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
        and not choices.is_created(world, thing)
        and not choices.is_referenced(world, thing)
    ),
)
def forget(world: World, thing: Name) -> Outcomes:
    """Give up the program's reference to an object."""
    rest = {name: found for name, found in world.objects.items() if name != thing}
    return [returned(world._replace(objects=rest), identity.one_object)]
