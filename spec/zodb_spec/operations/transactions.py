"""What a program does with transactions: begin, commit and abort them, and have them fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from zodb_spec.chapters import (
    cache_invalidation,
    connections,
    cross_references,
    current_reads,
    historical,
    isolation,
    new_objects,
    reach,
    transactions,
    undo,
    versions,
)
from zodb_spec.clause import clauses, id_of, in_force
from zodb_spec.editions import Edition
from zodb_spec.kinds import KINDS
from zodb_spec.operation import Argument, Outcome, Raised, Returned, operation, refused, returned
from zodb_spec.operations import choices, endings, records, storing, tasks, versioning
from zodb_spec.operations.choices import place, usable
from zodb_spec.operations.loading import read_conflicts
from zodb_spec.operations.objects import ATTRIBUTE, is_container
from zodb_spec.work import Work
from zodb_spec.world import (
    ADDED,
    CLEAN,
    GHOST,
    Name,
    World,
)

Outcomes = Sequence[Outcome]
Check = Callable[[World, Work], bool]
MANAGER = Argument("manager", choices.busy_managers)


def there(world: World, manager: Name, *others: str) -> bool:
    """Whether there is such a manager, and it is clear what its commit should do.

    It isn't where two connections to one database have joined the transaction, or may have joined
    it for the sake of what they marked (an example speaks of that), or the database itself has
    something to do as well, where the commit would reach objects of which nothing is said, as
    another, failed transaction leaves them, where it would store a weak reference to an object of
    another connection, and where it depends on whether the storage resolves conflicts, and nobody
    knows.
    """
    found = world.managers.get(manager)
    if found is None:
        return False
    databases = [
        world.connections[name].database for name in (*found.joined, *_marked(world, manager))
    ]
    databases += [change.database for change in found.changes]
    if len(databases) != len(set(databases)):
        return False
    if any(_may_be_resolved(world, name) for name in found.joined):
        return False
    if any(not versioning.is_clear(world, name) for name in found.joined):
        return False
    if not tasks.are_clear(world, found):
        return False
    return can_be_stored(world, manager)


def can_be_stored(world: World, manager: Name) -> bool:
    """Whether it is clear what is stored of a transaction, by its commit or by a savepoint."""
    found = world.managers[manager]
    if found.status.value == "failed":
        return True
    if world.edition == Edition.A and new_objects.shared(world, _works(world, manager)):
        return False  # they land in the database that is stored first
    if _may_open_what_is_closed(world, _works(world, manager)):
        return False
    if world.edition <= Edition.A_PRIME and any(_refers_to_added(world, n) for n in found.joined):
        return False  # which comes to what is stored first, or may come to nothing
    if choices.all_known(world) and not _has_weak_references(world):
        return True
    for name in found.joined:
        for thing in reach.what_is_stored(world, name).stores:
            if choices.in_limbo(world, thing) or not _is_clear(world, name, thing):
                return False
    return True


def _may_open_what_is_closed(world: World, works: Sequence[Work]) -> bool:
    """Whether a reference would be stored that leads out of a group, while connections are closed:
    whoever looks in the group for the connection that it leads to may take one of them from the
    pool, also where the reference is refused.
    """
    if len(world.databases) < 2 or all(each.is_open.value for each in world.connections.values()):
        return False
    return new_objects.shared(world, works) or any(
        other not in world.group(work.connection)
        for work in works
        for _, (other, _) in reach.foreign(world, work)
    )


def _refers_to_added(world: World, connection: Name) -> bool:
    """Whether a connection would store references to objects that were added to another one, or
    have taken the places of others there, and are not committed.
    """
    return any(
        world.objects[target].status.value == ADDED
        or choices.is_in_place(world, target)
        or (world.edition == Edition.A and choices.is_created(world, target))
        for target, _ in reach.foreign(world, reach.what_is_stored(world, connection))
    )


def _works(world: World, manager: Name) -> list[Work]:
    return [reach.what_is_stored(world, name) for name in world.managers[manager].joined]


def _marked(world: World, manager: Name) -> list[Name]:
    """The connections of a manager that have marked what they read, and have changed nothing."""
    joined = world.managers[manager].joined
    return [
        name
        for name, connection in world.connections.items()
        if connection.read_current
        and connection.manager == manager
        and connection.is_open.value
        and name not in joined
    ]


def _may_be_resolved(world: World, connection: Name) -> bool:
    """Whether a connection has a conflict which a storage that resolves conflicts would resolve."""
    return world.database_of(connection).resolves is None and any(
        KINDS[kind].resolves
        for kind in isolation.conflicts(world, reach.what_is_stored(world, connection))
    )


def _has_weak_references(world: World) -> bool:
    return any(
        reference.weak for thing in world.objects for reference in reach.references(world, thing)
    )


def _is_clear(world: World, connection: Name, thing: Name) -> bool:
    """Whether what an object refers to is out of limbo, and weakly only to what is here or new."""
    for reference in reach.references(world, thing):
        if choices.in_limbo(world, reference.target):
            return False
        owner = world.objects[reference.target].owner.value
        if reference.weak and owner is None and len(world.databases) > 1:
            return False  # another database may reach it as well
        if reference.weak and owner is not None and owner[0] != connection:
            return False
    return True


@operation(
    MANAGER,
    line=lambda world, manager: f"{manager}.begin()",
    sensible=lambda world, manager: manager in world.managers,
    weight=4,
)
def begin(world: World, manager: Name) -> Outcomes:
    """Begin a transaction."""
    joined = world.managers[manager].joined
    if transactions.begin_aborts(world, manager):
        world = endings.discard(world, manager, transactions.begin_aborts)
    world = endings.boundary(world, manager, joined, isolation.boundary_shows_newest)
    return [returned(world, isolation.boundary_shows_newest)]


@operation(
    MANAGER,
    line=lambda world, manager: f"{manager}.abort()",
    sensible=lambda world, manager: manager in world.managers,
    weight=4,
)
def abort(world: World, manager: Name) -> Outcomes:
    """Abort the transaction."""
    joined = world.managers[manager].joined
    world = endings.boundary(
        endings.discard(world, manager), manager, joined, isolation.boundary_shows_newest
    )
    return [returned(world, isolation.boundary_shows_newest)]


@operation(
    MANAGER,
    line=lambda world, manager: f"{manager}.doom()",
    sensible=lambda world, manager: manager in world.managers and usable(world, manager),
    since=Edition.C,
)
def doom(world: World, manager: Name) -> Outcomes:
    """Make sure that the transaction can't be committed."""
    doomed = world.fact("doomed", id_of(transactions.doomed_refuses_commit))
    found = world.managers[manager]._replace(status=doomed)
    return [returned(world.put("managers", manager, found), transactions.doomed_refuses_commit)]


