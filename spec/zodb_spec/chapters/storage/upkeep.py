"""Pack, and opening again, step by step: what becomes of a storage that is looked after."""

from __future__ import annotations

from zodb_spec.clause import MUST, id_of, step
from zodb_spec.protocol.world import ROOT, Oid, Store, Tid, World


@step("protocol.pack", MUST, rules="STOR-45 STOR-46 STOR-47", needs="pack")
def pack(world: World, *, collected: bool, forgotten: bool) -> Store:
    """`pack` for now removes every revision that is not current, and what can't be reached from
    the root; it changes nothing of what is current, and not the last transaction.  Of a deletion
    the storage may keep that there was one; and where there is nothing to remove it may do nothing.
    What was collected may still be read for a while, from a cache: nobody can come to it.

    collected  whether it removes what can't be reached
    forgotten  whether it removes what tells of deletions
    """
    store = world.store
    reached = reachable(store)

    def is_kept(oid: Oid, tid: Tid) -> bool:
        found = store.current(oid)
        if found is None or found[0] != tid:
            return False
        if found[1].value is None:
            return not forgotten
        return oid in reached or not collected

    kept = tuple(
        each._replace(
            revisions={o: fact for o, fact in each.revisions.items() if is_kept(o, each.tid)}
        )
        for each in store.history
    )
    packed = store._replace(history=kept, packed=store.last, latest=id_of(pack))
    known = tuple(oid for oid in store.oids if packed.current(oid) or not store.current(oid))
    return packed._replace(oids=known)


def reachable(store: Store) -> set[Oid]:
    """What the current revisions lead to from the root."""
    reached, ahead = {ROOT}, [ROOT]
    while ahead:
        found = store.current(ahead.pop())
        for oid in () if found is None or found[1].value is None else found[1].value.oids:
            if oid not in reached:
                reached.add(oid)
                ahead.append(oid)
    return reached


@step("protocol.pack-last", MUST, rules="STOR-47", needs="pack")
def pack_last(store: Store) -> Store:
    """The last transaction is the same after a pack also where that has left nothing of it, for
    everybody who has seen it before.
    """
    return store._replace(latest=id_of(pack_last))


@step("protocol.reopened", MUST, rules="STOR-8 STOR-68", needs="durable")
def reopened(world: World) -> World:
    """What was finished before a storage was closed is there when it is opened again, and nothing
    else is.  An oid that was given, and under which nothing is stored, may be given once more.
    """
    store = world.store
    known = tuple(oid for oid in store.oids if store.current(oid) is not None)
    return world._replace(store=store._replace(oids=known))


@step("protocol.reopened-last", MUST, rules="STOR-15 STOR-47", needs="durable pack")
def reopened_last(store: Store) -> Store:
    """The last transaction is the same when a storage is opened again, also where nothing is left
    of it since the storage was packed.

    A client that remembers a later one than its server knows has to take its cache for that of
    another storage, and to begin anew.
    """
    return store._replace(latest=id_of(reopened_last)) if is_emptied(store) else store


def is_emptied(store: Store) -> bool:
    """Whether nothing is left of the last transaction."""
    return bool(store.history) and not store.history[-1].revisions
