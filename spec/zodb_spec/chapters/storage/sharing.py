"""Sharing, step by step: what several clients of one storage see of each other.

Each of them has a storage object of its own.  What one has committed it shows itself at once; the
others hear of it, and in the meantime may show what was there before.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, step
from zodb_spec.protocol.world import Handle, Name, Oid, Store, Tid, World


@step("protocol.open-client", MUST, rules="STOR-34 STOR-17", needs="several-clients")
def open_client(world: World, name: Name) -> World:
    """Another client shows everything that was finished before it was opened."""
    opened = Handle(is_client=True, snapshot=world.store.last)
    return world._replace(handles={**world.handles, name: opened})


@step("protocol.client-catches-up", MUST, rules="STOR-34 STOR-17", needs="several-clients")
def catch_up(world: World, name: Name) -> World:
    """Every client comes to tell of what another one has finished, without being asked or when it
    is asked for changes; and shows all of it from then on.
    """
    told = world.handles[name]._replace(snapshot=world.store.last)
    return world._replace(handles={**world.handles, name: told})


@step(
    "protocol.client-reads",
    MUST,
    rules="STOR-34 STOR-15",
    error="POSKeyError",
    needs="several-clients",
)
def may_show(store: Store, since: Tid) -> list[Store]:
    """Until a client tells of what another one has finished, it shows of each object what was
    current before, or since, at some moment: nothing older than what it has told of, and nothing
    that was not finished.

    since: the transaction that was the newest when it last knew all
    """
    tids = (since, *store.tids[store.tids.index(since) + 1 if since in store.tids else 0 :])
    return [store.until(tid) for tid in tids]


@step(
    "protocol.client-is-told",
    MUST,
    rules="STOR-34 ISO-33",
    needs="several-clients",
    without="instances",
)
def is_told(world: World, name: Name) -> tuple[tuple[Tid, tuple[Oid, ...]], ...]:
    """By the time that a client tells of a transaction of another one, it has told the layer above
    of it by `invalidate`, with all its objects: of each one, once, and in order; or it has told to
    forget everything by `invalidateCache`.
    """
    return world.handles[name].told


@step("protocol.close-client", MUST, rules="STOR-34", needs="several-clients")
def close_client(world: World, name: Name) -> World:
    """A client that is closed takes with it what it was about to commit, however far that was; the
    others go on.
    """
    left = {each: found for each, found in world.handles.items() if each != name}
    is_own = world.commit is not None and world.commit.handle == name
    return world._replace(handles=left, commit=None if is_own else world.commit)
