"""Laws: what holds after every step, whatever a program does.

The other chapters say what each operation does.  These clauses say what follows from all of them
together, and so what a program may rely on without thinking of operations at all.  Those that stand
here are statements about a world; what holds of every step, two further chapters say.

That the model obeys them is found out by exploring it (`zodb_spec.explore`).
"""

from __future__ import annotations

from itertools import pairwise

from zodb_spec.clause import MUST, law
from zodb_spec.editions import Edition
from zodb_spec.kinds import KINDS
from zodb_spec.world import (
    ADDED,
    CHANGED,
    CLEAN,
    GHOST,
    LOADED,
    NEVER,
    UNSAVED,
    Connection,
    Name,
    Number,
    Oid,
    Plain,
    Stored,
    World,
    revision_of,
    state_of,
)

UNCHANGED = (CLEAN, GHOST, LOADED)


@law("object.unsaved-has-no-owner", MUST, rules="LIFE-1")
def unsaved_has_no_owner(world: World) -> bool:
    """At any time an object is either unsaved, without jar and oid, or owned by one connection,
    with both.
    """
    return all(
        (thing.status.value == UNSAVED) == (thing.owner.value is None)
        for thing in world.objects.values()
    )


@law("identity.one-holder", MUST, rules="LIFE-30")
def one_holder(world: World) -> bool:
    """At no time does a program hold two objects of one connection that have the same oid."""
    owners = [thing.owner.value for thing in world.objects.values() if thing.owner.value]
    return len(owners) == len(set(owners))


@law("object.memory-or-record", MUST, rules="LIFE-11 LIFE-35")
def memory_or_record(world: World) -> bool:
    """What an object holds is always somewhere: in memory as long as it is unsaved, added or
    changed, and otherwise in a record which the snapshot of its connection shows.
    """
    for name, thing in world.objects.items():
        if (thing.state.value is None) != (thing.status.value in UNCHANGED):
            return False
        if thing.state.value is None and state_of(world, name).value[0] is None:
            return False
    return True


@law("tracking.changed-takes-part", MUST, rules="LIFE-19 CONN-37 CONN-38")
def changed_takes_part(world: World) -> bool:
    """Every object that was added or changed belongs to the transaction of its own connection's
    manager: it is registered, and its connection is open and has joined, once.
    """
    for name, thing in world.objects.items():
        if thing.status.value in (ADDED, CHANGED):
            assert thing.owner.value is not None
            connection = world.connections[thing.owner.value[0]]
            joined = world.managers[connection.manager].joined
            if name not in connection.registered or joined.count(thing.owner.value[0]) != 1:
                return False
    return all(
        world.connections[name].is_open.value and world.connections[name].manager == each
        for each, manager in world.managers.items()
        for name in manager.joined
    )


@law("isolation.snapshot-is-committed", MUST, rules="ISO-2 ISO-3")
def snapshot_is_committed(world: World) -> bool:
    """The snapshot of a connection never moves back, and is never newer than the newest
    transaction.
    """
    return all(
        connection.snapshot <= world.databases[connection.database].last
        and all(one.value <= next_.value for one, next_ in pairwise(connection.boundaries))
        for connection in world.connections.values()
    )


@law("isolation.changes-start-from-the-snapshot", MUST, rules="ISO-1 ISO-8")
def changes_start_from_the_snapshot(world: World) -> bool:
    """An object that a transaction has changed was made from the revision that the snapshot of its
    connection shows, so that a conflict with any later one is noticed.
    """
    for thing in world.objects.values():
        if thing.status.value == CHANGED:
            assert thing.owner.value is not None
            shown = revision_of(world, *thing.owner.value)
            if shown is None or shown[0] != thing.base:
                return False
    return all(
        record.value.base == (NEVER if shown is None else shown[0])
        for name, connection in world.connections.items()
        for oid, record in connection.saved.items()
        for shown in (
            world.database_of(name).revision(oid, connection.snapshot, connection.view.version),
        )
    )


@law("isolation.no-lost-update", MUST, rules="ISO-8 ISO-12", binds="storage")
def no_lost_update(world: World) -> bool:
    """No update is lost: every revision of an object was made from the one just before it, unless
    the two changes were merged.
    """
    for database in world.databases.values():
        newest: dict[Oid, int] = {}
        for transaction in database.history:
            for oid, fact in transaction.records.items():
                before = newest.get(oid, NEVER)
                merged = database.resolves and KINDS[fact.value.kind].resolves
                if fact.value.base != before and not (merged and fact.value.base < before):
                    return False
                newest[oid] = transaction.tid
    return True


@law("record.only-what-pickles", MUST, rules="LIFE-23 LIFE-45 SER-23")
def only_what_pickles(world: World) -> bool:
    """Every record holds values that can be pickled, references by oid, and nothing else."""
    return all(
        type(value) in (Plain, Number, Stored)
        for database in world.databases.values()
        for transaction in database.history
        for fact in transaction.records.values()
        for value in (fact.value.state or {}).values()
    )


@law("savepoint.data-belongs-to-a-transaction", MUST, rules="SAVE-9 SAVE-33")
def savepoint_data_belongs(world: World) -> bool:
    """What savepoints have stored belongs to a transaction under way: nothing of it is left when
    the transaction has ended.
    """
    return all(
        not connection.saved
        or (connection.is_open.value and name in world.managers[connection.manager].joined)
        for name, connection in world.connections.items()
    ) and all(
        connection.created.keys() <= connection.saved.keys()
        for connection in world.connections.values()
    )


@law("group.one-each", MUST, rules="XREF-5 XREF-9")
def one_each(world: World) -> bool:
    """A group has at most one connection to each database, and all of its databases belong to one
    collection.  From 2005-06-17 on its members are open or closed together, and open ones work for
    one transaction manager.
    """
    together = world.edition >= Edition.B
    firsts: dict[Name, Connection] = {}
    taken = set()
    for connection in world.connections.values():
        first = firsts.setdefault(connection.group, connection)
        if (connection.group, connection.database) in taken:
            return False
        taken.add((connection.group, connection.database))
        if first is connection:
            continue
        one, other = world.databases[first.database], world.databases[connection.database]
        if one.collection != other.collection:
            return False
        if together and (first.manager, first.is_open[0]) != (
            connection.manager,
            connection.is_open[0],
        ):
            return False
    return True


@law("xref.inside-the-collection", MUST, rules="XREF-14 XREF-16")
def inside_the_collection(world: World) -> bool:
    """Every reference across databases that is stored leads to a database of the same
    collection.
    """
    return all(
        world.databases[value.database].collection == database.collection
        for database in world.databases.values()
        for transaction in database.history
        for fact in transaction.records.values()
        for value in (fact.value.state or {}).values()
        if type(value) is Stored and value.database
    )
