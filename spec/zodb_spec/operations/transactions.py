"""What a program does with transactions: begin, commit and abort them, and have them fail."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from zodb_spec.chapters import connections, identity, isolation, objects, reach, transactions
from zodb_spec.clause import clauses, id_of
from zodb_spec.kinds import KINDS
from zodb_spec.operation import Argument, Outcome, Raised, Returned, operation, refused, returned
from zodb_spec.operations import choices
from zodb_spec.operations.choices import place, usable
from zodb_spec.operations.objects import ATTRIBUTE, is_container
from zodb_spec.work import Work
from zodb_spec.world import (
    ADDED,
    CHANGED,
    CLEAN,
    Connection,
    Fact,
    InMemory,
    Name,
    Object,
    Plain,
    Record,
    State,
    Stored,
    Transaction,
    Value,
    World,
)

Outcomes = Sequence[Outcome]
MANAGER = Argument("manager", choices.busy_managers)


def there(world: World, manager: Name, *others: str) -> bool:
    """Whether there is such a manager, and it is clear what its commit should do.

    It isn't where two connections to one database have joined the transaction, or may have joined
    it for the sake of what they marked (an example speaks of that), where the commit would reach
    objects that another, failed transaction has left in limbo, where it would store a weak
    reference to an object of another connection, and where it depends on whether the storage
    resolves conflicts, and nobody knows.
    """
    found = world.managers.get(manager)
    if found is None:
        return False
    databases = [
        world.connections[name].database for name in (*found.joined, *_marked(world, manager))
    ]
    if len(databases) != len(set(databases)):
        return False
    if any(_may_be_resolved(world, name) for name in found.joined):
        return False
    all_usable = all(usable(world, name) for name in world.managers)
    if found.status.value == "failed" or (all_usable and not _has_weak_references(world)):
        return True
    for name in found.joined:
        for thing in reach.what_is_stored(world, name).stores:
            if choices.in_limbo(world, thing) or not _is_clear(world, name, thing):
                return False
    return True


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
        KINDS[world.objects[name].kind].resolves and isolation.in_conflict(world, name)
        for name in world.connections[connection].registered
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
        if reference.weak and owner is not None and owner[0] != connection:
            return False
    return True


# Boundaries.


def boundary(
    world: World,
    manager: Name,
    why: Callable[[World, Name], Fact[int]],
    own: frozenset[Name] = frozenset(),
) -> World:
    """Move every open connection of a manager to the newest state.

    own: the objects that were stored just now, which nobody else has changed
    """
    for name, connection in world.connections.items():
        if connection.manager == manager and connection.is_open.value:
            world = move(world, name, why(world, name), isolation.boundary_invalidates, own)
    return world


def move(
    world: World,
    name: Name,
    point: Fact[int],
    invalidate: Callable[[World, Object], Object],
    own: frozenset[Name] = frozenset(),
) -> World:
    """Move one connection to a new snapshot."""
    connection = world.connections[name]
    before = connection.snapshot
    if point.value > before:
        changed = {
            oid
            for transaction in reversed(world.databases[connection.database].history)
            if transaction.tid > before
            for oid in transaction.records
        }
        stale = {
            thing: invalidate(world, found)
            for thing, found in world.objects.items()
            if found.owner.value is not None
            and found.owner.value[0] == name
            and found.owner.value[1] in changed
            and found.state.value is None
            and found.state.step != world.step  # or else something else has discarded it just now
            and thing not in own
        }
        world = world.put_all("objects", stale)
        connection = connection._replace(boundaries=(*connection.boundaries, point))
    if connection.read_current:
        connection = connection._replace(
            read_current=isolation.marks_vanish(world, name),
            forgotten=connection.forgotten | connection.read_current,
        )
    connection = connection._replace(registered=())
    return world.put("connections", name, connection)


# The end of a transaction.


def discard(
    world: World, manager: Name, cause: Callable[..., Any] = transactions.abort_discards
) -> World:
    """Give up everything that the transaction of a manager changed.

    cause: the clause by which it ends
    """
    changed: dict[Name, Object] = {}
    for name in world.managers[manager].limbo:
        changed[name] = _unsaved_again(world, name)
    for connection in world.managers[manager].joined:
        for name in world.connections[connection].registered:
            thing = world.objects[name]
            if thing.status.value == ADDED:
                changed[name] = _unsaved_again(world, name)
            elif thing.status.value == CHANGED:
                discarded = transactions.abort_discards(world, name)._replace(clause=id_of(cause))
                clean = world.fact(CLEAN, id_of(cause))
                changed[name] = thing._replace(status=clean, state=discarded, base=0)
                if isolation.in_conflict(world, name):
                    changed[name] = isolation.conflict_reloads(world, changed[name])
    world = world.put_all("objects", changed)
    found = world.managers[manager]
    usable_again = (
        found.status
        if found.status.value == "usable"
        else world.fact("usable", id_of(transactions.begin_aborts))
    )
    return world.put(
        "managers", manager, found._replace(status=usable_again, joined=(), limbo=frozenset())
    )


def _unsaved_again(world: World, name: Name) -> Object:
    return objects.memory_is_kept(world, name, objects.disowned(world, name))


@operation(
    MANAGER,
    line=lambda world, manager: f"{manager}.begin()",
    sensible=lambda world, manager: manager in world.managers,
    weight=4,
)
def begin(world: World, manager: Name) -> Outcomes:
    """Begin a transaction."""
    if transactions.begin_aborts(world, manager):
        world = discard(world, manager, transactions.begin_aborts)
    world = boundary(world, manager, isolation.boundary_shows_newest)
    return [returned(world, isolation.boundary_shows_newest)]


@operation(
    MANAGER,
    line=lambda world, manager: f"{manager}.abort()",
    sensible=lambda world, manager: manager in world.managers,
    weight=4,
)
def abort(world: World, manager: Name) -> Outcomes:
    """Abort the transaction."""
    world = boundary(discard(world, manager), manager, isolation.boundary_shows_newest)
    return [returned(world, isolation.boundary_shows_newest)]


@operation(
    MANAGER,
    line=lambda world, manager: f"{manager}.doom()",
    sensible=lambda world, manager: manager in world.managers and usable(world, manager),
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
    works = [reach.what_is_stored(world, name) for name in world.managers[manager].joined]
    if not works:
        return _without_changes(world, manager)
    refusals = _refusals(world, manager, works)
    if refusals:
        return refusals
    is_empty = not any(work.stores for work in works)
    passed = transactions.empty_transaction if is_empty else transactions.commit_stores_changes
    outcomes = [
        returned(after, passed, Returned(kind)) for after, kind in _stored(world, manager, works)
    ]
    return [*outcomes, *_refusals_of_readers(world, manager, _idle(works))]


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
    ),
)
def commit_sabotaged(world: World, manager: Name, phase: str, order: str) -> Outcomes:
    """Commit together with a data manager that fails in one of the phases."""
    works = [reach.what_is_stored(world, name) for name in world.managers[manager].joined]
    refusals = _refusals(world, manager, works)
    readers = _refusals_of_readers(world, manager, _idle(works))
    if transactions.failure_stores_nothing(world, manager, phase):
        failed = _failed(world, manager, works, transactions.failure_stores_nothing)
        return [*refusals, *readers, failed]
    if refusals:
        return refusals
    if not transactions.second_phase_failure(world, manager, order) or not works:
        return [*readers, _failed(world, manager, works, transactions.second_phase_failure)]
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
        thing in world.objects and _joins_late(world, thing) and not is_container(world, thing)
    ),
    weight=3,
)
def change_after_failure(world: World, thing: Name, attribute: str) -> Outcomes:
    """Change an object of a connection that has not joined, in a transaction that has failed."""
    owner = world.objects[thing].owner.value
    assert owner is not None
    assert transactions.failed_refuses_join(world, world.connections[owner[0]].manager)
    return [refused(world, transactions.failed_refuses_join)]


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
    moved = boundary(world, manager, isolation.boundary_shows_newest)
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
    return [work.connection for work in works if not work.stores]


def _refusals_of_readers(world: World, manager: Name, idle: Sequence[Name]) -> list[Outcome]:
    """The refusal of a commit for what connections have marked that store nothing themselves."""
    if any(isolation.read_current_alone(world, name) for name in idle):
        return [_failed(world, manager, [], isolation.read_current_alone)]
    return []


def _refusals(world: World, manager: Name, works: Sequence[Work]) -> list[Outcome]:
    """Every refusal that applies.  The order of the records is free, so any of them may win."""
    checks: tuple[Callable[[World, Work], Any], ...] = (
        transactions.unpicklable_refused,
        reach.separate_connection_refused,
        isolation.first_committer_wins,
        isolation.read_current_refused,
    )
    refusals = []
    for check in checks:
        answers = [check(world, work) for work in works]  # each is exercised, by passing as well
        if any(answers):
            refusals.append(_failed(world, manager, works, check))
    _exercise_forgotten_marks(world, manager)
    return refusals


def _exercise_forgotten_marks(world: World, manager: Name) -> None:
    """Note that a commit relies on it that earlier marks are gone."""
    for name, connection in world.connections.items():
        if connection.manager == manager and connection.forgotten:
            isolation.marks_vanish(world, name)


def _failed(
    world: World, manager: Name, works: Sequence[Work], clause: Callable[..., Any]
) -> Outcome:
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
    worlds = [(world, "committed")]
    for work in works:
        if work.stores:
            worlds = [(store(before, work), kind) for before, kind in worlds]
        else:
            worlds = [found for before, _ in worlds for found in _empty(before, work)]
    own = frozenset(thing for work in works for thing in work.stores)
    ended = []
    for after, kind in worlds:
        left = after.managers[manager]._replace(joined=())
        after_join = after.put("managers", manager, left)
        moved = boundary(after_join, manager, isolation.boundary_shows_newest, own)
        ended.append((moved, kind))
    return ended


def _empty(world: World, work: Work) -> list[tuple[World, str]]:
    name = world.connections[work.connection].database
    database = world.databases[name]
    tid = transactions.next_tid(world, name)
    outcomes = []
    for recorded in transactions.empty_transaction(world, name, tid):
        after = database._replace(empty_recorded=recorded)
        if recorded:
            after = after._replace(history=(*after.history, Transaction(tid, {})))
        outcomes.append(
            (world.put("databases", name, after), "committed" if recorded else "not recorded")
        )
    return outcomes


def store(world: World, work: Work) -> World:
    """The world in which a connection has committed its work."""
    name = world.connections[work.connection].database
    oids = {}
    for thing in work.new(world):
        world, oids[thing] = objects.fresh_oid(world, work.connection)
    for thing in work.stores:
        owner = world.objects[thing].owner.value
        if owner is not None:
            oids[thing] = owner[1]
    database = world.databases[name]
    tid = transactions.next_tid(world, name)
    records = {
        oids[thing]: _record(world, thing, oids, clause, resolves=bool(database.resolves))
        for thing, clause in work.stores.items()
    }
    for connection in world.managers[world.connections[work.connection].manager].joined:
        if world.connections[connection].read_current & set(records):
            isolation.read_current_written_once(world, work)
    seen_by_others = _others(world, work.connection, set(records))
    own = {thing: _committed(world, work.connection, thing, oids[thing]) for thing in work.stores}
    world = world.put_all("objects", {**seen_by_others, **own})
    state = world.connections[work.connection]
    world = world.put(
        "connections", work.connection, state._replace(cached=state.cached | set(records))
    )
    history = (*database.history, Transaction(tid, records))
    return world.put("databases", name, database._replace(history=history))


def _committed(world: World, connection: Name, thing: Name, oid: int) -> Object:
    merged = isolation.in_conflict(world, thing)
    after = objects.commit_sets_serial(world, connection, thing, oid)
    if merged:
        return after._replace(state=world.fact(None, id_of(isolation.resolution_merges)))
    return objects.commit_keeps_state(world, after)


def _others(world: World, committer: Name, stored: set[int]) -> dict[Name, Object]:
    """What a commit means for the copies that other open connections to the same database have."""
    database = world.connections[committer].database
    others = {}
    for name, thing in world.objects.items():
        if (
            thing.owner.value is None
            or thing.owner.value[0] == committer
            or thing.owner.value[1] not in stored
        ):
            continue
        connection: Connection = world.connections[thing.owner.value[0]]
        if connection.database != database or not connection.is_open.value:
            continue
        if thing.status.value == CHANGED:
            others[name] = isolation.own_changes_survive(world, thing)
        else:
            others[name] = isolation.others_stay_invisible(world, thing)
    return others


def _record(
    world: World, thing: Name, oids: dict[Name, int], clause: str, *, resolves: bool
) -> Fact[Record]:
    """What is stored of an object, by the clause for which it is stored or else merged."""
    found = world.objects[thing]
    state: State = {
        key: _stored_value(world, value, oids) for key, value in (found.state.value or {}).items()
    }
    if resolves and isolation.in_conflict(world, thing):
        state = isolation.resolution_merges(world, thing, state)
        clause = id_of(isolation.resolution_merges)
    record = Record(found.kind, state, found.base)
    if any(type(value) is Plain for value in state.values()):
        record = transactions.value_comes_back(world, record)
    return world.fact(record, clause)


def _stored_value(world: World, value: Value, oids: dict[Name, int]) -> Value:
    """A value as its record has it: a reference by oid."""
    if type(value) is not InMemory:
        return value
    oid = oids[value.target] if value.target in oids else _oid(world, value.target)
    return Stored(oid, value.weak, value.inside)


def _oid(world: World, thing: Name) -> int:
    owner = world.objects[thing].owner.value
    assert owner is not None, "everything that is referred to is stored by now"
    identity.one_object(world, owner[0], owner[1])
    return owner[1]
