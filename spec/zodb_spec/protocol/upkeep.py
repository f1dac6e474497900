"""Pack, and opening again, as operations on a storage."""

from __future__ import annotations

from collections.abc import Sequence

from zodb_spec.chapters.storage import upkeep
from zodb_spec.operation import Outcome
from zodb_spec.protocol.committing import declared, passes
from zodb_spec.protocol.reading import source
from zodb_spec.protocol.world import ROOT, STORAGE, Handle, World

Outcomes = Sequence[Outcome]


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
    distinct = {tuple(tuple(t.revisions) for t in store.history): store for store in stores}
    allowed = [
        upkeep.pack_last(store) if upkeep.is_emptied(store) else store
        for store in distinct.values()
    ]
    if any(store.history == world.store.history for store in allowed):
        allowed.append(world.store)
    return [passes(world._replace(store=store), upkeep.pack) for store in allowed]


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
