"""What a program does to put one object in the place of another."""

from __future__ import annotations

from collections.abc import Sequence

from zodb_spec.chapters import connection_methods
from zodb_spec.operation import Argument, Outcome, operation, returned
from zodb_spec.operations import choices
from zodb_spec.operations.objects import register
from zodb_spec.world import ADDED, ROOT, UNSAVED, Name, World

Outcomes = Sequence[Outcome]


def _own(world: World, connection: Name, *before: str) -> list[Name]:
    """The objects of a connection that another one can take the place of."""
    return [
        name
        for name, thing in world.objects.items()
        if thing.owner.value is not None
        and thing.owner.value[0] == connection
        and thing.owner.value[1] != ROOT
        and thing.status.value != ADDED
    ]


def _unsaved(world: World, connection: Name, old: Name, *before: str) -> list[Name]:
    """The unsaved objects of the same class."""
    kind = world.objects[old].kind
    return [
        name
        for name, thing in world.objects.items()
        if thing.status.value == UNSAVED and thing.kind == kind
    ]


def _can_be_exchanged(world: World, connection: Name, old: Name, new: Name) -> bool:
    """Whether it is clear what an exchange comes to.

    Examples say what is refused. Nobody says what becomes of references to the old object that the
    program has made itself, in objects that are stored later.
    """
    found = world.connections.get(connection)
    return (
        found is not None
        and found.is_open.value
        and not found.view.point
        and not found.view.reads_current
        and not found.invalid
        and choices.usable(world, found.manager)
        and old in world.objects
        and choices.known(world, old)
        and old in _own(world, connection)
        and not choices.is_created(world, old)
        and not choices.is_referenced(world, old)
        and new in world.objects
        and choices.known(world, new)
        and new in _unsaved(world, connection, old)
    )


@operation(
    Argument("connection", choices.connections),
    Argument("old", _own),
    Argument("new", _unsaved),
    line=lambda world, connection, old, new: f"{connection}.exchange({old}, {new}); del {old}",
    sensible=_can_be_exchanged,
    weight=0,
)
def exchange(world: World, connection: Name, old: Name, new: Name) -> Outcomes:
    """Put an unsaved object in the place of another one, and give that up.

    What was a ghost before counts as loaded or not, as everything does that has not changed.
    """
    owner = world.objects[old].owner.value
    assert owner is not None
    taken = connection_methods.takes_the_place(world, old, new)
    objects = {**world.objects, **choices.as_loaded(world, world.group(connection))}
    rest = {name: thing for name, thing in objects.items() if name != old}
    found = world.connections[connection]
    found = found._replace(
        registered=tuple(name for name in found.registered if name != old),
        replaced={**found.replaced, owner[1]: world.step},
    )
    after = world._replace(objects=rest).put("connections", connection, found)
    return [returned(register(after, connection, new, taken), connection_methods.takes_the_place)]
