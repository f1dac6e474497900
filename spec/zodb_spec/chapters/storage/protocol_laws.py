"""Laws of the protocol: what holds after every call, whatever was called before.

They are predicates over the model. Scripts that are drawn at random obey them after every step, on
the model as on a target.
"""

from __future__ import annotations

from typing import Any

from zodb_spec.chapters.storage import revisions
from zodb_spec.clause import MUST, law
from zodb_spec.operation import Outcome, Raised, Step
from zodb_spec.protocol import choices
from zodb_spec.protocol.world import BEGUN, NEVER, ROOT, Commit, Data, Oid, Store, World

PACKS = ("pack-storage", "pack-past", "pack-without-gc")
RESTORES = ("restore-record", "restore-hinted", "restore-end")


@law("protocol.names-are-given-once", MUST, rules="STOR-14 STOR-18")
def names_are_given_once(world: World) -> bool:
    """No two objects have one oid, and no two transactions one tid."""
    store = world.store
    return len({ROOT, *store.oids}) == len(store.oids) + 1 and len(set(store.tids)) == len(
        store.tids
    )


@law("protocol.reads-agree", MUST, rules="STOR-22 STOR-23 STOR-25 STOR-26 STOR-42")
def reads_agree(world: World) -> bool:
    """What one way to read says of the current revision of an object, the others say as well; and
    what `load` gave before a transaction, `loadBefore` gives for its tid until a pack.
    """
    store = world.store
    return all(_agree(store, oid) for oid in store.known()) and all(
        _same(revisions.load_before(store, oid, tid), revisions.load(earlier, oid))
        for tid in revisions.unpacked(store)
        for earlier in (store._replace(history=store.history[: store.tids.index(tid)]),)
        for oid in store.known()
    )


def _agree(store: Store, oid: Oid) -> bool:
    found = revisions.load(store, oid)
    if (oid in revisions.record_iteration(store)) != (found is not None):
        return False
    if not _same(revisions.load_before(store, oid, NEVER), found):
        return False
    if found is None:
        return True
    data, tid = found
    return (
        revisions.load_serial(store, oid, tid) == data
        and revisions.get_tid(store, oid) == tid
        and revisions.history(store, oid)[0] == tid
    )


def _same(before: tuple[Any, ...] | None, found: tuple[Any, ...] | None) -> bool:
    """Whether `loadBefore` gave what `load` gives, which has nothing to tell of a deletion."""
    if before is None or before[0] is None:
        return found is None
    return before[:2] == found


@law("protocol.only-the-end-is-seen", MUST, rules="STOR-1 STOR-8 STOR-7")
def only_the_end_is_seen(before: World, step: Step, outcome: Outcome) -> bool:
    """What is kept changes with `tpc_finish` and with `pack`, and by no other call."""
    after: World = outcome.world
    return after.store.history == before.store.history or step[0] in ("tpc-finish", *PACKS)


@law("protocol.all-or-nothing", MUST, rules="STOR-8 STOR-20")
def all_or_nothing(before: World, step: Step, outcome: Outcome) -> bool:
    """`tpc_finish` adds one transaction behind all others, with everything that was written, and
    changes nothing of them.
    """
    if step[0] != "tpc-finish" or before.commit is None:
        return True
    *others, last = outcome.world.store.history
    return tuple(others) == before.store.history and last.revisions == before.commit.writes


@law("protocol.first-committer-wins", MUST, rules="ISO-8 STOR-19")
def first_committer_wins(before: World, step: Step, outcome: Outcome) -> bool:
    """What a transaction writes over a revision that was not the one that it gave was merged with
    that, or the transaction fails.
    """
    commit = outcome.world.commit
    if step[0] != "store" or commit is None or commit.stage != BEGUN:
        return True
    oid, word = step[3], step[4]
    is_stale = word != "current" and before.store.serial(oid) != "z64"
    return not is_stale or bool(commit.refusals) or oid in commit.resolved


@law("protocol.merging-loses-nothing", MUST, rules="ISO-22 STOR-12")
def merging_loses_nothing(before: World, step: Step, outcome: Outcome) -> bool:
    """What is made of two counts in conflict has counted on from the committed one as far as the
    transaction has from the one that it was given.
    """
    commit = outcome.world.commit
    if step[0] != "store" or commit is None or before.commit is None:
        return True
    oid, word, kept = step[3], step[4], step[5]
    if oid not in commit.resolved - before.commit.resolved:
        return True
    lineage = dict(before.store.lineage(oid))
    read = lineage[choices.serial(before, oid, word) or NEVER]
    committed = lineage[before.store.serial(oid)]
    stored, given = commit.writes[oid].value, choices.data(before, oid, kept)
    return _count(stored) - _count(committed.value) == _count(given) - _count(read.value)


def _count(data: Data | None) -> int:
    assert data is not None, "only counts are merged"
    return int(data.value)


@law("protocol.restoring-is-no-conflict", MUST, rules="STOR-40", needs="restoring")
def restoring_is_no_conflict(before: World, step: Step, outcome: Outcome) -> bool:
    """No transaction fails, or may fail, for what is restored in it, and nothing is merged with
    that, whatever there is of the object.
    """
    commit, old = outcome.world.commit, before.commit
    if step[0] not in RESTORES or old is None:
        return True
    return commit is not None and _prospects(commit) == _prospects(old)


def _prospects(commit: Commit) -> Any:
    return commit.stage, commit.refusals, commit.doubts, commit.resolved


@law("protocol.refusals-change-nothing", MUST, rules="STOR-2 STOR-4 STOR-19")
def refusals_change_nothing(before: World, step: Step, outcome: Outcome) -> bool:
    """A call that is refused changes nothing of what is kept, of what instances show, and of what
    the transaction that is being committed has written; at most that can only be aborted then.
    """
    after: World = outcome.world
    if not isinstance(outcome.seen, Raised):
        return True
    same = (after.store, after.handles, after.idle) == (before.store, before.handles, before.idle)
    return same and _written(after.commit) == _written(before.commit)


def _written(commit: Commit | None) -> Any:
    if commit is None:
        return None
    return commit._replace(stage="", refusals=(), doubts=(), spared="")


@law("protocol.pack-spares-what-is-current", MUST, rules="STOR-45 STOR-47", needs="pack")
def pack_spares_what_is_current(before: World, step: Step, outcome: Outcome) -> bool:
    """A pack leaves the current revision of every object that the root leads to, and the last
    transaction.
    """
    if step[0] not in PACKS:
        return True
    old = before.store
    new: Store = outcome.world.store
    ahead, seen = [ROOT], {ROOT}
    while ahead:
        oid = ahead.pop()
        if old.current(oid) != new.current(oid):
            return False
        found = old.current(oid)
        for target in () if found is None or found[1].value is None else found[1].value.oids:
            if target not in seen:
                seen.add(target)
                ahead.append(target)
    return old.last == new.last


@law("protocol.snapshots-stand", MUST, rules="STOR-35", needs="instances")
def snapshots_stand(before: World, step: Step, outcome: Outcome) -> bool:
    """What an instance shows is changed by its own calls alone."""
    own = step[1] if len(step) > 1 else ""
    after: World = outcome.world
    return all(
        name == own or after.handles.get(name) == found
        for name, found in before.handles.items()
        if found.is_instance
    )