@operation(
    MANAGER,
    line=lambda world, manager: f"{manager}.commit()",
    sensible=there,
    weight=10,
)
def commit(world: World, manager: Name) -> Outcomes:
    """End the transaction: everything that changed in it is stored, or nothing is."""
    if transactions.failed_refuses_commit(world, manager):
        return [refused(world, transactions.failed_refuses_commit)]
    if transactions.doomed_refuses_commit(world, manager):
        return [refused(world, transactions.doomed_refuses_commit)]
    works = _works(world, manager)
    if not works and not world.managers[manager].changes:
        return _without_changes(world, manager)
    marked = _marked(world, manager)
    readers = _refusals_of_readers(world, manager, [*_idle(works), *marked])
    refusals = _refusals(world, manager, works)
    if refusals:
        return [*refusals, *readers]
    is_empty = not any(works) and not world.managers[manager].changes
    passed = transactions.empty_transaction if is_empty else transactions.commit_stores_changes
    outcomes = [
        returned(after, passed, Returned(kind)) for after, kind in _stored(world, manager, works)
    ]
    if marked:  # they may join as well, for the sake of their marks
        idle = [Work(name, {}) for name in marked]
        outcomes += [
            returned(after, transactions.empty_transaction, Returned(kind))
            for after, kind in _stored(world, manager, [*works, *idle])
        ]
    return [*outcomes, *readers]


def _may_end_twice(world: World, manager: Name) -> bool:
    """Whether a connection that is told only of the ends of transactions that it has joined has
    joined this one: where it is finished, and somebody else fails then, nobody says whether the end
    is the finish, the abort that must follow, or each of them.
    """
    joined = world.managers[manager].joined
    return any(not world.connections[name].view.synch for name in joined)


