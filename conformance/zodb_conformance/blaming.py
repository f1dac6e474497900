"""Whom to blame: the clause that a contradiction between the target and the model speaks against.

Every fact of the model carries the clause that established it.  That clause is to blame where the
fact turns out wrong in the step that established it, or when it is seen for the first time.  Where
it was seen to hold after the step before, this step has broken it, and the clause by which the step
passed is to blame.

What an object shows when it is loaded is a fact of another kind: it rests on the snapshot of the
connection, on the record, and on the loading itself.  The serial tells which of them failed.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from zodb_spec.chapters.version_laws import MOVES
from zodb_spec.clause import clauses
from zodb_spec.world import (
    CHANGED,
    NEVER,
    Fact,
    Name,
    Object,
    Record,
    Tid,
    World,
    current,
    newest,
    revision_of,
)

LOADING = "identity.ghost-loads"
SNAPSHOT = "isolation.one-committed-state"
SERIAL = "object.commit-sets-serial"
OWNED = "object.unsaved-or-owned"
FRESH = "object.oids-are-fresh"
TOO_NEW = "identity.newer-oid"
FORGOTTEN = "isolation.read-current-forgotten"
WRITTEN = "isolation.read-current-written"
LEAKED = "savepoint.is-no-boundary"
TAKEN_BACK = "connection.exchange-is-taken-back"
SEES_OWN = "version.sees-own"
BELONGS = "version.belongs"
SABOTAGE = "Sabotage"
"""The error that the program itself brings about; it is never wrong in itself."""

EXCLUDES = {
    "connection.reader-does-not-join": "ConnectionStateError",
    "savepoint.in-doomed": "DoomedTransaction",
    LEAKED: "ConflictError",
    WRITTEN: "ReadConflictError",
    FORGOTTEN: "ReadConflictError",
    "new-object.savepoint-decides": "InvalidObjectReference",
    "new-object.add-decides": "InvalidObjectReference",
    "new-object.commit-decides": "InvalidObjectReference",
    "xref.separate-accepted": "InvalidObjectReference",
}
"""Clauses that say of an error when it is not due, the more special ones first."""
CLAIMS = {TOO_NEW: ("ConflictError",)}
"""Of the errors that a clause allows, those that speak of nothing else, where that is not all."""
CLOSED_WITH_OTHERS = ("group.closes-together", "collection.closing-closes-groups")
"""The clauses by which a connection is closed that the program did not close itself."""
LANDS = "new-object.lands-with-referrer"
HOME = "xref.changes-go-home"
LEADS = "xref.leads-to-the-group"
ACROSS = {
    "identity.connections-apart": LEADS,
    "group.opens-what-is-missing": LEADS,
    "record.reference-comes-back": "xref.accepted",
}
"""The clauses that speak of a reference across databases, in place of those on references."""
INVALIDATES = {"connection.reopen-catches-up": "connection.reopen-invalidates"}
"""The clause by which objects are invalidated where a snapshot moves; by default the following."""
STAYING = ("historical.shows-the-point", "historical.stays", "boundary.missed")
"""The clauses by which a connection does not move."""
INVALIDATION = "isolation.boundary-invalidates"
COMMITTED = ("object.commit-keeps-state", SERIAL)
RETURNING = (
    "savepoint.rollback-restores",
    "savepoint.late-joiners-aborted",
    "savepoint.abort-discards",
)
"""The clauses by which an object shows an earlier record again."""
DISCARDING = (
    "transaction.abort-discards",
    "transaction.begin-aborts",
    "isolation.conflict-reloads",
)
"""The clauses by which an object of which nothing was known has no changes any more."""


class Blame(NamedTuple):
    """A clause, and the number of the step at which it established what turned out wrong; 0 stands
    for the step itself.
    """

    clause: str
    step: int = 0


class Sight(NamedTuple):
    """What an object looked like after a step, and what was said of it then.

    thing     the object in the model
    snapshot  that of its connection
    changed, jar, oid  the real object's ``_p_changed``, ``_p_jar`` and ``_p_oid``
    returned  where it is a ghost since it returned to an earlier record: that it did
    """

    thing: Object
    snapshot: Tid
    changed: bool | None
    jar: Any
    oid: Any
    returned: Fact[Any] | None


class Stand(NamedTuple):
    """From where an object is looked at.

    world  the world after the step
    name   the object
    sight  what it looked like after the step before, None where nobody looked
    cause  the clause by which the step passed
    """

    world: World
    name: Name
    sight: Sight | None
    cause: str

    @property
    def thing(self) -> Object:
        """The object in the model."""
        return self.world.objects[self.name]

    @property
    def saved(self) -> Fact[Record] | None:
        """What a savepoint of the running transaction has stored of it, None where none has."""
        owner = self.thing.owner.value
        return None if owner is None else self.world.connections[owner[0]].saved.get(owner[1])

    @property
    def record(self) -> Fact[Any]:
        """The record that it is loaded from: what a return to an earlier one has made of it, or
        else what was stored.
        """
        returned = returned_to(self.world, self.thing, self.sight)
        if returned is not None:
            return returned
        assert self.thing.owner.value is not None
        found = revision_of(self.world, *self.thing.owner.value)
        return self.thing.state if found is None else found[1]

    @property
    def rests_on_record(self) -> bool:
        """Whether its record may be wrong although all records that were committed are right."""
        return self.saved is not None or self.record.clause in RETURNING

    @property
    def was_loaded(self) -> bool:
        """Whether it was seen to hold the right contents after the step before."""
        return self.sight is not None and self.sight.changed is not None


def returned_to(world: World, thing: Object, sight: Sight | None) -> Fact[Any] | None:
    """The fact that an object has returned to an earlier record, and has not been loaded since.

    sight: what it looked like after the step before
    """
    fact = thing.state
    is_new = sight is None or fact.step == world.step
    if fact.clause in RETURNING and fact.value is None and is_new:
        return fact
    owner = thing.owner.value
    if sight is None or owner is None or world.connections[owner[0]].snapshot != sight.snapshot:
        return None
    return sight.returned


def of_fact(stand: Stand, fact: Fact[Any]) -> Blame:
    """Who is to blame where a fact about an object is wrong."""
    if stand.sight is None or fact.step == stand.world.step:
        return Blame(fact.clause, fact.step)
    return Blame(stand.cause)


def of_serial(stand: Stand, *, newer: bool) -> Blame:
    """Who is to blame where an object that is loaded has the serial of another revision.

    newer: whether that is later than the one it should have
    """
    world, thing = stand.world, stand.thing
    if thing.status.step == world.step and thing.status.clause in COMMITTED:
        return Blame(SERIAL, world.step)
    if stand.was_loaded or (stand.sight is None and thing.state.clause != LOADING):
        return of_fact(stand, thing.state)
    if stand.rests_on_record:
        return Blame(stand.record.clause, stand.record.step)
    blame = _of_snapshot(stand, newer)
    if stand.sight is None and not newer and not _is_historical(stand):
        return Blame(INVALIDATES.get(blame.clause, INVALIDATION), blame.step)  # it was in the cache
    return blame


def _is_historical(stand: Stand) -> bool:
    owner = stand.thing.owner.value
    return owner is not None and stand.world.connections[owner[0]].view.point != ""


def _of_snapshot(stand: Stand, newer: bool) -> Blame:
    world, thing = stand.world, stand.thing
    assert thing.owner.value is not None
    connection, oid = thing.owner.value
    last = world.connections[connection].boundaries[-1]
    if last.clause in STAYING and newer:
        return Blame(last.clause, last.step)
    if newer:
        database = world.database_of(connection)
        version = world.connections[connection].view.version
        found = database.revision(oid, database.last, version)
        return Blame(SNAPSHOT, 0 if found is None else found[1].step)
    return of_boundary(world, connection, oid)


def of_boundary(world: World, connection: Name, oid: int) -> Blame:
    """Who is to blame where a connection does not see a revision that it should see: the boundary
    at which its snapshot came to cover it.
    """
    state = world.connections[connection]
    shown = world.database_of(connection).revision(oid, state.snapshot, state.view.version)
    since = NEVER if shown is None else shown[0]
    move = next(move for move in state.boundaries if move.value >= since)
    return Blame(move.clause, move.step)


def of_contents(stand: Stand, *, audited: bool, leaked: bool) -> Blame:
    """Who is to blame where an object that is loaded, with the right serial, holds something else.

    audited  whether its record is known to be right
    leaked   whether it holds what a savepoint of another connection has stored
    """
    thing = stand.thing
    if leaked:
        return Blame(LEAKED)
    was_ghost = stand.sight is not None and stand.sight.changed is None
    if thing.owner.value is None or (
        not was_ghost and (thing.state.value is not None or stand.was_loaded)
    ):
        return of_fact(stand, thing.state)
    if thing.state.step == stand.world.step and thing.status.clause in COMMITTED:
        return Blame(thing.state.clause, thing.state.step)
    if stand.sight is None and thing.state.clause in DISCARDING:
        return Blame(thing.state.clause, thing.state.step)
    if audited and not stand.rests_on_record:
        return _of_versions(stand) or Blame(LOADING)
    # Who reads the record sees what the connection sees: a version that shows through is told by
    # both, and what was stored is none the worse for it.
    if not stand.rests_on_record and _is_held_elsewhere(stand):
        return _of_versions(stand) or Blame(stand.record.clause, stand.record.step)
    return Blame(stand.record.clause, stand.record.step)


def _is_held_elsewhere(stand: Stand) -> bool:
    """Whether a version holds the object, and the connection is not in it."""
    assert stand.thing.owner.value is not None
    name, oid = stand.thing.owner.value
    connection = stand.world.connections[name]
    return stand.world.databases[connection.database].holder(oid) not in (
        "",
        connection.view.version,
    )


def _of_versions(stand: Stand) -> Blame | None:
    """Who is to blame where an object that was loaded holds something else than its record, and the
    storage had to choose between what the trunk has and what a version has; None where it had not.
    """
    owner = stand.thing.owner.value
    assert owner is not None
    connection = stand.world.connections[owner[0]]
    history = stand.world.databases[connection.database].history
    seen = tuple(each for each in history if each.tid <= connection.snapshot)
    found = newest(seen, owner[1])
    if found is None or not (found[1].value.version or found[1].clause in MOVES):
        return None
    return Blame(found[1].clause if found[1].clause in MOVES else SEES_OWN, found[1].step)


def names_of(error: BaseException) -> frozenset[str]:
    """The names of the classes of an error, bases included."""
    return _names_of(type(error))  # type: ignore[arg-type]  # a class can be hashed


@lru_cache  # a target has few errors, and a run meets each of them again and again
def _names_of(error: type[BaseException]) -> frozenset[str]:
    return frozenset(cls.__name__ for cls in error.__mro__)


def _of_marks(world: World) -> dict[str, bool]:
    """Whether the clauses on marks of `readCurrent` speak of a read conflict: on those that were
    forgotten, where there are none, and on those of what is changed as well, where that is all.
    """
    marked = [
        world.held(name, oid)
        for name, connection in world.connections.items()
        for oid in connection.read_current
    ]
    changed = [name for name in marked if name and world.objects[name].status.value == CHANGED]
    return {FORGOTTEN: not marked, WRITTEN: len(changed) == len(marked)}


def of_error(
    world: World, trace: Sequence[str], due: str, arguments: Sequence[str], error: BaseException
) -> Blame | None:
    """Who is to blame for an error that was not due: the last clause of the trace that speaks of
    such an error, None where none does.

    due: the clause of the outcome that was due
    """
    names = names_of(error)
    if SABOTAGE in names:
        return Blame(due)  # what was due did not happen, and so the next thing did
    silent = {id for id, speaks in _of_marks(world).items() if not speaks}
    for id, excluded in EXCLUDES.items():
        if id in trace and excluded in names and id not in silent:
            return Blame(id)
    for id in reversed(trace):
        clause = clauses().get(id)
        if clause is not None and names & set(CLAIMS.get(id, clause.error)):
            if id == TOO_NEW and current(
                world.database_of(arguments[0]).history, int(arguments[1])
            ):
                return of_boundary(world, arguments[0], int(arguments[1]))
            return Blame(id)
    return None
