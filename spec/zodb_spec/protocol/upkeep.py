"""Pack, and opening again, as operations on a storage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from zodb_spec.chapters.storage import restorations, reversals, revisions, upkeep
from zodb_spec.clause import id_of
from zodb_spec.operation import Argument, Outcome, refused
from zodb_spec.operations.choices import fresh
from zodb_spec.protocol.committing import declared, passes
from zodb_spec.protocol.reading import gives, seen, source
from zodb_spec.protocol.world import NEVER, ROOT, STORAGE, Handle, Name, Oid, Store, Tid, World

Outcomes = Sequence[Outcome]
MOST_MOMENTS = 2

BRINGING_BACK = {
    id_of(reversals.undo),
    id_of(reversals.undo_several),
    id_of(reversals.undo_changed_back),
    id_of(restorations.restore_hinted),
}
"""The clauses by which an object is given a state of which it is known that it had it before."""


def _can_be_packed(world: World) -> bool:
    """Whether it is decided what a pack does: nothing is being committed, nobody shows what is
    older, and everything that can be reached from the root is there.
    """
    store = world.store
    return (
        world.commit is None
        and all(found.snapshot == store.last for found in _others(world))
        and all(
            found is not None and found[1].value is not None
            for oid in upkeep.reachable(store)
            for found in (store.current(oid),)
        )
        and store.current(ROOT) is not None
        and store.packed != store.last
    )


def _others(world: World) -> list[Handle]:
    return [found for name, found in world.handles.items() if name != STORAGE]


@declared(
    line=lambda world: f"{source(world)}.lastTransaction(); {STORAGE}.pack(time.time(), oids_in)",
    sensible=_can_be_packed,
    weight=3,
    needs="pack",
)
def pack_storage(world: World) -> Outcomes:
    """Pack for now, when what is read has been looked at: who comes to a storage that was packed
    may find that it has forgotten its last transaction, as `reopen_storage` tells.
    """
    stores = [
        upkeep.pack(world, collected=collected, forgotten=forgotten)
        for collected in (True, False)
        for forgotten in (True, False)
    ]
    return _packed(world, stores, upkeep.pack)


def _packed(world: World, stores: Sequence[Store], clause: Callable[..., Any]) -> list[Outcome]:
    """The outcomes in which one of some stores is left; where nothing is to be removed, it may have
    been left as it is.
    """
    distinct = {tuple(tuple(t.revisions) for t in store.history): store for store in stores}
    allowed = [
        upkeep.pack_last(store) if upkeep.is_emptied(store) else store
        for store in distinct.values()
    ]
    if any(store.history == world.store.history for store in allowed):
        allowed.append(world.store)
    return [passes(world._replace(store=store), clause) for store in allowed]


@declared(
    line=lambda world: (
        f"{source(world)}.lastTransaction(); {STORAGE}.pack(time.time(), oids_in, gc=False)"
    ),
    sensible=_can_be_packed,
    needs="pack",
)
def pack_without_gc(world: World) -> Outcomes:
    """Pack for now, and leave garbage alone."""
    stores = [upkeep.pack_without_gc(world, forgotten=forgotten) for forgotten in (True, False)]
    passing = _packed(world, stores, upkeep.pack_without_gc)
    return [*passing, refused(world, upkeep.pack_without_gc)]


@declared(
    fresh("moment"),
    line=lambda world, name: f"{name} = pause(); {seen(world)} = {source(world)}.lastTransaction()",
    sensible=lambda world, name: (
        world.commit is None
        and world.store.last != NEVER
        and world.store.last not in dict(world.moments).values()
        and name not in dict(world.moments)
    ),
    needs="pack",
)
def take_time(world: World, name: Name) -> Outcomes:
    """Note what time it is, and which transaction is the last one."""
    moments = (*world.moments, (name, world.store.last))[-MOST_MOMENTS:]
    after = world._replace(moments=moments)
    last = revisions.last_transaction(world.store)
    return [gives(after, revisions.last_transaction, last)]


def _moments(world: World, *before: str) -> Sequence[str]:
    return [name for name, _ in world.moments]


def _can_be_packed_for(world: World, name: Name) -> bool:
    """Whether it is decided what a pack for an earlier time does: nothing is being committed,
    nobody shows what is older, whatever is led to is there, and was there then, and nothing since
    has brought back what was replaced by then; or it is too late for that pack.
    """
    upto, store = dict(world.moments).get(name), world.store
    if upto is None or upto == store.packed or world.commit is not None:
        return False
    if any(found.snapshot != store.last for found in _others(world)):
        return False
    if upkeep.pack_earlier(store, upto):
        return True
    if _is_brought_back(store, upto):
        return False
    then = store.until(upto)
    ahead = [*upkeep.reachable(then), *upkeep.closed(store, upto, _all_roots(store, upto))]
    was_there = all(
        found is not None and found[1].value is not None
        for oid in upkeep.reachable(then)
        for found in (then.current(oid),)
    )
    return was_there and all(
        store.lineage(oid) and None not in upkeep.staying(store, upto, oid) for oid in ahead
    )


def _is_brought_back(store: Store, upto: Tid) -> bool:
    """Whether an undo since, or what was restored with a hint, has brought back what was replaced
    by the time of a transaction.

    Where it keeps no copy of that, the storage has to keep the old revision, and it may show it to
    some reads or to all.
    """
    then = store.until(upto)
    return any(
        fact.clause in BRINGING_BACK and fact.value == old.value
        for each in store.history[len(then.history) :]
        for oid, fact in each.revisions.items()
        for _, old in then.lineage(oid)[:-1]
    )


def _all_roots(store: Store, upto: Tid) -> set[Oid]:
    return {ROOT, *upkeep.stored_later(store, upto)}


@declared(
    Argument("moment", _moments),
    line=lambda world, name: f"{source(world)}.lastTransaction(); {STORAGE}.pack({name}, oids_in)",
    sensible=_can_be_packed_for,
    weight=2,
    needs="pack old-revisions",
)
def pack_past(world: World, name: Name) -> Outcomes:
    """Pack for a time that was noted, when more was stored since."""
    store, upto = world.store, dict(world.moments)[name]
    if upkeep.pack_earlier(store, upto):
        return [passes(world, upkeep.pack_earlier), refused(world, upkeep.pack_earlier)]
    later = upkeep.stored_later(store, upto)
    of_later = upkeep.led_to_later(store, upto)
    reaches = [
        (upkeep.closed(store, upto, {ROOT, *later}), True),
        (upkeep.closed(store, upto, {ROOT, *of_later}), True),
        (upkeep.closed(store, upto, {ROOT}), False),
        (None, True),
    ]
    stores = [
        upkeep.pack_past(world, upto, reached=reached, spares_new=new, forgotten=forgotten)
        for reached, new in reaches
        for forgotten in (True, False)
    ]
    return _packed(world, stores, upkeep.pack_past)


@declared(
    line=lambda world: (
        f"{STORAGE} = reopened({STORAGE}); {STORAGE}.registerDB(layer); reader = beside({STORAGE})"
    ),
    sensible=lambda world: world.commit is None and not _others(world),
    weight=2,
    needs="durable",
)
def reopen_storage(world: World) -> Outcomes:
    """Close it, and open it again."""
    after = upkeep.reopened(world)
    store = upkeep.reopened_last(after.store)
    handles = {STORAGE: Handle(snapshot=store.last)}
    return [passes(after._replace(store=store, handles=handles), upkeep.reopened)]