@operation(
    MANAGER,
    Argument("phase", lambda world, *before: ("tpc_begin", "commit", "tpc_vote", "tpc_finish")),
    Argument("order", lambda world, *before: ("before", "after")),
    line=lambda world, manager, phase, order: (
        f"{manager}.get().join(Saboteur({phase!r}, {order!r})); {manager}.commit()"
    ),
    sensible=lambda world, manager, phase, order: (
        there(world, manager)
        and world.managers[manager].status.value == "usable"
        and not _marked(world, manager)
        and not (phase == "tpc_finish" and _may_end_twice(world, manager))
    ),
)
def commit_sabotaged(world: World, manager: Name, phase: str, order: str) -> Outcomes:
    """Commit together with a data manager that fails in one of the phases."""
    works = _works(world, manager)
    refusals = _refusals(world, manager, works)
    readers = _refusals_of_readers(world, manager, _idle(works))
    if transactions.failure_stores_nothing(world, manager, phase):
        sabotaged = failed(world, manager, works, transactions.failure_stores_nothing)
        return [*refusals, *readers, sabotaged]
    if refusals:
        return refusals
    idle = not works and not world.managers[manager].changes
    if not transactions.second_phase_failure(world, manager, order) or idle:
        return [*readers, failed(world, manager, works, transactions.second_phase_failure)]
    clause = id_of(transactions.second_phase_failure)
    return [
        *readers,
        *(
            Outcome(
                _fail(after, manager, frozenset()),
                Raised(clauses()[clause].error, kind == "committed"),
                clause,
            )
            for after, kind in _stored(world, manager, works)
        ),
    ]


@operation(
    Argument("thing", lambda world, *before: tuple(world.objects)),
    ATTRIBUTE,
    line=lambda world, thing, attribute: f"{place(world, thing, attribute)} = 1",
    sensible=lambda world, thing, attribute: (
        thing in world.objects
        and choices.suits(world, thing, attribute)
        and _joins_late(world, thing)
        and not is_container(world, thing)
    ),
    weight=3,
)
def change_after_failure(world: World, thing: Name, attribute: str) -> Outcomes:
    """Change an object of a connection that has not joined, in a transaction that has failed."""
    owner = world.objects[thing].owner.value
    assert owner is not None
    assert transactions.failed_refuses_join(world, world.connections[owner[0]].manager)
    # It has to be loaded before it can be changed, and that may be refused, too; but a transaction
    # that has failed is joined by nobody.
    conflicts = [each._replace(world=world) for each in read_conflicts(world, thing).outcomes]
    found = world.objects[thing]
    if found.status.value == GHOST:  # it may have been loaded before the change was refused
        known = found._replace(status=found.status._replace(value=CLEAN))
        world = world.put("objects", thing, known)
    return [refused(world, transactions.failed_refuses_join), *conflicts]


def _joins_late(world: World, thing: Name) -> bool:
    owner = world.objects[thing].owner.value
    if owner is None:
        return False
    connection = world.connections[owner[0]]
    manager = world.managers[connection.manager]
    return (
        connection.is_open.value
        and manager.status.value == "failed"
        and owner[0] not in manager.joined
    )


def _without_changes(world: World, manager: Name) -> Outcomes:
    """The commit of a transaction that no connection joined."""
    marked = _marked(world, manager)
    moved = endings.boundary(world, manager, (), isolation.boundary_shows_newest)
    outcomes = [returned(moved, connections.reader_does_not_join, Returned("not recorded"))]
    if marked:  # they may have joined for the sake of their marks
        idle = [Work(name, {}) for name in marked]
        outcomes += [
            returned(after, transactions.empty_transaction, Returned(kind))
            for after, kind in _stored(world, manager, idle)
            if kind == "committed"
        ]
    _exercise_forgotten_marks(world, manager)
    return [*outcomes, *_refusals_of_readers(world, manager, marked)]


def _idle(works: Sequence[Work]) -> list[Name]:
    """The connections that have joined and have nothing to store."""
    return [work.connection for work in works if not work]


def _refusals_of_readers(world: World, manager: Name, idle: Sequence[Name]) -> list[Outcome]:
    """The refusals of a commit for what connections have marked that store nothing themselves, for
    their caches, and because they show the past.
    """
    refusals = []
    if any(isolation.read_current_alone(world, name) for name in idle):
        refusals.append(failed(world, manager, [], isolation.read_current_alone))
    if any(world.connections[name].view.point for name in idle):
        refusals.append(failed(world, manager, [], historical.commit_refused))
    if any(_is_invalid(world, name) for name in idle):
        works, clause = _works(world, manager), cache_invalidation.invalidated_refuses_commit
        refusals.append(failed(world, manager, works, clause))
    return refusals


