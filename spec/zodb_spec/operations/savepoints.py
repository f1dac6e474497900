"""What a program does with savepoints: make them, and return to them."""

from __future__ import annotations

from collections.abc import Sequence

from zodb_spec.chapters import new_objects, savepoints, tracking
from zodb_spec.chapters.reach import foreign, references, what_is_stored
from zodb_spec.clause import clauses, id_of, in_force
from zodb_spec.editions import Edition
from zodb_spec.operation import Argument, Outcome, Raised, Returned, operation, refused, returned
from zodb_spec.operations import choices, endings
from zodb_spec.operations.choices import fresh, usable
from zodb_spec.operations.records import record_of
from zodb_spec.operations.storing import with_oids
from zodb_spec.operations.transactions import can_be_stored, refusals_of_records
from zodb_spec.work import Work
from zodb_spec.world import (
    ADDED,
    CHANGED,
    NOTHING,
    Connection,
    Name,
    Object,
    Saved,
    Savepoint,
    World,
)

Outcomes = Sequence[Outcome]
MANAGER = Argument("manager", choices.busy_managers)
MOST_VALID = 3


# Making one.


def _can_be_made(world: World, manager: Name, name: Name) -> bool:
    if manager not in world.managers or name in world.savepoints:
        return False
    if not usable(world, manager):
        return True
    valid = [each for each in world.savepoints.values() if each.manager == manager]
    return (
        sum(each.valid.value for each in valid) < MOST_VALID
        and _can_keep(world, manager)
        and can_be_stored(world, manager)
        and not _has_weak_references(world, manager)
        and not (world.edition == Edition.A and _leads_out(world, manager))
    )


def _can_keep(world: World, manager: Name) -> bool:
    """Whether all that has joined a transaction can keep its changes for a savepoint, and has not
    failed to read something.

    What databases are to do themselves, and what was changed in the past, cannot be kept.
    """
    found = world.managers[manager]
    members = [world.connections[name] for name in found.joined]
    return not found.changes and not any(each.view.point or each.conflicts for each in members)


def _leads_out(world: World, manager: Name) -> bool:
    """Whether a savepoint would store references to objects of other connections."""
    return any(
        any(foreign(world, what_is_stored(world, connection)))
        for connection in world.managers[manager].joined
    )


def _has_weak_references(world: World, manager: Name) -> bool:
    """Whether a savepoint would store weak references: what becomes of one whose target is
    disowned, no clause says.
    """
    return any(
        reference.weak
        for connection in world.managers[manager].joined
        for thing in what_is_stored(world, connection).stores
        for reference in references(world, thing)
    )


@operation(
    MANAGER,
    fresh("savepoint"),
    line=lambda world, manager, name: f"{name} = {manager}.savepoint()",
    sensible=_can_be_made,
    weight=3,
)
def savepoint(world: World, manager: Name, name: Name) -> Outcomes:
    """Make a savepoint."""
    if savepoints.failed_refuses(world, manager):
        return [refused(world, savepoints.failed_refuses)]
    if world.managers[manager].status.value == "doomed":
        savepoints.in_doomed(world, manager)
    works = [what_is_stored(world, each) for each in world.managers[manager].joined]
    for work in works:
        savepoints.is_no_boundary(world, work)
    refusals = refusals_of_records(world, manager, works)
    if refusals:
        return refusals
    for work in works:
        world = _saved(world, work)
    members = {
        each: Saved(found.saved, found.created, found.replaced)
        for each in world.managers[manager].joined
        for found in (world.connections[each],)
    }
    made = Savepoint(manager, world.fact(True, id_of(savepoints.keeps_changes)), members)
    world = world.put("savepoints", name, made)
    return [returned(world, savepoints.keeps_changes, Returned("anything", name))]


def _saved(world: World, work: Work) -> World:
    """The world in which a savepoint has stored the work of a connection."""
    connection = world.connections[work.connection]
    created = dict(connection.created)
    world, oids = with_oids(world, work)
    for thing in work.stores:
        found = world.objects[thing]
        if found.owner.value is None or found.status.value == ADDED:
            created[oids[thing]] = found.owner.value is None
    if in_force(new_objects.savepoint_decides, world.edition):
        for thing in work.stores:
            new_objects.savepoint_decides(world, work.connection, thing)
        created = dict.fromkeys(created, False)
    saved = {
        **connection.saved,
        **{
            oids[thing]: savepoints.keeps_changes(
                world, record_of(world, work.connection, thing, oids)
            )
            for thing in work.stores
        },
    }
    stored = {
        thing: savepoints.stored_is_unchanged(world, work.connection, thing, oid)
        for thing, oid in oids.items()
    }
    world = world.put_all("objects", stored)
    connection = connection._replace(
        saved=saved,
        created=created,
        registered=(),
    )
    return world.put("connections", work.connection, connection)


# Returning to one.


def _can_be_returned_to(world: World, name: Name) -> bool:
    found = world.savepoints.get(name)
    if found is None:
        return False
    if not found.valid.value:
        return True
    if not usable(world, found.manager) or not _can_keep(world, found.manager):
        return False
    if _is_uncertain_of_its_end(world, found):
        return False
    return in_force(savepoints.rollback_disowns, world.edition) or not _left_owned(world, found)


