"""Laws of the protocol: what holds after every call, whatever was called before.

They are predicates over the model. Scripts that are drawn at random obey them after every step, on
the model as on a target.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, law
from zodb_spec.operation import Outcome, Step
from zodb_spec.protocol.world import BEGUN, ROOT, Store, World

PACK = "pack-storage"


@law("protocol.names-are-given-once", MUST, rules="STOR-14 STOR-18")
def names_are_given_once(world: World) -> bool:
    """No two objects have one oid, and no two transactions one tid."""
    store = world.store
    return len({ROOT, *store.oids}) == len(store.oids) + 1 and len(set(store.tids)) == len(
        store.tids
    )


@law("protocol.only-the-end-is-seen", MUST, rules="STOR-1 STOR-8 STOR-7")
def only_the_end_is_seen(before: World, step: Step, outcome: Outcome) -> bool:
    """What is kept changes with `tpc_finish` and with `pack`, and by no other call."""
    after: World = outcome.world
    return after.store.history == before.store.history or step[0] in ("tpc-finish", PACK)


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
    return not is_stale or bool(commit.refusal) or oid in commit.resolved


@law("protocol.pack-spares-what-is-current", MUST, rules="STOR-45 STOR-47", needs="pack")
def pack_spares_what_is_current(before: World, step: Step, outcome: Outcome) -> bool:
    """A pack leaves the current revision of every object that the root leads to, and the last
    transaction.
    """
    if step[0] != PACK:
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
