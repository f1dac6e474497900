"""What is written of an object: its record, made from what it holds in memory."""

from __future__ import annotations

from collections.abc import Mapping

from zodb_spec.chapters import cross_references, identity, new_objects, reach, transactions
from zodb_spec.clause import in_force
from zodb_spec.work import Work
from zodb_spec.world import InMemory, Name, Oid, Plain, Record, State, Stored, Value, World


def record_of(world: World, connection: Name, thing: Name, oids: Mapping[Name, Oid]) -> Record:
    """The record of an object that a connection stores.

    oids  those that the objects have which are stored with it
    """
    found = world.objects[thing]
    state: State = {
        key: _stored(world, connection, value, oids)
        for key, value in (found.state.value or {}).items()
    }
    record = Record(found.kind, state, found.base)
    if any(type(value) is Plain for value in state.values()):
        record = transactions.value_comes_back(world, record)
    return record


def _stored(world: World, connection: Name, value: Value, oids: Mapping[Name, Oid]) -> Value:
    """A value as a record has it: a reference by oid, with the database where it is another."""
    if type(value) is not InMemory:
        return value
    if value.target in oids:
        return Stored(oids[value.target], value.weak, value.inside)
    owner = world.objects[value.target].owner.value
    assert owner is not None, "everything that is referred to is stored by now"
    identity.one_object(world, owner[0], owner[1])
    if owner[0] == connection:
        return Stored(owner[1], value.weak, value.inside)
    database = world.connections[owner[0]].database
    return cross_references.accepted(world, value, owner[1], database)


def ask_who_decided(world: World, work: Work) -> None:
    """Ask the clauses for which what is stored may refer to objects of other connections."""
    for target, owner in reach.foreign(world, work):
        _ask(world, work.connection, target, owner)


def _ask(world: World, connection: Name, target: Name, owner: tuple[Name, Oid]) -> None:
    if in_force(cross_references.separate_accepted, world.edition):
        cross_references.separate_accepted(world, connection, owner[0])
    elif not cross_references.is_together(world, connection, owner[0]):
        return
    elif owner[1] in world.connections[owner[0]].created and in_force(
        new_objects.savepoint_decides, world.edition
    ):
        new_objects.savepoint_decides(world, owner[0], target)
    elif new_objects.was_added(world, target):
        new_objects.add_decides(world, target)
    else:
        new_objects.commit_decides(world, *owner)


def in_memory(world: World, connection: Name, state: State) -> State:
    """What a record of a connection holds, as an object has it that was loaded from it; everything
    that it refers to is held by the program.
    """
    return {key: _loaded(world, connection, value) for key, value in state.items()}


def _loaded(world: World, connection: Name, value: Value) -> Value:
    if type(value) is not Stored:
        return value
    database = value.database or world.connections[connection].database
    member = world.member(connection, database)
    target = None if member is None else world.held(member, value.oid)
    assert target is not None, "what the record of a new object refers to is not forgotten"
    return InMemory(target, value.weak, value.inside)