def _is_uncertain_of_its_end(world: World, found: Savepoint) -> bool:
    """Whether a connection that is told only of the ends of transactions that it has joined would
    leave this one by returning: nobody says whether it is told of the end then.
    """
    joined = world.managers[found.manager].joined
    return any(
        not world.connections[each].view.synch for each in joined if each not in found.members
    )


def _left_owned(world: World, found: Savepoint) -> bool:
    """Whether objects were stored by later savepoints: in older editions they stay owned, and have
    no record.  What becomes of those that have taken the places of others is not said, either.
    """
    return any(
        world.connections[each].created.keys() - kept.created.keys()
        or world.connections[each].replaced != kept.replaced
        for each in world.managers[found.manager].joined
        for kept in (found.members.get(each, Saved(NOTHING, NOTHING)),)
    )


def _choices(world: World, *before: str) -> list[Name]:
    """The savepoints to which one can return, and of the others the newest of each sort."""
    over = {found.valid.clause: name for name, found in world.savepoints.items()}
    return [
        name
        for name, found in world.savepoints.items()
        if found.valid.value or over[found.valid.clause] == name
    ]


@operation(
    Argument("savepoint", _choices),
    line=lambda world, name: f"{name}.rollback()",
    sensible=_can_be_returned_to,
    weight=4,
)
def rollback(world: World, name: Name) -> Outcomes:
    """Return to a savepoint."""
    found = world.savepoints[name]
    if not found.valid.value:
        error = clauses()[found.valid.clause].error
        return [Outcome(world, Raised(error), found.valid.clause)]
    if world.managers[found.manager].status.value == "doomed":
        savepoints.in_doomed(world, found.manager)
    changed: dict[Name, Object] = {}
    joined = world.managers[found.manager].joined
    for each in joined:
        if each in found.members:
            changed |= _restored(world, each, found.members[each])
        elif savepoints.late_joiners_aborted(world, each):
            changed |= endings.given_up(world, each, savepoints.late_joiners_aborted)
    after = world.put_all("objects", changed)
    for each in joined:
        kept = found.members.get(each, Saved(NOTHING, NOTHING))
        after = after.put("connections", each, _returned(after.connections[each], kept))
    left = after.managers[found.manager]
    left = left._replace(joined=tuple(each for each in joined if each in found.members))
    after = after.put("managers", found.manager, left)
    after = after.put_all("savepoints", _later(world, name))
    after = after.put("savepoints", name, found._replace(is_used=True))
    return [returned(after, savepoints.rollback_restores)]


def _later(world: World, name: Name) -> dict[Name, Savepoint]:
    """The savepoints that were made after one in its transaction, which are invalid now."""
    names = list(world.savepoints)
    manager = world.savepoints[name].manager
    return {
        each: endings.invalid(found, savepoints.later_are_invalid(world, each))
        for each in names[names.index(name) + 1 :]
        for found in (world.savepoints[each],)
        if found.manager == manager and found.valid.value
    }


def _returned(connection: Connection, kept: Saved) -> Connection:
    """A connection whose transaction has returned to a savepoint."""
    return connection._replace(
        registered=(), saved=kept.saved, created=kept.created, replaced=kept.replaced
    )


def _restored(world: World, connection: Name, kept: Saved) -> dict[Name, Object]:
    """The objects of a connection when its transaction returns to a savepoint."""
    found = world.connections[connection]
    changed: dict[Name, Object] = {}
    for name, thing in world.objects.items():
        owner = thing.owner.value
        if owner is None or owner[0] != connection:
            continue
        oid = owner[1]
        if thing.status.value == ADDED:
            changed[name] = _disowned(world, name)
        elif found.replaced.get(oid) != kept.replaced.get(oid):
            changed[name] = endings.taken_back(world, name)
        elif oid in found.created and oid not in kept.created:
            changed[name] = endings.emptied(world, name, _disowned(world, name))
        elif thing.status.value == CHANGED or oid in found.saved:
            changed[name] = savepoints.rollback_restores(world, name)
    return changed


def _disowned(world: World, name: Name) -> Object:
    if in_force(savepoints.rollback_disowns, world.edition):
        return savepoints.rollback_disowns(world, name)
    return savepoints.rollback_un_adds(world, name)


@operation(
    Argument("connection", choices.connections),
    line=lambda world, connection: f"{connection}.cacheMinimize()",
    sensible=choices.usable_connection,
)
def minimize(world: World, connection: Name) -> Outcomes:
    """Ask a connection to make ghosts of what has not changed."""
    members = world.group(connection)
    idle = {
        name: tracking.deactivate_is_invisible(world, name)
        for name, thing in world.objects.items()
        if thing.owner.value is not None
        and thing.owner.value[0] in members
        and thing.status.value not in (ADDED, CHANGED)
    }
    world = world.put_all("objects", idle)
    return [returned(world, tracking.deactivate_is_invisible)]
