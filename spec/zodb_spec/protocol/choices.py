"""What can be chosen for the arguments of the operations on a storage, in a given world."""

from __future__ import annotations

from collections.abc import Sequence

from zodb_spec.protocol.world import (
    BEGUN,
    COUNTER,
    MAPPING,
    NEVER,
    ROOT,
    STORAGE,
    VOTED,
    Commit,
    Data,
    Name,
    Oid,
    Store,
    Tid,
    World,
)

VALUES = ("'one'", "'two'", "'three'")
MOST_OIDS = 5
MOST_BACK = 3
"""How many of the newest transactions are asked for."""

STALE, FOREIGN = "stale", "foreign"
FOREIGN_TID = r"b'\x01' * 8"
"""A tid that no transaction has: it is of the time before there was such a database."""


def writers(world: World, *before: str) -> Sequence[str]:
    """The handles by which a transaction may be committed."""
    return tuple(world.handles)


def readers(world: World, *before: str) -> Sequence[str]:
    """The handles of which it is known what they show; of the storage itself it always is, since
    it is waited for.
    """
    return [name for name in world.handles if is_reader(world, name)]


def is_reader(world: World, name: Name) -> bool:
    """Whether something is one of the `readers`."""
    found = world.handles.get(name)
    return (
        found is not None
        and found.snapshot is not None
        and (name == STORAGE or not world.is_behind(name))
    )


def clients(world: World, *before: str) -> Sequence[str]:
    """The other clients of the storage."""
    return [name for name, found in world.handles.items() if found.is_client]


def committing(world: World, *before: str) -> Sequence[str]:
    """The handle by which a transaction is being committed."""
    return () if world.commit is None else (world.commit.handle,)


def running(world: World, *before: str) -> Sequence[str]:
    """What stands for the transaction that is being committed, if it has not voted yet."""
    return (world.commit.meta,) if world.commit and world.commit.stage == BEGUN else ()


def voted(world: World, *before: str) -> Sequence[str]:
    """What stands for the transaction that has voted."""
    return (world.commit.meta,) if world.commit and world.commit.stage == VOTED else ()


def strangers(world: World, *before: str) -> Sequence[str]:
    """What stands for a transaction that is not the current one: one that ended, or none."""
    return (*world.idle[-1:], "metadata()")


def oids(world: World, *before: str) -> Sequence[str]:
    """The oids that can be stored or read."""
    return (ROOT, *world.store.oids[-MOST_OIDS:])


def stored_oids(world: World, *before: str) -> Sequence[str]:
    """The oids of which something was stored."""
    return [oid for oid in oids(world) if world.store.current(oid) is not None]


def serial_words(world: World, *before: str) -> Sequence[str]:
    """How a serial is chosen: the current one, or what is not."""
    return ("current", "current", "current", STALE, NEVER, FOREIGN)


def serial(world: World, oid: Oid, word: str) -> Tid | None:
    """The tid for a word of `serial_words`; None where the object has none like that."""
    lineage = world.store.lineage(oid)
    if word == STALE:
        return lineage[-2][0] if len(lineage) > 1 else None
    if word == FOREIGN:
        return FOREIGN_TID
    return world.store.serial(oid) if word == "current" else NEVER


def data_words(world: World, *before: str) -> Sequence[str]:
    """How what is stored is chosen: a value, a value that refers to another object, a count."""
    return (*VALUES, "refers", COUNTER)


def data(world: World, oid: Oid, word: str) -> Data:
    """The record for a word of `data_words`."""
    if word == COUNTER:
        return Data(COUNTER, str(world.step))
    if word == "refers":
        known = [each for each in oids(world) if each != oid]
        return Data(MAPPING, VALUES[0], tuple(known[-1:]))
    return Data(MAPPING, word)


def current_of(world: World, handle: Name) -> World:
    """The world as a handle shows it."""
    snapshot = world.handles[handle].snapshot
    if not world.handles[handle].is_instance or snapshot is None:
        return world
    return world._replace(store=world.store.until(snapshot))


def own(world: World, meta: Name) -> Commit:
    """The commit for which something stands.

    Raises LookupError where it is not that one.
    """
    if world.commit is None or world.commit.meta != meta:
        raise LookupError(f"{meta} is not what is being committed")
    return world.commit


def kinds(store: Store, oid: Oid) -> set[str]:
    """Of what sort an object is, and was."""
    revisions = [revision for _, revision in store.lineage(oid)]
    return {each.value.kind for each in revisions if each.value is not None}
