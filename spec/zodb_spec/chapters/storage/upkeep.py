"""Pack, and opening again, step by step: what becomes of a storage that is looked after."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from zodb_spec.clause import MUST, id_of, step
from zodb_spec.protocol.world import NEVER, ROOT, Data, Oid, Store, Tid, World


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

    return _forgetting(store, store.last, is_kept)._replace(latest=id_of(pack))


def _forgetting(store: Store, upto: Tid, is_kept: Callable[[Oid, Tid], bool]) -> Store:
    """What is left of a store that is packed up to a transaction."""
    kept = tuple(
        each._replace(
            revisions={o: fact for o, fact in each.revisions.items() if is_kept(o, each.tid)}
        )
        for each in store.history
    )
    packed = store._replace(history=kept, packed=upto)
    known = tuple(oid for oid in store.oids if packed.current(oid) or not store.current(oid))
    return packed._replace(oids=known)


@step("protocol.pack-past", MUST, rules="STOR-45 STOR-46", needs="pack old-revisions")
def pack_past(
    world: World, upto: Tid, *, reached: set[Oid] | None, spares_new: bool, forgotten: bool
) -> Store:
    """`pack` for an earlier time keeps what was current then and can be reached through what it
    keeps, and every revision that came later; it removes those that had been replaced by then, and
    what could not be reached.  What was stored later and can't be reached it should keep as well,
    and may remove; what that leads to, and what it was before, the storage may keep or remove.
    A storage without old revisions knows the current references alone, and collects by those.

    upto        the transaction that was the newest at that time
    reached     what counts as reached, None where nothing is collected
    spares_new  whether it keeps everything that was stored later
    forgotten   whether it removes what tells of earlier deletions
    """
    store = world.store
    early = {tid: number for number, tid in enumerate(store.until(upto).tids)}
    then = {oid: store.until(upto).current(oid) for oid in store.known()}

    def is_kept(oid: Oid, tid: Tid) -> bool:
        stays = reached is None or oid in reached
        if tid not in early:
            return stays or spares_new
        found = then[oid]
        if found is None or found[0] != tid:
            return False
        return not forgotten if found[1].value is None else stays

    return _forgetting(store, upto, is_kept)._replace(latest=id_of(pack_past))


@step(
    "protocol.pack-earlier",
    MUST,
    rules="STOR-48",
    error="ValueError StorageError",
    needs="pack old-revisions",
)
def pack_earlier(store: Store, upto: Tid) -> bool:
    """A pack for an earlier time than that of the last one changes nothing: it is passed over, or
    refused.
    """
    return store.packed != NEVER and store.tids.index(upto) < store.tids.index(store.packed)


@step("protocol.pack-without-gc", MUST, rules="STOR-45 STOR-46", error="TypeError", needs="pack")
def pack_without_gc(world: World, *, forgotten: bool) -> Store:
    """A storage may take a third argument of `pack`, `gc`.  Where it is false, everything stays
    that was not replaced, whether something leads to it or not.  Another storage refuses the
    argument, and does nothing.
    """
    return pack(world, collected=False, forgotten=forgotten)._replace(latest=id_of(pack_without_gc))


def staying(store: Store, upto: Tid, oid: Oid) -> list[Data | None]:
    """The states of an object that are not replaced by the time of a transaction, oldest first."""
    lineage = store.lineage(oid)
    early = len(store.until(upto).lineage(oid))
    return [revision.value for _, revision in lineage[max(early - 1, 0) :]]


def stored_later(store: Store, upto: Tid) -> set[Oid]:
    """The objects that were stored after a transaction."""
    later = store.history[store.tids.index(upto) + 1 :]
    return {oid for each in later for oid in each.revisions}


def led_to_later(store: Store, upto: Tid) -> set[Oid]:
    """To what those states of objects lead directly that were stored after a transaction."""
    later = store.history[store.tids.index(upto) + 1 :]
    facts = [fact for each in later for fact in each.revisions.values()]
    return {oid for fact in facts if fact.value is not None for oid in fact.value.oids}


def led_to(store: Store, upto: Tid, oids: Iterable[Oid]) -> set[Oid]:
    """To what the states of objects lead that a pack up to a transaction does not find replaced,
    directly.
    """
    states = [state for oid in oids for state in staying(store, upto, oid) if state is not None]
    return {target for state in states for target in state.oids}


def closed(store: Store, upto: Tid, roots: Iterable[Oid]) -> set[Oid]:
    """Some objects, and all to which their states lead that a pack does not find replaced."""
    reached = set(roots)
    while not (further := led_to(store, upto, reached)) <= reached:
        reached |= further
    return reached


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
