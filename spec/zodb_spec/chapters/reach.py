"""Reachability: what becomes stored, and when.

Programs rarely add objects one by one.  They link a new object to one that is stored already, and
the commit follows the links: whatever is new and can be reached from an object that is being stored
is stored with it.  That holds at the commit and not before; and nothing that is stored may ever
point to something that is not.
"""

from __future__ import annotations

from collections.abc import Iterator

from zodb_spec.chapters import objects
from zodb_spec.chapters.transactions import commit_stores_changes
from zodb_spec.clause import MUST, id_of, law, step
from zodb_spec.editions import Edition
from zodb_spec.work import Work
from zodb_spec.world import CHANGED, InMemory, Name, Object, Oid, Stored, World


def references(world: World, thing: Name) -> Iterator[InMemory]:
    """The references that an object holds in memory."""
    state = world.objects[thing].state.value
    if state:
        for value in state.values():
            if type(value) is InMemory:
                yield value


@step("reach.stored-with-referrer", MUST, rules="LIFE-2")
def stored_with_referrer(world: World, reference: InMemory) -> bool:
    """A new persistent object that can be reached by strong references from an object that is being
    stored is given an oid by the connection that stores the referrer, and is stored in the same
    commit.

    Any path counts: through other new objects, through chains and cycles of them, and through
    values that are not persistent, such as lists and dictionaries.
    """
    return not reference.weak and world.objects[reference.target].owner.value is None


@step("reach.weak-target-stored", MUST, rules="LIFE-42")
def weak_target_stored(world: World, reference: InMemory) -> bool:
    """To store a persistent weak reference to an unsaved object gives that object an oid and stores
    it as well, even if no strong reference leads to it.

    The reference needs an oid to be written down; and a program that links weakly first and
    strongly later in the same transaction gets what it means.
    """
    return reference.weak and world.objects[reference.target].owner.value is None


@step("reach.not-before-commit", MUST, rules="LIFE-3")
def not_before_commit(world: World, thing: Name) -> Object:
    """A new object that is merely linked to a stored one has neither oid nor jar before the commit
    (or a savepoint): reachability is found out when objects are stored, and not when they are
    linked.
    """
    return world.objects[thing]._replace(owner=world.fact(None, id_of(not_before_commit)))


def what_is_stored(world: World, connection: Name) -> Work:
    """Everything that a commit of this connection stores: what changed, what was added, what they
    reach, and what savepoints have stored.
    """
    stores: dict[Name, str] = {}

    def visit(name: Name, clause: str) -> None:
        if name in stores:
            return
        disowned = objects.disowned_is_new(world, name)
        stores[name] = id_of(objects.disowned_is_new) if disowned else clause
        for reference in references(world, name):
            if stored_with_referrer(world, reference):
                visit(reference.target, id_of(stored_with_referrer))
            elif weak_target_stored(world, reference):
                visit(reference.target, id_of(weak_target_stored))

    for name in world.connections[connection].registered:
        if world.objects[name].status.value == CHANGED:
            visit(name, id_of(commit_stores_changes))
        elif objects.add_is_stored(world, name):
            visit(name, id_of(objects.add_is_stored))
    owned = {world.objects[name].owner.value for name in stores}
    saved = world.connections[connection].saved
    return Work(connection, stores, tuple(oid for oid in saved if (connection, oid) not in owned))


def foreign(world: World, work: Work) -> Iterator[tuple[Name, tuple[Name, Oid]]]:
    """The strong references in what is stored that lead to other connections: the target, and its
    owner.
    """
    for name in work.stores:
        for reference in references(world, name):
            if not reference.weak:
                owner = world.objects[reference.target].owner.value
                if owner is not None and owner[0] != work.connection:
                    yield reference.target, owner


@step(
    "reach.separate-connection-refused",
    MUST,
    rules="XREF-18",
    error="InvalidObjectReference",
    since=Edition.A_PRIME,
)
def separate_connection_refused(world: World, work: Work) -> bool:
    """A commit that would store a strong reference to an object of another connection to the same
    database is refused, and nothing is stored.

    The object that is referred to may hold changes that belong to another transaction, and to
    follow the reference would show it through two snapshots at once.
    """
    mine = world.connections[work.connection].database
    return any(world.connections[other].database == mine for _, (other, _) in foreign(world, work))


@law("reach.no-dangling-reference", MUST, rules="LIFE-12")
def no_dangling_reference(world: World) -> bool:
    """No record that was committed holds a strong reference to an object that has no record, in its
    own database or in the one that the reference names.

    This is what the rules about failed commits are for: an object that was given an oid in a
    transaction that failed is new again, so that re-attaching it and committing stores it.
    """
    known = {name: set(database.oids()) for name, database in world.databases.items()}
    return all(
        value.oid in known[value.database or name]
        for name, database in world.databases.items()
        for transaction in database.history
        for record in transaction.records.values()
        for value in (record.value.state or {}).values()
        if type(value) is Stored and not value.weak
    )
