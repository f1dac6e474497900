"""Faults that concern a storage."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zodb_spec.chapters.storage import commits, restorations, revisions, snapshots, upkeep
from zodb_spec.protocol import committing
from zodb_spec.protocol.world import COUNTER, Commit, Data, Store, World

from planted.fault import Fault, refuses_nothing


def given_twice(function: Callable[..., Store], world: World, oid: str) -> Store:
    store = function(world, oid)
    return store._replace(oids=(*store.oids, *store.oids[-1:]))


def stored_all_the_same(function: Callable[..., World], world: World, commit: Commit) -> World:
    store = commits.finish(world, commit, f"tid{world.step}")
    return function(world._replace(store=store), commit)


def in_part(function: Callable[..., Store], world: World, commit: Commit, tid: str) -> Store:
    return function(world, commit._replace(writes=dict(list(commit.writes.items())[1:])), tid)


def rewrites(function: Callable[..., Store], world: World, commit: Commit, tid: str) -> Store:
    store = function(world, commit, tid)
    return store._replace(history=store.history[1:])


def last_count_wins(
    function: Callable[..., Any], world: World, commit: Commit, oid: str, data: Data, *more: str
) -> Commit | None:
    merged: Commit | None = function(world, commit, oid, data, *more)
    if merged is None:
        return None
    fact = world.fact(Data(COUNTER, data.value), "fault")
    return merged._replace(writes={**merged.writes, oid: fact})


def too_much(function: Callable[..., Store], world: World, **how: bool) -> Store:
    packed = function(world, **how)
    first = next(i for i, each in enumerate(packed.history) if each.revisions)
    history = list(packed.history)
    history[first] = history[first]._replace(revisions={})
    return packed._replace(history=tuple(history))


def without_the_last(function: Callable[..., Store], world: World, **how: bool) -> Store:
    packed = function(world, **how)
    return packed._replace(history=packed.history[:-1])


def everybody_moves(function: Callable[..., World], world: World, name: str) -> World:
    after = function(world, name)
    moved = {
        each: handle._replace(snapshot=world.store.last) if handle.is_instance else handle
        for each, handle in after.handles.items()
    }
    return after._replace(handles=moved)


def gives_the_turn_away(function: Callable[..., World], world: World, clause: Any) -> World:
    return function(world, clause)._replace(commit=None)


def may_be_refused(function: Callable[..., Commit], *arguments: Any) -> Commit:
    return committing.doubted(function(*arguments), commits.conflict)


def forgets_what_was_written(function: Callable[..., Commit], commit: Commit) -> Commit:
    return function(commit)._replace(writes={})


def includes_the_tid(function: Callable[..., Any], store: Store, oid: str, tid: str) -> Any:
    tids = store.tids
    later = tids[tids.index(tid) + 1 :] if tid in tids else ()
    return function(store, oid, later[0] if later else "z64")


def lists_what_is_deleted(function: Callable[..., Any], store: Store) -> list[str]:
    return [oid for oid in store.known() if store.current(oid) is not None]


FAULTS = (
    Fault(
        "an oid is given twice",
        commits,
        "new_oid",
        given_twice,
        "reopened",
        "protocol.names-are-given-once",
        "new-oid",
    ),
    Fault(
        "an abort stores what was written",
        commits,
        "abort",
        stored_all_the_same,
        "stores",
        "protocol.only-the-end-is-seen",
        "tpc-begin tpc-abort",
    ),
    Fault(
        "a transaction is stored in part",
        commits,
        "finish",
        in_part,
        "stores",
        "protocol.all-or-nothing",
        "tpc-begin store tpc-vote tpc-finish",
    ),
    Fault(
        "a transaction is stored in place of another one",
        commits,
        "finish",
        rewrites,
        "stores",
        "protocol.all-or-nothing",
        "tpc-begin store tpc-vote tpc-finish",
    ),
    Fault(
        "the last committer wins",
        commits,
        "conflict",
        refuses_nothing,
        "stores",
        "protocol.first-committer-wins",
        "tpc-begin store",
    ),
    Fault(
        "of two counts in conflict the last one is all that is left",
        commits,
        "resolved",
        last_count_wins,
        "merges",
        "protocol.merging-loses-nothing",
        "tpc-begin store",
    ),
    Fault(
        "what is restored may be a conflict",
        restorations,
        "restore",
        may_be_refused,
        "restored",
        "protocol.restoring-is-no-conflict",
        "begin-with-tid restore-record",
    ),
    Fault(
        "a stranger's call ends the transaction that is being committed",
        committing,
        "spared",
        gives_the_turn_away,
        "calls-out-of-order",
        "protocol.refusals-change-nothing",
        "tpc-begin begin-twice",
    ),
    Fault(
        "a refused record takes along what was written before",
        commits,
        "failed",
        forgets_what_was_written,
        "stores",
        "protocol.refusals-change-nothing",
        "tpc-begin store store",
    ),
    Fault(
        "a pack removes a current revision",
        upkeep,
        "pack",
        too_much,
        "garbage",
        "protocol.pack-spares-what-is-current",
        "pack-storage",
    ),
    Fault(
        "a pack removes the last transaction",
        upkeep,
        "pack",
        without_the_last,
        "undone-and-packed",
        "protocol.pack-spares-what-is-current",
        "pack-storage",
    ),
    Fault(
        "whoever polls moves the snapshots of all",
        snapshots,
        "poll",
        everybody_moves,
        "snapshots",
        "protocol.snapshots-stand",
        "new-instance new-instance poll",
    ),
    Fault(
        "what was before a transaction is taken to include it",
        revisions,
        "load_before",
        includes_the_tid,
        "deletions",
        "protocol.reads-agree",
        "tpc-begin",
    ),
    Fault(
        "what was deleted is listed among the current records",
        revisions,
        "record_iteration",
        lists_what_is_deleted,
        "deletions",
        "protocol.reads-agree",
        "tpc-begin delete-object tpc-vote tpc-finish",
    ),
)