def _refusals(world: World, manager: Name, works: Sequence[Work]) -> list[Outcome]:
    """Every refusal that applies.  The order of the records is free, so any of them may win."""
    refusals = refusals_of_records(world, manager, works)
    for check in _checks_of_storage(world, works):
        answers = [check(world, work) for work in works]  # each is exercised, by passing as well
        if any(answers):
            refusals.append(failed(world, manager, works, check))
    joined = world.managers[manager].joined
    if any(
        current_reads.commit_refused(world, name) for name in joined if _reads_current(world, name)
    ):
        refusals.append(failed(world, manager, works, current_reads.commit_refused))
    if any(work and _is_invalid(world, work.connection) for work in works):
        clause = cache_invalidation.invalidated_refuses_commit
        refusals.append(failed(world, manager, works, clause))
    if any(undo.undo_refused(world, each) for each in tasks.undos(world.managers[manager])):
        refusals.append(failed(world, manager, works, undo.undo_refused))
    _exercise_forgotten_marks(world, manager)
    return refusals


def _is_invalid(world: World, connection: Name) -> bool:
    return world.connections[connection].invalid and cache_invalidation.invalidated_refuses_commit(
        world, connection
    )


def _reads_current(world: World, connection: Name) -> bool:
    return world.connections[connection].view.reads_current


def _checks_of_storage(world: World, works: Sequence[Work]) -> Iterator[Check]:
    yield isolation.first_committer_wins
    yield isolation.read_current_refused
    connections = [world.connections[work.connection] for work in works]
    if any(world.databases[found.database].versions for found in connections):
        yield versions.locks
    if any(found.view.point for found in connections):
        yield historical.commit_refused


def refusals_of_records(world: World, manager: Name, works: Sequence[Work]) -> list[Outcome]:
    """Every refusal of what can't be written down, by a commit or by a savepoint."""
    refusals = []
    for work in works:
        records.ask_who_decided(world, work)
    for check in _checks(world):
        answers = [check(world, work) for work in works]
        if any(answers):
            refusals.append(failed(world, manager, works, check))
    ambiguous = new_objects.ambiguous_refused
    if len(works) > 1 and in_force(ambiguous, world.edition) and ambiguous(world, works):
        refusals.append(failed(world, manager, works, ambiguous))
    return refusals


def _checks(world: World) -> Iterator[Check]:
    yield transactions.unpicklable_refused
    for check in (
        reach.separate_connection_refused,
        cross_references.other_group_refused,
        cross_references.outside_refused,
        new_objects.stays_ambiguous,
    ):
        if in_force(check, world.edition):
            yield check


def _exercise_forgotten_marks(world: World, manager: Name) -> None:
    """Note that a commit relies on it that earlier marks are gone."""
    for name, connection in world.connections.items():
        if connection.manager == manager and connection.forgotten:
            isolation.marks_vanish(world, name)


def failed(
    world: World, manager: Name, works: Sequence[Work], clause: Callable[..., Any]
) -> Outcome:
    """The outcome in which what was to be stored is refused, and the transaction has failed."""
    new = frozenset(name for work in works for name in work.new(world))
    after = transactions.nothing_stored(world, manager)
    return refused(_fail(after, manager, new), clause)


def _fail(world: World, manager: Name, limbo: frozenset[Name]) -> World:
    failed = world.fact("failed", id_of(transactions.failed_refuses_commit))
    return world.put(
        "managers", manager, world.managers[manager]._replace(status=failed, limbo=limbo)
    )


# What a commit stores.


def _stored(world: World, manager: Name, works: Sequence[Work]) -> list[tuple[World, str]]:
    """The worlds after a successful commit (several where an empty transaction may be recorded or
    not).
    """
    worlds = [world]
    for work in works:
        if work:
            worlds = [storing.store(before, work) for before in worlds]
        else:
            worlds = [found for before in worlds for found in _empty(before, work)]
    for change in world.managers[manager].changes:
        worlds = [found for before in worlds for found in tasks.done(before, change)]
    ended = []
    joined = world.managers[manager].joined
    for after in worlds:
        done = after.managers[manager]._replace(joined=(), changes=())
        left = after.put("managers", manager, done)
        moved = endings.boundary(left, manager, joined, isolation.boundary_shows_newest)
        ended.append((moved, "not recorded" if _is_unmoved(world, moved) else "committed"))
    return ended


def _is_unmoved(before: World, after: World) -> bool:
    """Whether no database has a new transaction."""
    return all(found.last == before.databases[name].last for name, found in after.databases.items())


def _empty(world: World, work: Work) -> list[World]:
    return storing.nothing(world, world.connections[work.connection].database)
